"""Adam (Kingma and Ba 2014, algorithm 1) on one flat vector.

torch's own spends more time preparing than computing on networks of this size; on one vector the
method is four kernels.
"""

from __future__ import annotations

import torch
from torch import Tensor


class Adam:
    """Moments for one vector of weights, which `step` changes in place.

    Attributes:
        learning_rate: of the next step.
    """

    def __init__(self, weights: Tensor, learning_rate: float, *, epsilon: float = 1e-8) -> None:
        self._weights = weights
        self.learning_rate = learning_rate
        self._beta1, self._beta2, self._epsilon = 0.9, 0.999, epsilon
        self._first = torch.zeros_like(weights)
        self._second = torch.zeros_like(weights)
        self._steps = 0

    @torch.no_grad()
    def step(self, gradient: Tensor) -> None:
        """Moves the weights against `gradient`, a vector of their size."""
        self._steps += 1
        self._first.lerp_(gradient, 1 - self._beta1)
        self._second.mul_(self._beta2).addcmul_(gradient, gradient, value=1 - self._beta2)
        correction1 = 1 - self._beta1**self._steps
        correction2 = 1 - self._beta2**self._steps
        denominator = self._second.sqrt().mul_(correction2**-0.5).add_(self._epsilon)
        self._weights.addcdiv_(self._first, denominator, value=-self.learning_rate / correction1)

    def state_dict(self) -> dict[str, Tensor]:
        """Moments and step count, copied."""
        return {
            "first": self._first.clone(),
            "second": self._second.clone(),
            "steps": torch.tensor([self._steps]),
        }

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Goes on from a `state_dict`."""
        self._first.copy_(state["first"])
        self._second.copy_(state["second"])
        self._steps = int(state["steps"])
