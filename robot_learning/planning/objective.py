"""What a plan is for: rewards and ends of what a model predicts."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor


class Objective(Protocol):
    """Judges predicted transitions, many at once; tensors are (..., size)."""

    def reward(self, observations: Tensor, actions: Tensor, next_observations: Tensor) -> Tensor:
        """Reward of each transition, shape (...)."""

    def terminated(self, next_observations: Tensor) -> Tensor:
        """Whether the task ends by itself there, shape (...), bool; no reward follows."""
