"""The running normaliser of inputs as a network's first layer."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from robot_learning.networks.normaliser import Float32, Float64, Normaliser


class InputNormaliser(Normaliser):
    """Normalises batches for torch; what is normalised stays within [-clip, clip].

    What it hands out is replaced, never changed, as more is seen.

    Attributes:
        clip: bound of normalised inputs.
    """

    def __init__(self, size: int, clip: float) -> None:
        super().__init__(size)
        self.clip = clip
        self._now: tuple[Float32, Float32] | None = None

    def __call__(self, inputs: Float32) -> Tensor:
        """Raw inputs (n, size) to normalised ones of the same shape."""
        mean, std = (torch.from_numpy(part) for part in self._mean_and_std())
        return ((torch.from_numpy(inputs) - mean) / std).clamp_(-self.clip, self.clip)

    @property
    def mean_now(self) -> Float32:
        """Shape (size,)."""
        return self._mean_and_std()[0]

    @property
    def std_now(self) -> Float32:
        """Shape (size,)."""
        return self._mean_and_std()[1]

    def update(self, batch: Float32) -> None:
        """Takes in samples, shape (n, size)."""
        super().update(batch)
        self._now = None

    def widen(self, samples: Float32) -> None:
        """Raises the deviations until none of these samples, shape (n, size), is clipped.

        Where a demonstration rests most of its time, the few samples of how it got there lie many
        deviations away; they are what must be learned.
        """
        if self._count == 0:
            return
        furthest = np.abs(samples.astype(np.float64) - self._mean).max(axis=0) / self.clip
        self._squares = np.maximum(self._squares, furthest**2 * self._count)
        self._now = None

    def load_state_dict(self, state: dict[str, Float64]) -> None:
        """Goes on from a `state_dict`."""
        super().load_state_dict(state)
        self._now = None

    def _mean_and_std(self) -> tuple[Float32, Float32]:
        if self._now is None:
            self._now = self.mean(), self.std()
        return self._now
