"""What methods that learn from somebody else's actions have in common.

`training.imitation` drives them. In each round it plays episodes in which the expert acts with
some share and the learner otherwise, has the expert say what it would have done, and fits the
learner to all that was gathered. Behaviour cloning is one round of the expert alone.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Annotated, ClassVar, Protocol

from pydantic import Field, Strict

from robot_learning.algorithms.base import Algorithm, Count, HyperParameters, Unit
from robot_learning.contract.base import Positive
from robot_learning.replay.dataset import Dataset, Label
from robot_learning.replay.step import Float32

OnEpoch = Callable[[dict[str, float]], None]
"""Called after each pass over the data with its losses."""


class Expert(Protocol):
    """Whoever can be asked what to do: a policy of ours, a planner, a person's console."""

    def act(self, observation: Float32, goal: Float32 | None = None) -> Float32:
        """The action for one observation, shape (a,), in the environment's units."""


class ImitationHyperParameters(HyperParameters):
    """What every imitation method has: data, and the supervised fit."""

    hidden_sizes: Annotated[tuple[Count, ...], Strict(False)] = Field(
        (64, 64), description="Hidden layers; none makes the policy linear."
    )
    demonstration_episodes: Count = Field(
        20, description="Episodes that the expert shows, where no file of them is given."
    )
    learning_rate: Positive = Field(1e-3, description="Adam.")
    batch_size: Count = Field(64, description="Samples per gradient step.")
    epochs: Count = Field(100, description="Most passes over the data of one fit.")
    validation_share: Unit = Field(
        0.1, description="Share of episodes that are not fitted but say when to stop."
    )
    patience: Count = Field(
        10, description="Passes without a lower validation loss before the fit ends."
    )


class ImitationAlgorithm(Algorithm):
    """Learns by fitting data sets of an expert's actions.

    Attributes:
        label: which action of a step it imitates.
        asks_expert: it cannot learn from a file alone: the expert is asked in its own states.
        expert_sees: key of `info` with the observation that the expert acts on; empty where the
            expert sees what the learner sees.
        learns_alone: it can do without an expert: it explores, and learns from rewards.
    """

    hyper_parameters: ClassVar[type[ImitationHyperParameters]]
    label: ClassVar[Label] = "executed_action"
    asks_expert: ClassVar[bool] = False
    expert_sees: ClassVar[str] = ""
    learns_alone: ClassVar[bool] = False

    @property
    def rounds(self) -> int:
        """How often data is gathered and fitted."""
        return 1

    def expert_share(self, number: int) -> float:
        """Share of the steps of round `number`, from 0, in which the expert acts (beta)."""
        del number
        return 1.0

    def episodes(self, number: int, *, alone: bool) -> int:
        """Episodes to gather in round `number`, from 0; `alone`: the expert has no share in it."""
        del number, alone
        return self.hyper.demonstration_episodes

    @property
    def validation_episodes(self) -> int:
        """Episodes of its own that the learner is judged by after each fit."""
        return 0

    @property
    @abstractmethod
    def hyper(self) -> ImitationHyperParameters:
        """The hyper-parameters that it was made with."""

    @abstractmethod
    def act(self, inputs: Float32, explore: bool) -> Float32:
        """Actions of the learner as it is now: (n, o + g) -> (n, a) in [-1, 1], or choices.

        With `explore`, drawn from the learner's own stochastic policy where it has one.
        """

    @abstractmethod
    def fit(self, data: Dataset, on_epoch: OnEpoch | None = None) -> dict[str, float]:
        """Fits all data gathered so far; returns figures of the fit by name."""

    def judge(self, data: Dataset) -> dict[str, float]:
        """Takes in episodes of the newest learner with the expert's labels, to choose the best."""
        del data
        return {}
