"""Learning algorithms, one file each, behind `Algorithm`."""

from __future__ import annotations

import difflib

from robot_learning.algorithms.a2c import A2C, A2CHyperParameters
from robot_learning.algorithms.adversarial import AMP, GAIL
from robot_learning.algorithms.awr import AWR
from robot_learning.algorithms.base import (
    Algorithm,
    HyperParameters,
    OffPolicyAlgorithm,
    OffPolicyHyperParameters,
    Spaces,
)
from robot_learning.algorithms.bc import BC
from robot_learning.algorithms.dagger import DAgger
from robot_learning.algorithms.ddpg import DDPG, DDPGHyperParameters
from robot_learning.algorithms.ddpgfd import DDPGfD
from robot_learning.algorithms.dqn import DQN, DQNHyperParameters
from robot_learning.algorithms.finite_difference import (
    FiniteDifference,
    FiniteDifferenceHyperParameters,
)
from robot_learning.algorithms.hg_dagger import HGDAgger
from robot_learning.algorithms.imitation import ImitationAlgorithm
from robot_learning.algorithms.linear_q import LinearQ, LinearQHyperParameters
from robot_learning.algorithms.mbpo import MBPO
from robot_learning.algorithms.naf import NAF, NAFHyperParameters
from robot_learning.algorithms.on_policy import OnPolicyAlgorithm, OnPolicyHyperParameters
from robot_learning.algorithms.pets import PETS
from robot_learning.algorithms.ppo import PPO, PPOHyperParameters
from robot_learning.algorithms.q_learning import QLearning, QLearningHyperParameters
from robot_learning.algorithms.qt_opt import QTOpt, QTOptHyperParameters
from robot_learning.algorithms.reinforce import Reinforce, ReinforceHyperParameters
from robot_learning.algorithms.rlpd import RLPD
from robot_learning.algorithms.sac import SAC, SACHyperParameters
from robot_learning.algorithms.td3 import TD3, TD3HyperParameters
from robot_learning.algorithms.teacher_student import TeacherStudent

_METHODS: tuple[type[Algorithm], ...] = (
    QLearning,
    LinearQ,
    DQN,
    FiniteDifference,
    Reinforce,
    A2C,
    PPO,
    DDPG,
    TD3,
    SAC,
    NAF,
    QTOpt,
    DDPGfD,
    RLPD,
    BC,
    DAgger,
    HGDAgger,
    TeacherStudent,
    AWR,
    GAIL,
    AMP,
    PETS,
    MBPO,
)
ALGORITHMS: dict[str, type[Algorithm]] = {method.name: method for method in _METHODS}
"""Every method by its name on the command line."""

__all__ = [
    "A2C",
    "ALGORITHMS",
    "AMP",
    "AWR",
    "BC",
    "DDPG",
    "DQN",
    "GAIL",
    "MBPO",
    "NAF",
    "PETS",
    "PPO",
    "RLPD",
    "SAC",
    "TD3",
    "A2CHyperParameters",
    "Algorithm",
    "DAgger",
    "DDPGHyperParameters",
    "DDPGfD",
    "DQNHyperParameters",
    "FiniteDifference",
    "FiniteDifferenceHyperParameters",
    "HGDAgger",
    "HyperParameters",
    "ImitationAlgorithm",
    "LinearQ",
    "LinearQHyperParameters",
    "NAFHyperParameters",
    "OffPolicyAlgorithm",
    "OffPolicyHyperParameters",
    "OnPolicyAlgorithm",
    "OnPolicyHyperParameters",
    "PPOHyperParameters",
    "QLearning",
    "QLearningHyperParameters",
    "QTOpt",
    "QTOptHyperParameters",
    "Reinforce",
    "ReinforceHyperParameters",
    "SACHyperParameters",
    "Spaces",
    "TD3HyperParameters",
    "TeacherStudent",
    "imitation_algorithm",
    "named_algorithm",
    "off_policy_algorithm",
    "on_policy_algorithm",
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


def imitation_algorithm(name: str) -> type[ImitationAlgorithm]:
    """Looks up a method that learns from an expert's actions.

    Raises:
        LookupError: there is none of that name, or it learns in another way.
    """
    found = named_algorithm(name)
    if issubclass(found, ImitationAlgorithm):
        return found
    known = [n for n, method in ALGORITHMS.items() if issubclass(method, ImitationAlgorithm)]
    raise LookupError(f"{name} does not imitate; these do: {', '.join(known)}")


def on_policy_algorithm(name: str) -> type[OnPolicyAlgorithm]:
    """Looks up a method that learns from rollouts of its own policy.

    Raises:
        LookupError: there is none of that name, or it learns in another way.
    """
    found = named_algorithm(name)
    if issubclass(found, OnPolicyAlgorithm):
        return found
    known = [n for n, method in ALGORITHMS.items() if issubclass(method, OnPolicyAlgorithm)]
    raise LookupError(f"{name} does not learn from its own rollouts; these do: {', '.join(known)}")
