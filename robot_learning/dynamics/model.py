"""What planning and policies ask of a model of dynamics."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor


class DynamicsError(ValueError):
    """A model cannot be fitted or asked. One line: what there is, what is wanted, what to do."""


class DynamicsModel(Protocol):
    """A distribution over the change of an observation, by one or several members.

    Members are asked side by side, each about rows of its own: tensors are (members, n, size).

    Attributes:
        fitted: it has learned something.
    """

    fitted: bool

    @property
    def members(self) -> int:
        """How many; 1 for a model that is no ensemble."""

    def predict(self, observations: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation of the next observation.

        Args:
            observations: shape (members, n, o).
            actions: shape (members, n, a), in units of [-1, 1].

        Returns:
            Both of shape (members, n, o); the deviation is that of one member's noise, zero for a
            model without any.

        Raises:
            DynamicsError: the model was not fitted.
        """
