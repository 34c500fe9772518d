"""What methods that learn a model of the dynamics have in common: they say how good it is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from robot_learning.dynamics import DynamicsModel, Transitions
from robot_learning.dynamics.honesty import Ahead, examine


class ModelBased(ABC):
    """Has a model, and judges it after every fit.

    Attributes:
        model: of the dynamics.
    """

    name: ClassVar[str]
    model: DynamicsModel
    _beyond: str = ""

    @property
    @abstractmethod
    def ahead(self) -> Ahead:
        """How many steps of the model in a row it learns from, or plans with."""

    @property
    @abstractmethod
    def held_out_share(self) -> float:
        """Of the episodes, which no fit sees: see `Transitions.split`."""

    def judge_model(self, held: Transitions) -> dict[str, float]:
        """Plays the model on episodes that no fit saw; figures for the metrics."""
        found = examine(self.model, held, self.ahead.steps)
        self._beyond = found.beyond(self.ahead)
        return found.figures()

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a person should know of the newest fit; one line each."""
        return (self._beyond,) if self._beyond else ()
