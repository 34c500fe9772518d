"""Learning algorithms, one file each, behind `Algorithm`."""

from __future__ import annotations

import difflib

from robot_learning.algorithms.base import Algorithm, HyperParameters, Spaces
from robot_learning.algorithms.ddpg import DDPG, DDPGHyperParameters
from robot_learning.algorithms.td3 import TD3, TD3HyperParameters

ALGORITHMS: dict[str, type[Algorithm]] = {algorithm.name: algorithm for algorithm in (TD3, DDPG)}

__all__ = [
    "ALGORITHMS",
    "DDPG",
    "TD3",
    "Algorithm",
    "DDPGHyperParameters",
    "HyperParameters",
    "Spaces",
    "TD3HyperParameters",
    "named_algorithm",
]


def named_algorithm(name: str) -> type[Algorithm]:
    """Looks an algorithm up.

    Raises:
        LookupError: there is none of that name; the message has the nearest.
    """
    if name in ALGORITHMS:
        return ALGORITHMS[name]
    near = difflib.get_close_matches(name, ALGORITHMS, n=1)
    hint = f"; did you mean {near[0]}?" if near else ""
    raise LookupError(f"no algorithm is called {name!r}; known: {', '.join(ALGORITHMS)}{hint}")
