"""What every learning algorithm is to the rest: hyper-parameters, act, update, state, policy."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Self

import numpy as np
from pydantic import Field, Strict, model_validator
from torch import Tensor

from robot_learning.contract.base import Fraction, NonNegative, Positive, StrictModel
from robot_learning.networks import Policy
from robot_learning.replay import Batch
from robot_learning.replay.step import Float32

Count = Annotated[int, Field(ge=1)]
Unit = Annotated[float, Field(ge=0.0, le=1.0)]


@dataclass(frozen=True, slots=True)
class Spaces:
    """Sizes and bounds that networks and replay are built from.

    Attributes:
        observation_size: length of the observation vector.
        goal_size: length of the goal; 0 for tasks without goals.
        action_low: lower action bounds in the environment's units.
        action_high: upper action bounds.
    """

    observation_size: int
    goal_size: int
    action_low: tuple[float, ...]
    action_high: tuple[float, ...]

    @property
    def input_size(self) -> int:
        """Length of what the actor sees: observation and goal."""
        return self.observation_size + self.goal_size

    @property
    def action_size(self) -> int:
        """Length of the action vector."""
        return len(self.action_low)

    def normalise_action(self, action: Float32) -> Float32:
        """Environment units to units of [-1, 1]; not clipped: what was done is what is learned."""
        low = np.array(self.action_low, np.float32)
        half = (np.array(self.action_high, np.float32) - low) * np.float32(0.5)
        normalised: Float32 = (action - low) / half - np.float32(1.0)
        return normalised


class HyperParameters(StrictModel):
    """What every off-policy method here needs: replay, hindsight, pace, exploration, networks."""

    gamma: Annotated[float, Field(ge=0.0, lt=1.0)] = Field(
        0.99, description="Discount per step; for goals and 50 steps 0.95 (panda-gym's zoo runs)."
    )
    batch_size: Count = Field(256, description="Transitions per update.")
    replay_capacity: Count = Field(
        1_000_000, description="Transitions remembered (Lillicrap et al. 2015, section 7)."
    )
    hindsight_per_transition: Annotated[int, Field(ge=0)] = Field(
        0, description="k of the strategy 'future'; 4 is best in Andrychowicz et al. 2017, 4.5."
    )
    warmup_steps: Annotated[int, Field(ge=0)] = Field(
        1_000, description="Steps of random actions before the first update."
    )
    updates_per_step: Positive = Field(
        1.0, description="Gradient updates per environment step after the warm-up."
    )
    random_action_fraction: Unit = Field(
        0.0, description="Share of uniform actions after the warm-up (Andrychowicz et al.: 0.3)."
    )
    exploration_std: NonNegative = Field(
        0.1, description="Gaussian noise, actions in [-1, 1] (Fujimoto et al. 2018, section 6.1)."
    )
    exploration_std_final: NonNegative = Field(
        0.1, description="Noise once `exploration_decay_steps` have passed; linear in between."
    )
    exploration_decay_steps: Count = Field(
        1, description="Steps after the warm-up over which the noise goes to its final value."
    )
    hidden_sizes: Annotated[tuple[Count, ...], Strict(False), Field(min_length=1)] = Field(
        (256, 256), description="Hidden layers of actor and critics (Fujimoto et al. 2018)."
    )
    actor_learning_rate: Positive = Field(1e-3, description="Adam, actor.")
    critic_learning_rate: Positive = Field(1e-3, description="Adam, critics.")
    polyak: Fraction = Field(
        0.005, description="Share of the new weights in the targets per move (tau)."
    )
    input_clip: Positive = Field(
        5.0, description="Normalised inputs stay within this (Andrychowicz et al., appendix A)."
    )

    @model_validator(mode="after")
    def _batch_fits(self) -> Self:
        if self.batch_size > self.replay_capacity:
            raise ValueError(
                f"batch_size {self.batch_size} is above replay_capacity {self.replay_capacity}"
            )
        return self


class Algorithm(ABC):
    """A method that learns a policy from batches of transitions.

    Inputs are raw (observation, then goal); each algorithm owns its normaliser. Actions inside
    are in [-1, 1]; `policy` converts to the environment's units.
    """

    name: ClassVar[str]
    source: ClassVar[str]
    hyper_parameters: ClassVar[type[HyperParameters]]

    @abstractmethod
    def __init__(self, spaces: Spaces, hyper: HyperParameters, seed: int) -> None: ...

    @abstractmethod
    def observe(self, inputs: Float32) -> None:
        """Takes new inputs, shape (n, o + g), into the normaliser."""

    @abstractmethod
    def act(self, inputs: Float32, explore: bool) -> Float32:
        """Actions for a batch of inputs: (n, o + g) -> (n, a) in [-1, 1].

        With `explore`, drawn from the method's own stochastic policy where it has one.
        """

    @abstractmethod
    def update(self, batch: Batch) -> dict[str, float]:
        """One gradient update; returns metrics by name."""

    @abstractmethod
    def state_dict(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Everything needed to go on bit for bit: flat tensors, and values JSON can hold."""

    @abstractmethod
    def load_state_dict(self, tensors: dict[str, Tensor], values: dict[str, Any]) -> None:
        """Goes on from a `state_dict`."""

    @abstractmethod
    def policy(self) -> Policy:
        """The deployable part. It shares memory with the learner: `Policy.frozen` copies it."""
