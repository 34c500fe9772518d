"""Inputs and outputs of a model in units of their own spread."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

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

    def scale(self, rows: Tensor) -> Tensor:
        """To these units, (..., size)."""
        return (rows - self.mean) / self.std

    def unscale(self, rows: Tensor) -> Tensor:
        """And back."""
        return rows * self.std + self.mean
