"""What a contract's task asks of learning: sizes, exploration, settings of a run.

For processes that see a task only through its contract, as the nodes of the graph do; where there
is an environment its spaces say the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from robot_learning.algorithms import (
    HyperParameters,
    OffPolicyHyperParameters,
    Spaces,
    off_policy_algorithm,
)
from robot_learning.contract import Contract
from robot_learning.envs.observation import goal_size, observation_size
from robot_learning.training.exploration import Exploration
from robot_learning.training.learner import LearnerSettings
from robot_learning.training.objectives import objective_of_task
from robot_learning.training.settings import resolve_hyper_parameters

H = TypeVar("H", bound=HyperParameters)
# For tasks that end with a reward of 1 after some thirty steps: short horizons, values from 0 to 1,
# networks that a CPU updates a hundred times a second.
_ENDING: dict[str, Any] = {
    "gamma": 0.96,
    "hidden_sizes": (128, 128),
    "batch_size": 128,
    "polyak": 0.01,
    "return_min": 0.0,
    "return_max": 1.0,
}
# What each needs beside that to make much of few demonstrations and fewer robot minutes.
_ENDING_BY_METHOD: dict[str, dict[str, Any]] = {
    "rlpd": {
        "critics": 4,
        "updates_per_step": 5.0,
        "policy_delay": 3,
        "n_step": 3,
        "warmup_steps": 0,
        "pretraining_updates": 3000,
        "temperature": 0.05,
        "entropy_backup": False,
        "actor_learning_rate": 6e-4,
        "critic_learning_rate": 6e-4,
    },
    # As for PandaPush: one critic alone is too sure of actions that it has never seen.
    "ddpgfd": {
        "demonstration_bonus": 1.0,
        "n_step": 5,
        "critic_layer_norm": True,
        "quantiles": 25,
        "dropped_quantiles": 3,
        "actor_learning_rate": 6e-4,
        "critic_learning_rate": 6e-4,
    },
}

Overrides = Sequence[str] | Mapping[str, Any]


def task_spaces(contract: Contract) -> Spaces:
    """What the task lets a policy see and do; actions of a contract are in [-1, 1]."""
    size = contract.task.action.size
    return Spaces(observation_size(contract), goal_size(contract), (-1.0,) * size, (1.0,) * size)


def task_learner_settings(
    contract: Contract,
    algorithm: str,
    overrides: Overrides,
    *,
    seed: int,
    steps: int,
    evaluation_episodes: int,
) -> LearnerSettings:
    """Settings of a run on a contract's task.

    Raises:
        SettingsError: an override is unknown or out of range.
        LookupError: unknown algorithm, or one that does not learn from a replay.
    """
    return LearnerSettings(
        algorithm=algorithm,
        hyper=_hyper_parameters(contract, algorithm, overrides),
        spaces=task_spaces(contract),
        seed=seed,
        steps_goal=steps,
        evaluation_episodes_goal=evaluation_episodes,
        contract=contract,
    )


def task_exploration(
    contract: Contract, algorithm: str, overrides: Overrides, *, seed: int
) -> Exploration:
    """What an actor adds to the policy of such a run; raises as `task_learner_settings`."""
    return Exploration(
        task_spaces(contract), _hyper_parameters(contract, algorithm, overrides), seed
    )


def _hyper_parameters(
    contract: Contract, algorithm: str, overrides: Overrides
) -> OffPolicyHyperParameters:
    model = off_policy_algorithm(algorithm).hyper_parameters
    return task_hyper_parameters(contract, algorithm, model, overrides)


def task_hyper_parameters(
    contract: Contract, algorithm: str, model: type[H], overrides: Overrides
) -> H:
    """Defaults for the contract's kind of task, with the user's overrides.

    Raises:
        SettingsError: an override is unknown or out of range.
    """
    ending = contract.task.terminates and not contract.task.has_goal
    defaults = _ENDING | _ENDING_BY_METHOD.get(algorithm, {}) if ending else {}
    defaults |= {"objective": objective_of_task(contract)}
    return resolve_hyper_parameters(
        algorithm, model, overrides, has_goals=contract.task.has_goal, task_defaults=defaults
    )
