"""What a plan is for: rewards and ends of what a model predicts."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Protocol

import torch
from torch import Tensor


class Objective(Protocol):
    """Judges predicted transitions, many at once; tensors are (..., size)."""

    def reward(self, observations: Tensor, actions: Tensor, next_observations: Tensor) -> Tensor:
        """Reward of each transition, shape (...)."""

    def terminated(self, next_observations: Tensor) -> Tensor:
        """Whether the task ends by itself there, shape (...), bool; no reward follows."""


@dataclass(frozen=True)
class KnownObjective(ABC):
    """A formula (it is an `Objective`); fields are what its description says.

    Attributes:
        goal: shape (g,); empty where there is none.
    """

    name: ClassVar[str]

    goal: Tensor

    @abstractmethod
    def reward(self, observations: Tensor, actions: Tensor, next_observations: Tensor) -> Tensor:
        """See `Objective`."""

    def terminated(self, next_observations: Tensor) -> Tensor:
        """Never, by default."""
        return torch.zeros(next_observations.shape[:-1], dtype=torch.bool)
