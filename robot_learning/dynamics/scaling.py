"""Inputs and outputs of a model in units of their own spread."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from robot_learning.dynamics.model import DynamicsError, tensor_of

_RELATIVE_MIN = 1e-6


@dataclass(frozen=True, slots=True)
class Scaling:
    """Subtract the mean, divide by the deviation.

    A dimension that never changes has no spread: it is centred and otherwise left as it is, so
    that it says nothing to the model and is predicted to stay.

    Attributes:
        mean: shape (size,).
        std: shape (size,), above zero.
    """

    mean: Tensor
    std: Tensor

    @classmethod
    def of(cls, rows: Tensor) -> Self:
        """Mean and deviation of rows, shape (n, size), n at least 1."""
        mean, std = rows.mean(0), rows.std(0, correction=0)
        constant = std <= _RELATIVE_MIN * (mean.abs() + _RELATIVE_MIN)
        return cls(mean, torch.where(constant, torch.ones_like(std), std))

    @classmethod
    def none(cls, size: int) -> Self:
        """Leaves everything as it is."""
        return cls(torch.zeros(size), torch.ones(size))

    def state_dict(self, name: str) -> dict[str, Tensor]:
        """As tensors whose names begin with this one; copies."""
        return {f"{name}.mean": self.mean.clone(), f"{name}.std": self.std.clone()}

    @classmethod
    def read(cls, tensors: dict[str, Tensor], name: str, size: int) -> Self:
        """From such tensors.

        Raises:
            DynamicsError: they are of another size, or a deviation is not above zero.
            KeyError: they are not there.
        """
        mean = tensor_of(tensors, f"{name}.mean", size)
        std = tensor_of(tensors, f"{name}.std", size)
        if not bool((std > 0.0).all()):
            raise DynamicsError(f"{name}.std is not above zero")
        return cls(mean, std)

    def scale(self, rows: Tensor) -> Tensor:
        """To these units, (..., size)."""
        return (rows - self.mean) / self.std

    def unscale(self, rows: Tensor) -> Tensor:
        """And back."""
        return rows * self.std + self.mean
