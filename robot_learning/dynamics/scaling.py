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

    A dimension that never changes has no spread. As an input it is centred and otherwise left as
    it is, so that it says nothing to the model; as an output whatever the model says of it counts
    for nothing.

    Attributes:
        mean: shape (size,).
        std: shape (size,), above zero.
    """

    mean: Tensor
    std: Tensor

    @classmethod
    def of_inputs(cls, rows: Tensor) -> Self:
        """Mean and deviation of rows, shape (n, size), n at least 1."""
        return cls._of(rows, 1.0)

    @classmethod
    def of_outputs(cls, rows: Tensor) -> Self:
        """The same of what is predicted."""
        return cls._of(rows, _RELATIVE_MIN)

    @classmethod
    def _of(cls, rows: Tensor, std_of_constants: float) -> Self:
        mean, std = rows.mean(0), rows.std(0, correction=0)
        constant = std <= _RELATIVE_MIN * (1.0 + mean.abs())
        return cls(mean, torch.where(constant, torch.full_like(std, std_of_constants), std))

    @classmethod
    def none(cls, size: int) -> Self:
        """Leaves everything as it is."""
        return cls(torch.zeros(size), torch.ones(size))

    @property
    def varies(self) -> Tensor:
        """Of outputs: those that change at all, shape (size,), bool."""
        return self.std > _RELATIVE_MIN

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
