"""What every learning method is to the rest: hyper-parameters, act, state, policy.

`Algorithm` is what all have in common. What drives a method depends on where its data comes from:
`OffPolicyAlgorithm` takes batches of transitions out of a replay, whoever acted;
`OnPolicyAlgorithm` takes whole rollouts of its own newest policy; `ImitationAlgorithm` takes a
data set of somebody else's.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
from pydantic import Field, Strict, model_validator
from torch import Tensor

from robot_learning.contract.base import Fraction, NonNegative, Positive, StrictModel
from robot_learning.networks import Policy
from robot_learning.replay import Batch, Step
from robot_learning.replay.dataset import Dataset
from robot_learning.replay.step import Float32

Count = Annotated[int, Field(ge=1)]
Unit = Annotated[float, Field(ge=0.0, le=1.0)]
Sizes = Annotated[tuple[Count, ...], Strict(False), Field(min_length=1)]
Actions = Literal["continuous", "discrete", "either"]


@dataclass(frozen=True, slots=True)
class Spaces:
    """Sizes and bounds that networks and replay are built from.

    Attributes:
        observation_size: length of the observation vector.
        goal_size: length of the goal; 0 for tasks without goals.
        action_low: lower action bounds in the environment's units; (0,) for choices.
        action_high: upper action bounds; (choices - 1,) for choices.
        choices: how many actions there are to choose from; 0 where actions are continuous.
        states: how many states there are where an observation is one of them, given as a vector
            with 1 at its number; 0 for all others.
    """

    observation_size: int
    goal_size: int
    action_low: tuple[float, ...]
    action_high: tuple[float, ...]
    choices: int = 0
    states: int = 0

    @property
    def input_size(self) -> int:
        """Length of what the actor sees: observation and goal."""
        return self.observation_size + self.goal_size

    @property
    def action_size(self) -> int:
        """Length of the action vector; 1, the number of the choice, where actions are choices."""
        return len(self.action_low)

    def normalise_action(self, action: Float32) -> Float32:
        """Environment units to units of [-1, 1]; not clipped: what was done is what is learned.

        The number of a choice stays as it is.
        """
        if self.choices:
            return action
        low = np.array(self.action_low, np.float32)
        half = (np.array(self.action_high, np.float32) - low) * np.float32(0.5)
        normalised: Float32 = (action - low) / half - np.float32(1.0)
        return normalised

    def to_environment(self, unit: Float32) -> Float32:
        """Units of [-1, 1] to the environment's: the reverse of `normalise_action`."""
        if self.choices:
            return unit
        low = np.array(self.action_low, np.float32)
        half = (np.array(self.action_high, np.float32) - low) * np.float32(0.5)
        action: Float32 = low + half * (unit + np.float32(1.0))
        return action


class HyperParameters(StrictModel):
    """What every method has.

    Attributes:
        own_rewards: it learns from rewards that it makes itself, which the bounds on the
            environment's returns say nothing about.
        explores: it tries what it would not do by itself; defaults of a kind of task for that are
            not for a method that does not.
    """

    own_rewards: ClassVar[bool] = False
    explores: ClassVar[bool] = True

    gamma: Annotated[float, Field(ge=0.0, lt=1.0)] = Field(
        0.99, description="Discount per step; for goals and 50 steps 0.95 (panda-gym's zoo runs)."
    )
    hidden_sizes: Sizes = Field(
        (256, 256), description="Hidden layers of every network (Fujimoto et al. 2018)."
    )
    input_clip: Positive = Field(
        5.0, description="Normalised inputs stay within this (Andrychowicz et al., appendix A)."
    )


class ReplayHyperParameters(HyperParameters):
    """What is remembered, and what of it is seen how often."""

    batch_size: Count = Field(256, description="Transitions per update.")
    replay_capacity: Count = Field(
        1_000_000, description="Transitions remembered (Lillicrap et al. 2015, section 7)."
    )
    hindsight_per_transition: Annotated[int, Field(ge=0)] = Field(
        0, description="k of the strategy 'future'; 4 is best in Andrychowicz et al. 2017, 4.5."
    )
    replay_priority: Literal["uniform", "td_error", "target_error"] = Field(
        "uniform",
        description="Draw alike, or by the distance of the target from the critic (Schaul et al. "
        "2015, section 3.3), or from the slow critic, which moves less between visits.",
    )
    priority_exponent: Unit = Field(0.6, description="Alpha (Schaul et al. 2015, table 3).")
    priority_correction: Unit = Field(0.4, description="Beta at first (the same table).")
    priority_correction_updates: Count = Field(
        100_000, description="Updates over which beta goes to 1, linear (the same, section 3.4)."
    )
    priority_epsilon: Positive = Field(
        1e-3, description="Added to every error (Hester et al. 2018: 0.001)."
    )
    demonstration_bonus: NonNegative = Field(
        0.0, description="Added to the error of demonstrations (Hester et al. 2018: 1)."
    )
    n_step: Count = Field(1, description="Steps that a row of a batch spans (Watkins 1989).")
    n_step_share: Unit = Field(
        1.0, description="Share of rows that span so many; the others span one."
    )
    demonstration_share: Unit = Field(
        0.0,
        description="Share of demonstrations in every batch, where some are given (Ball et al. "
        "2023, section 4.1: 0.5); 0 draws them like everything else.",
    )
    pretraining_updates: Annotated[int, Field(ge=0)] = Field(
        0, description="Updates on the demonstrations alone, before the first step."
    )

    @model_validator(mode="after")
    def _batch_fits(self) -> Self:
        if self.batch_size > self.replay_capacity:
            raise ValueError(
                f"batch_size {self.batch_size} is above replay_capacity {self.replay_capacity}"
            )
        return self


class OffPolicyHyperParameters(ReplayHyperParameters):
    """What every off-policy method has besides its replay: pace and exploration."""

    warmup_steps: Annotated[int, Field(ge=0)] = Field(
        1_000, description="Steps of random actions before the first update."
    )
    updates_per_step: Positive = Field(
        1.0, description="Gradient updates per environment step after the warm-up."
    )
    update_every_steps: Count = Field(
        1, description="Steps from one burst of updates to the next; their number stays the same."
    )
    random_action_fraction: Unit = Field(
        0.0, description="Share of uniform actions after the warm-up (Andrychowicz et al.: 0.3)."
    )
    random_action_fraction_final: Unit | None = Field(
        None,
        description="That share once `exploration_decay_steps` have passed, linear in between "
        "(Mnih et al. 2015: 0.1 of 1.0); none: as it was.",
    )
    exploration_std: NonNegative = Field(
        0.1, description="Gaussian noise, actions in [-1, 1] (Fujimoto et al. 2018, section 6.1)."
    )
    exploration_std_final: NonNegative = Field(
        0.1, description="Noise once `exploration_decay_steps` have passed; linear in between."
    )
    exploration_decay_steps: Count = Field(
        1, description="Steps after the warm-up over which exploration goes to its final value."
    )

    @property
    def counted_from_step(self) -> int:
        """Steps that ask for no updates: those before the first one that does."""
        return self.warmup_steps

    @property
    def first_policy_step(self) -> int:
        """Steps before which there is no policy that can be asked."""
        return 0


class ActorCriticHyperParameters(OffPolicyHyperParameters):
    """What off-policy methods with an actor, critics and slow copies of them have."""

    actor_learning_rate: Positive = Field(1e-3, description="Adam, actor.")
    critic_learning_rate: Positive = Field(1e-3, description="Adam, critics.")
    polyak: Fraction = Field(
        0.005, description="Share of the new weights in the targets per move (tau)."
    )
    critic_layer_norm: bool = Field(
        False,
        description="Layer normalisation in the critics: values of actions never tried stay within "
        "bounds (Ball et al. 2023, section 4.2).",
    )


class Algorithm(ABC):
    """A method that learns a policy.

    Inputs are raw (observation, then goal); each algorithm owns its normaliser. Continuous actions
    inside are in [-1, 1]; `policy` converts to the environment's units. A choice is its number.

    Attributes:
        name: as on the command line.
        source: paper and section.
        hyper_parameters: their model.
        actions: the kind of action space that it can act in.
        needs_states: it learns only where observations are one of a number of states.
    """

    name: ClassVar[str]
    source: ClassVar[str]
    hyper_parameters: ClassVar[type[HyperParameters]]
    actions: ClassVar[Actions] = "continuous"
    needs_states: ClassVar[bool] = False

    @abstractmethod
    def __init__(self, spaces: Spaces, hyper: HyperParameters, seed: int) -> None: ...

    @abstractmethod
    def state_dict(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Everything needed to go on bit for bit: flat tensors, and values JSON can hold."""

    @abstractmethod
    def load_state_dict(self, tensors: dict[str, Tensor], values: dict[str, Any]) -> None:
        """Goes on from a `state_dict`."""

    @abstractmethod
    def policy(self) -> Policy:
        """The deployable part. It shares memory with the learner: `Policy.frozen` copies it."""


class OffPolicyAlgorithm(Algorithm):
    """Learns from batches of transitions, whoever acted.

    Attributes:
        needs_demonstrations: it imitates, and cannot begin without any.
        replays_demonstrations: they are experience of its replay, as people's interventions are.
    """

    hyper_parameters: ClassVar[type[OffPolicyHyperParameters]]
    needs_demonstrations: ClassVar[bool] = False
    replays_demonstrations: ClassVar[bool] = True

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

    def experience(self, steps: Sequence[Step]) -> None:
        """Takes steps in, once each and in order, for methods that keep more than a replay does."""
        del steps

    def take_demonstrations(self, demonstrations: Dataset) -> None:
        """What is to be imitated; before the first update, and again when a run goes on."""
        del demonstrations

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a person should know of what was learned so far; one line each."""
        return ()

    def priorities(self) -> Float32 | None:
        """How much each row of the batch updated last had to teach, shape (n,), not negative.

        What that is, `replay_priority` says. None where the method does not say: a prioritised
        replay then leaves priorities as they are.
        """
        return None
