"""Planning beside its yardsticks, in the same run.

The ensemble as one batched product against the same networks one by one, the planner against
pytorch-mppi, bfloat16 against float32. One thread and its CPU time: what other processes do on the
machine is not in it. Both sides take turns.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import gymnasium
import numpy as np
import torch
from torch import Tensor

from robot_learning.benchmark.member_loop import MemberLoop
from robot_learning.dynamics import (
    DynamicsModel,
    Ensemble,
    EnsembleFit,
    EnsembleSettings,
    Transitions,
)
from robot_learning.dynamics.reduced import Reduced, multiplies_bfloat16
from robot_learning.planning.imagination import Imagination
from robot_learning.planning.objective import Objective
from robot_learning.planning.objectives import objective_of
from robot_learning.planning.search import Plan, plan
from robot_learning.planning.settings import PlannerSettings

LOOP_RATIO_MIN = 3.0
RANKS_MIN, REGRET_MAX = 0.99, 0.05
_EPISODES, _EPOCHS = 6, 15  # of random actions on Pendulum-v1
_ROWS = (1, 4, 16, 64, 256)
_STARTS, _CANDIDATES = 20, 256

Work = Callable[[], object]


def measure_planner(rounds: int, say: Callable[[str], None]) -> list[dict[str, Any]]:
    """Measures predictions, fits and plans; rows for the report.

    Args:
        rounds: turns of each side; the median of the ratios within a turn is what counts.
        say: is told how far it is.

    Raises:
        ImportError: pytorch-mppi is not installed.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        say("fitting an ensemble to Pendulum-v1")
        model, data = _fitted()
        say("predictions and gradient steps")
        results = [*_predictions(model, data, rounds), _gradient_step(model, data, rounds)]
        say("plans")
        results += [*_plans(model, data, rounds), *_mppi(model, data, rounds)]
        say("bfloat16")
        return [*results, *_precision(model, data, rounds)]
    finally:
        torch.set_num_threads(threads)


def _fitted() -> tuple[Ensemble, Transitions]:
    """An ensemble of the default size, and what it was fitted to."""
    environment, rng = gymnasium.make("Pendulum-v1"), np.random.default_rng(0)
    rows: list[tuple[Any, ...]] = []
    for episode in range(_EPISODES):
        seen, _ = environment.reset(seed=episode)
        over = False
        while not over:
            action = rng.uniform(-1.0, 1.0, 1)
            after, _, _, over, _ = environment.step((2.0 * action).astype(np.float32))
            rows.append((seen, action, after, episode))
            seen = after
    data = Transitions.from_arrays(*(np.array(column) for column in zip(*rows, strict=True)))
    settings = EnsembleSettings.model_validate({"epochs": _EPOCHS})
    model = Ensemble(3, 1, settings, torch.Generator().manual_seed(0))
    EnsembleFit(model, data, np.random.default_rng(0)).run()
    return model, data


def _predictions(model: Ensemble, data: Transitions, rounds: int) -> list[dict[str, Any]]:
    loop, results = MemberLoop(model), []
    for count in _ROWS:
        rows = data.take(torch.arange(count))
        asked = [part.expand(model.members, -1, -1) for part in (rows.observations, rows.actions)]
        times = _turns(
            partial(model.predict, *asked),
            partial(loop.predict, *asked),
            rounds,
            repeats=max(3, 200 // count),
        )
        # The bar is for what is asked at every step of an episode: whether members disagree here.
        bar = LOOP_RATIO_MIN if count == 1 else None
        results.append(_row(f"prediction, {count} rows a member", "members one by one", times, bar))
    return results


def _gradient_step(model: Ensemble, data: Transitions, rounds: int) -> dict[str, Any]:
    twin = Ensemble(3, 1, model.settings, torch.Generator().manual_seed(1))
    loop = MemberLoop(twin)
    rows = torch.arange(model.settings.batch_size).expand(model.members, -1)
    inputs, wanted = model.inputs.scale(data.inputs), model.changes.scale(data.changes)
    ours, theirs = (
        lambda: twin.descend(inputs[rows], wanted[rows]),
        lambda: loop.descend(inputs[rows], wanted[rows]),
    )
    what = f"gradient step, {model.settings.batch_size} rows a member"
    return _row(what, "members one by one", _turns(ours, theirs, rounds, repeats=5))


def _plans(model: Ensemble, data: Transitions, rounds: int) -> list[dict[str, Any]]:
    """Of a whole decision with the default settings, and with ten times the candidates."""
    loop, results = MemberLoop(model), []
    asked: DynamicsModel = Reduced(model) if multiplies_bfloat16() else model
    for population in (64, 640):
        settings = PlannerSettings.model_validate({"population": population})
        times = _turns(
            _decision(asked, data, settings), _decision(loop, data, settings), max(3, rounds // 3)
        )
        what = f"plan, {population} candidates, {settings.horizon} steps"
        results.append(_row(what, "members one by one", times))
    return results


def _mppi(model: Ensemble, data: Transitions, rounds: int) -> list[dict[str, Any]]:
    """One round of path-integral control, each member a sample of what happens."""
    settings = PlannerSettings.model_validate({"planner": "mppi", "rounds": 1, "sampling": "mean"})
    asked: DynamicsModel = Reduced(model) if multiplies_bfloat16() else model
    ours = _decision(asked, data, settings)
    plain = _decision(model, data, settings)
    results = []
    for what, mine, dynamics in (
        ("MPPI, the same ensemble in both", plain, model),
        ("MPPI, in bfloat16 where it holds", ours, MemberLoop(model)),
    ):
        peer = _peer(dynamics, data, settings)
        against = "pytorch-mppi" + (", members one by one" if dynamics is not model else "")
        results.append(_row(what, against, _turns(mine, peer, max(3, rounds // 3))))
    return results


def _peer(model: DynamicsModel, data: Transitions, settings: PlannerSettings) -> Work:
    from pytorch_mppi import MPPI

    members, objective, start = model.members, _objective(), data.observations[0]

    def dynamics(states: Tensor, actions: Tensor) -> Tensor:
        parts = (states.view(members, -1, 3), actions.view(members, -1, 1))
        return model.predict(*parts)[0].reshape(-1, 3)

    def cost(states: Tensor, actions: Tensor) -> Tensor:
        return -objective.reward(states, actions, states)

    controller = MPPI(
        dynamics,
        cost,
        nx=3,
        noise_sigma=0.25 * torch.eye(1),
        num_samples=settings.population,
        horizon=settings.horizon,
        lambda_=1.0,
        u_min=torch.tensor([-1.0]),
        u_max=torch.tensor([1.0]),
        rollout_samples=members,
    )

    def work() -> None:
        controller.command(start)

    return work


def _precision(model: Ensemble, data: Transitions, rounds: int) -> list[dict[str, Any]]:
    """What bfloat16 saves, and whether it judges plans as float32 does."""
    settings = PlannerSettings.model_validate({"population": 256})
    reduced = Reduced(model)
    times = _turns(
        _decision(reduced, data, settings), _decision(model, data, settings), max(3, rounds // 3)
    )
    if multiplies_bfloat16():
        results = [_row("plan in bfloat16, 256 candidates", "float32", times)]
    else:
        results = [_row("plan in bfloat16 (not used here), 256 candidates", "float32", times)]
    ranks, lost = [], []
    for number in range(_STARTS):
        start = data.observations[number * len(data) // _STARTS]
        drawn = torch.Generator().manual_seed(number)
        plans = 2.0 * torch.rand(_CANDIDATES, settings.horizon, 1, generator=drawn) - 1.0
        judges: tuple[DynamicsModel, ...] = (model, reduced)
        exact, rough = (
            Imagination(judge, _objective()).value(start, plans, drawn.manual_seed(number))
            for judge in judges
        )
        places = torch.stack([values.argsort().argsort().double() for values in (exact, rough)])
        ranks.append(float(torch.corrcoef(places)[0, 1]))
        lost.append(float((exact.max() - exact[rough.argmax()]) / exact.std()))
    rank, regret = min(ranks), statistics.mean(lost)
    results.append(
        {
            "what": "bfloat16: ranks of plans as in float32",
            "value": f"{rank:.4f}, the worst of {_STARTS} states",
            "bar": f">= {RANKS_MIN:g}",
            "met": rank >= RANKS_MIN,
        }
    )
    results.append(
        {
            "what": "bfloat16: value that its best plan loses, in deviations of plans",
            "value": f"{regret:.4f}, mean of {_STARTS} states",
            "bar": f"<= {REGRET_MAX:g}",
            "met": regret <= REGRET_MAX,
        }
    )
    return results


def _objective() -> Objective:
    return objective_of({"name": "swing_up"}, torch.zeros(0))


def _decision(model: DynamicsModel, data: Transitions, settings: PlannerSettings) -> Work:
    """One plan after the other, each from the one before."""
    search, generator = settings.search(1), torch.Generator().manual_seed(0)
    played = Imagination(model, _objective(), settings.particles, settings.sampling)
    start = data.observations[0]

    def work() -> Plan:
        return plan(
            search, lambda plans: played.value(start, plans, generator), generator, piece=10**9
        )

    return work


def _turns(ours: Work, theirs: Work, rounds: int, *, repeats: int = 1) -> list[tuple[float, float]]:
    """CPU seconds of each side, by turns; the first turn is not counted."""
    turns = [(_seconds(ours, repeats), _seconds(theirs, repeats)) for _ in range(rounds + 1)]
    return turns[1:]


def _seconds(work: Work, repeats: int) -> float:
    began = time.process_time()
    for _ in range(repeats):
        work()
    return (time.process_time() - began) / repeats


def _row(
    what: str, against: str, times: list[tuple[float, float]], bar: float | None = None
) -> dict[str, Any]:
    ratios = sorted(theirs / ours for ours, theirs in times)
    ours, theirs = (1e3 * statistics.median(side) for side in zip(*times, strict=True))
    ratio = statistics.median(ratios)
    row: dict[str, Any] = {
        "what": what,
        "value": f"{ours:.2f} ms",
        "against": f"{against}: {theirs:.2f} ms",
        "ratio": ratio,
        "spread": f"{ratios[0]:.2f} to {ratios[-1]:.2f}",
        "met": None if bar is None else ratio >= bar,
    }
    return row if bar is None else row | {"bar": f">= {bar:g}"}
