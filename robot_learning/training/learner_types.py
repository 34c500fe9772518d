"""What a learner is asked to do, and what it says of itself."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Generic, TypeVar

from robot_learning.algorithms import HyperParameters, OffPolicyHyperParameters, Spaces
from robot_learning.contract import Contract
from robot_learning.demonstrations import Demonstrations
from robot_learning.evaluation import wilson_interval
from robot_learning.networks import Policy
from robot_learning.training.policy_file import PolicyFile
from robot_learning.training.revision import git_revision
from robot_learning.training.settings import SettingsError

H_co = TypeVar("H_co", bound=HyperParameters, covariant=True)


class Phase(IntEnum):
    """Numbers as in the message `LearnerStatus`."""

    WARMUP = 0
    TRAINING = 1
    EVALUATING = 2
    DONE = 3


@dataclass(frozen=True)
class RunSettings(Generic[H_co]):
    """What a run is, however it learns.

    Attributes:
        algorithm: name of the method.
        hyper: its hyper-parameters.
        spaces: sizes and action bounds.
        seed: of networks, sampling and target noise.
        steps_goal: training steps wanted.
        evaluation_episodes_goal: evaluation episodes wanted after them.
        contract: robot and task; None for a plain Gymnasium environment.
        environment: id of that environment; None with a contract.
        frame_stack: how many of its newest observations are seen as one.
        has_success: the task has a success condition.
        demonstrations: learned from besides the run's own steps; they are not counted as steps.
    """

    algorithm: str
    hyper: H_co
    spaces: Spaces
    seed: int
    steps_goal: int
    evaluation_episodes_goal: int = 0
    contract: Contract | None = None
    environment: str | None = None
    frame_stack: int = 1
    has_success: bool = True
    demonstrations: Demonstrations | None = None

    @property
    def hold_steps(self) -> int:
        """Steps at the end of an episode during which the success condition must hold."""
        return self.contract.task.hold_steps if self.contract else 1

    @property
    def contract_sha256(self) -> str:
        """Of the contract; empty without one."""
        return self.contract.sha256 if self.contract else ""

    def fingerprint(self) -> dict[str, Any]:
        """What a resumed run must have in common with the run before."""
        return {
            "algorithm": self.algorithm,
            "contract_sha256": self.contract_sha256,
            "demonstrations": self.demonstrations.sha256 if self.demonstrations else None,
            "environment": self.environment,
            "frame_stack": self.frame_stack if self.frame_stack > 1 else None,
            "seed": self.seed,
            **{f"hyper.{key}": value for key, value in self.hyper.model_dump(mode="json").items()},
        }

    def policy_file(self, policy: Policy, metrics: dict[str, Any]) -> PolicyFile:
        """A policy of this run with everything that `save_policy` writes beside it."""
        return PolicyFile(
            policy=policy,
            algorithm=self.algorithm,
            hyper_parameters=self.hyper.model_dump(mode="json"),
            contract=self.contract,
            environment=self.environment,
            frame_stack=self.frame_stack,
            metrics=metrics,
            git_revision=git_revision(),
        )


LearnerSettings = RunSettings[OffPolicyHyperParameters]
"""What a run that learns from a replay is."""


def success_figures(successes: Collection[bool]) -> dict[str, Any]:
    """How often the newest training episodes succeeded, for the figures beside a policy."""
    n, count = len(successes), sum(successes)
    return {
        "training_success_rate": count / n if n else None,
        "training_success_n": n,
        "training_success_wilson95": list(wilson_interval(count, n)) if n else None,
    }


def require_steps(settings: RunSettings[Any]) -> None:
    """Refuses a run that would end without a policy.

    Raises:
        SettingsError: it says how many steps are wanted.
    """
    first = getattr(settings.hyper, "first_policy_step", 0)
    if settings.steps_goal < first:
        raise SettingsError(
            f"{settings.algorithm} has no model before step {first}, and the run ends after "
            f"{settings.steps_goal}: give more steps, or lower update_every_steps"
        )


@dataclass(frozen=True)
class RunStatus:
    """What a run is doing, however it learns."""

    phase: Phase
    steps: int
    steps_goal: int
    episodes: int
    updates: int
    updates_per_s: float
    steps_per_s: float
    success_rate: float
    success_window: int
    success_wilson95: tuple[float, float]
    policy_version: int
    evaluation_episodes_goal: int
    evaluation_episodes: int


@dataclass(frozen=True)
class LearnerStatus(RunStatus):
    """What the learner is doing; the fields of the message `LearnerStatus`."""

    actor_ids: tuple[str, ...]
    acknowledged_steps: tuple[int, ...]
    duplicates: int
