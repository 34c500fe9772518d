"""What passes between the actor and the world."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from robot_learning.control.action import ActionKind
from robot_learning.networks.policy import Policy, Thought
from robot_learning.replay.step import Float32, Step


class ActorPhase(Enum):
    """Where in the life of an episode the actor is."""

    WAITING = "waiting"
    HOMING = "homing"
    RESETTING = "resetting"
    READY = "ready"
    RUNNING = "running"


class Outcome(Enum):
    """How an episode ended."""

    SUCCESS = "success"
    FAILURE = "failure"
    ABORTED = "aborted"


@dataclass(frozen=True)
class EpisodePlan:
    """What the next episode is for."""

    seed: int
    is_evaluation: bool


@dataclass(frozen=True)
class Choice:
    """An action, the version of the weights that chose it (0: none did), and what it asks for.

    `doubt` is the policy's model's about the action; see `control.doubt`. `thought` is the search
    behind it, where there was one.
    """

    action: Float32
    policy_version: int
    kind: ActionKind = ActionKind.ACTION
    doubt: float = 0.0
    thought: Thought | None = None

    @classmethod
    def of(
        cls, policy: Policy, observation: Float32, goal: Float32 | None, action: Float32
    ) -> Choice:
        """An action that a policy chose for what it sees."""
        doubt = policy.doubt(observation, goal, action)
        return cls(action, policy.version, doubt=doubt, thought=policy.thought)


@dataclass(frozen=True)
class Receipt:
    """What became of a request; with `is_intervention` a person's action took its place.

    `limits` names those that acted, or why it was refused.
    """

    requested: Float32
    gated: Float32
    executed: Float32
    observation_age_s: float
    is_intervention: bool = False
    limits: tuple[str, ...] = ()


@dataclass(frozen=True)
class Judgement:
    """Reward of a state."""

    reward: float
    success: bool
    terminated: bool


@dataclass(frozen=True)
class EpisodeEnd:
    """Summary of an ended episode."""

    episode: int
    outcome: Outcome
    episode_return: float
    steps: int
    is_evaluation: bool
    note: str


class CycleLink(Protocol):
    """What the life of any actor's episodes asks of the world."""

    def plan(self) -> EpisodePlan | str:
        """What to do next, or why to wait (one line)."""

    def request(
        self,
        kind: ActionKind,
        action: Float32,
        stamp_s: float,
        version: int,
        doubt: float = 0.0,
    ) -> int:
        """Sends an action request; its sequence number."""

    def reset(self, seed: int) -> None:
        """Asks for a new scene; `on_reset` must follow."""

    def episode_started(self, episode: int, plan: EpisodePlan, stamp_s: float) -> None:
        """An episode begins at this state."""

    def episode_ended(self, end: EpisodeEnd) -> None:
        """An episode is over."""


class ActorLink(CycleLink, Protocol):
    """What the actor asks of the world."""

    def choose(self, observation: Float32, goal: Float32, is_evaluation: bool) -> Choice:
        """Chooses an action."""

    def step(self, step: Step) -> None:
        """A step is complete."""
