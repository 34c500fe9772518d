"""Learning algorithms, one file each, behind `Algorithm`."""

from __future__ import annotations

import difflib

from robot_learning.algorithms.base import (
    Algorithm,
    HyperParameters,
    OffPolicyAlgorithm,
    OffPolicyHyperParameters,
    Spaces,
)
from robot_learning.algorithms.ddpg import DDPG, DDPGHyperParameters
from robot_learning.algorithms.dqn import DQN, DQNHyperParameters
from robot_learning.algorithms.linear_q import LinearQ, LinearQHyperParameters
from robot_learning.algorithms.q_learning import QLearning, QLearningHyperParameters
from robot_learning.algorithms.td3 import TD3, TD3HyperParameters

_METHODS: tuple[type[Algorithm], ...] = (
    QLearning,
    LinearQ,
    DQN,
    DDPG,
    TD3,
)
ALGORITHMS: dict[str, type[Algorithm]] = {method.name: method for method in _METHODS}
"""Every method by its name on the command line."""

__all__ = [
    "ALGORITHMS",
    "DDPG",
    "DQN",
    "TD3",
    "Algorithm",
    "DDPGHyperParameters",
    "DQNHyperParameters",
    "HyperParameters",
    "LinearQ",
    "LinearQHyperParameters",
    "OffPolicyAlgorithm",
    "OffPolicyHyperParameters",
    "QLearning",
    "QLearningHyperParameters",
    "Spaces",
    "TD3HyperParameters",
    "named_algorithm",
    "off_policy_algorithm",
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


def off_policy_algorithm(name: str) -> type[OffPolicyAlgorithm]:
    """Looks up a method that learns from a replay, as the learner of the graph does.

    Raises:
        LookupError: there is none of that name, or it learns in another way.
    """
    found = named_algorithm(name)
    if issubclass(found, OffPolicyAlgorithm):
        return found
    known = [n for n, method in ALGORITHMS.items() if issubclass(method, OffPolicyAlgorithm)]
    raise LookupError(f"{name} does not learn from a replay; these do: {', '.join(known)}")
