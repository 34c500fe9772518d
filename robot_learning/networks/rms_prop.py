"""RMSProp (Hinton 2012, lecture 6e) on one flat vector, as `Adam` is."""

from __future__ import annotations

import torch
from torch import Tensor


class RmsProp:
    """The running mean of squares for one vector of weights, which `step` changes in place.

    Attributes:
        learning_rate: of the next step.
    """

    def __init__(
        self, weights: Tensor, learning_rate: float, *, decay: float = 0.99, epsilon: float = 1e-5
    ) -> None:
        self._weights = weights
        self.learning_rate = learning_rate
        self._decay, self._epsilon = decay, epsilon
        self._squares = torch.zeros_like(weights)

    @torch.no_grad()
    def step(self, gradient: Tensor) -> None:
        """Moves the weights against `gradient`, a vector of their size."""
        self._squares.mul_(self._decay).addcmul_(gradient, gradient, value=1 - self._decay)
        denominator = self._squares.sqrt().add_(self._epsilon)
        self._weights.addcdiv_(gradient, denominator, value=-self.learning_rate)

    def state_dict(self) -> dict[str, Tensor]:
        """The mean of squares, copied."""
        return {"squares": self._squares.clone()}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Goes on from a `state_dict`."""
        self._squares.copy_(state["squares"])
