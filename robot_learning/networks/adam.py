"""Adam (Kingma and Ba 2014, algorithm 1) on one flat vector.

torch's optimisers loop over tensors and spend more time preparing than computing on networks of
this size; on one vector the method is one kernel.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.optim.adam import adam


class Adam:
    """Moments for one vector of weights, which `step` changes in place.

    Attributes:
        learning_rate: of the next step.
    """

    def __init__(
        self, weights: Tensor, learning_rate: float, *, epsilon: float = 1e-8, l2: float = 0.0
    ) -> None:
        """Moments of zero.

        Args:
            weights: one vector.
            learning_rate: of the steps.
            epsilon: added to the deviation.
            l2: weight of half the squared weights in the loss; their gradient is added.
        """
        self._weights = weights
        self._l2 = l2
        self.learning_rate = learning_rate
        self._beta1, self._beta2, self._epsilon = 0.9, 0.999, epsilon
        self._first = torch.zeros_like(weights)
        self._second = torch.zeros_like(weights)
        self._steps = torch.zeros(())  # on the tensor, as the kernel counts

    @torch.no_grad()
    def step(self, gradient: Tensor) -> None:
        """Moves the weights against `gradient`, a vector of their size."""
        adam(
            [self._weights],
            [gradient],
            [self._first],
            [self._second],
            [],
            [self._steps],
            fused=True,
            amsgrad=False,
            beta1=self._beta1,
            beta2=self._beta2,
            lr=self.learning_rate,
            weight_decay=self._l2,
            eps=self._epsilon,
            maximize=False,
        )

    def state_dict(self) -> dict[str, Tensor]:
        """Moments and step count, copied."""
        return {
            "first": self._first.clone(),
            "second": self._second.clone(),
            "steps": self._steps.to(torch.int64).view(1),
        }

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Goes on from a `state_dict`."""
        self._first.copy_(state["first"])
        self._second.copy_(state["second"])
        self._steps.fill_(int(state["steps"]))
