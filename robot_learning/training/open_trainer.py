"""From what was asked for to the loop that does it, whichever way the method learns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from robot_learning.algorithms import (
    HyperParameters,
    ImitationAlgorithm,
    OffPolicyAlgorithm,
    OnPolicyAlgorithm,
    named_algorithm,
)
from robot_learning.algorithms.imitation import Expert
from robot_learning.contract import Contract
from robot_learning.training.environments import (
    Environment,
    require_actions,
    reward_function,
    reward_range,
    spaces_of,
)
from robot_learning.training.imitation import ImitationTrainer
from robot_learning.training.imitation_learner import ImitationLearner, ImitationSettings
from robot_learning.training.learner import Learner
from robot_learning.training.learner_types import LearnerSettings, RunSettings
from robot_learning.training.objectives import objective_of_environment
from robot_learning.training.on_policy_learner import OnPolicyLearner, OnPolicySettings
from robot_learning.training.on_policy_trainer import OnPolicyTrainer
from robot_learning.training.run import RunTrainer
from robot_learning.training.settings import resolve_hyper_parameters
from robot_learning.training.task_settings import task_hyper_parameters, task_spaces
from robot_learning.training.trainer import Trainer

Overrides = Sequence[str] | Mapping[str, Any]
Settings = RunSettings[HyperParameters]


def environment_settings(
    environment: Environment,
    name: str,
    algorithm: str,
    overrides: Overrides,
    *,
    seed: int,
    steps: int,
    evaluation_episodes: int,
    frame_stack: int = 1,
) -> Settings:
    """Settings of a run on a Gymnasium environment called `name`, made with that `frame_stack`.

    Raises:
        SettingsError: an override is unknown or out of range.
        LookupError: there is no such algorithm.
        EnvironmentRefusedError: the method cannot act there.
    """
    method = named_algorithm(algorithm)
    require_actions(environment, method)
    spaces = spaces_of(environment)
    return RunSettings(
        algorithm=algorithm,
        hyper=resolve_hyper_parameters(
            algorithm,
            method.hyper_parameters,
            overrides,
            has_goals=spaces.goal_size > 0,
            rewards=reward_range(environment),
            task_defaults={"objective": objective_of_environment(name)},
        ),
        spaces=spaces,
        seed=seed,
        steps_goal=steps,
        evaluation_episodes_goal=evaluation_episodes,
        environment=name,
        frame_stack=frame_stack,
        has_success=spaces.goal_size > 0,
    )


def task_settings(
    contract: Contract,
    algorithm: str,
    overrides: Overrides,
    *,
    seed: int,
    steps: int,
    evaluation_episodes: int,
) -> Settings:
    """Settings of a run in process on a contract's task; raises as `environment_settings`."""
    method = named_algorithm(algorithm)
    return RunSettings(
        algorithm=algorithm,
        hyper=task_hyper_parameters(contract, algorithm, method.hyper_parameters, overrides),
        spaces=task_spaces(contract),
        seed=seed,
        steps_goal=steps,
        evaluation_episodes_goal=evaluation_episodes,
        contract=contract,
    )


def open_trainer(
    settings: Settings,
    environment: Environment,
    make_environment: Callable[[], Environment],
    directory: Path,
    *,
    resume: bool,
    expert: Expert | None = None,
) -> RunTrainer:
    """The loop for the method's kind of data.

    Args:
        settings: what to learn.
        environment: to learn in, one after the other.
        make_environment: makes another, where several run side by side.
        directory: of the checkpoint.
        resume: go on with what is in `directory`.
        expert: who is asked by methods that imitate; see `find_expert`.

    Raises:
        CheckpointError: as `Learner`.
        LookupError: the method does not learn in an environment.
    """
    method = named_algorithm(settings.algorithm)
    if issubclass(method, OffPolicyAlgorithm):
        learner = Learner(
            directory,
            cast(LearnerSettings, settings),
            reward_function(environment),
            resume=resume,
        )
        return Trainer(environment, learner)
    if issubclass(method, ImitationAlgorithm):
        imitator = ImitationLearner(directory, cast(ImitationSettings, settings), resume=resume)
        return ImitationTrainer(environment, imitator, expert)
    if issubclass(method, OnPolicyAlgorithm):
        roller = OnPolicyLearner(directory, cast(OnPolicySettings, settings), resume=resume)
        return OnPolicyTrainer(make_environment, roller)
    raise LookupError(f"{settings.algorithm} does not learn in an environment")
