"""The table: what each method must reach, and whose figure says so.

"zoo" is the benchmark of rl-baselines3-zoo at revision 22e3ff2, one run a figure; "SB3" a run of
stable-baselines3 2.9.2 with the zoo's hyper-parameters on two cores.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Any

from robot_learning.verification.row import Quick, Row

# rl-baselines3-zoo, hyperparams/{ddpg,td3}.yml, Pendulum-v1.
_ZOO_PENDULUM: dict[str, Any] = {
    "gamma": 0.98,
    "hidden_sizes": [400, 300],
    "replay_capacity": 200_000,
    "warmup_steps": 10_000,
}
_QUICK_PENDULUM = Quick(
    steps=8_000,
    bar=-250.0,
    hyper_parameters={"hidden_sizes": [128, 128], "warmup_steps": 1_000},
)

ROWS: tuple[Row, ...] = (
    Row(
        name="ddpg-pendulum",
        algorithm="ddpg",
        environment="Pendulum-v1",
        steps=20_000,
        hyper_parameters=_ZOO_PENDULUM,
        bar=-175.0,
        reference="zoo -152 ± 94; SB3 -146, -153",
    ),
    Row(
        name="td3-pendulum",
        algorithm="td3",
        environment="Pendulum-v1",
        steps=20_000,
        hyper_parameters=_ZOO_PENDULUM,
        bar=-175.0,
        reference="zoo -152 ± 90; SB3 -150, -150, -152",
        quick=_QUICK_PENDULUM,
    ),
)


def chosen_rows(
    table: Sequence[Row], names: Sequence[str] = (), *, quick: bool = False
) -> list[Row]:
    """The rows of these names, in the table's order, with those that they are compared with.

    Args:
        table: to choose from.
        names: empty for all.
        quick: the shortened form of those that have one.

    Raises:
        LookupError: there is none of a name; the message has the nearest.
    """
    known = {row.name: row for row in table if row.quick or not quick}
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            kind = "quick row" if quick else "row"
            raise LookupError(f"no {kind} is called {name!r}; known: {', '.join(known)}{hint}")
    wanted = set(names) if names else set(known)
    if quick:
        return [row.shortened() for row in table if row.name in wanted]
    compared = {other for name in wanted for other in known[name].better_than}
    return [row for row in table if row.name in wanted | compared]
