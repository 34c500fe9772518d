"""The running normaliser of inputs as a network's first layer."""

from __future__ import annotations

import torch
from torch import Tensor

from robot_learning.networks.normaliser import Float32, Float64, Normaliser


class InputNormaliser(Normaliser):
    """Normalises batches for torch; what is normalised stays within [-clip, clip].

    Attributes:
        clip: bound of normalised inputs.
        mean_now: shape (size,); replaced, never changed, as more is seen.
        std_now: shape (size,).
    """

    def __init__(self, size: int, clip: float) -> None:
        super().__init__(size)
        self.clip = clip
        self._refresh()

    def __call__(self, inputs: Float32) -> Tensor:
        """Raw inputs (n, size) to normalised ones of the same shape."""
        shifted = (torch.from_numpy(inputs) - self._mean_tensor) / self._std_tensor
        return shifted.clamp_(-self.clip, self.clip)

    def update(self, batch: Float32) -> None:
        """Takes in samples, shape (n, size)."""
        super().update(batch)
        self._refresh()

    def load_state_dict(self, state: dict[str, Float64]) -> None:
        """Goes on from a `state_dict`."""
        super().load_state_dict(state)
        self._refresh()

    def _refresh(self) -> None:
        self.mean_now, self.std_now = self.mean(), self.std()
        self._mean_tensor = torch.from_numpy(self.mean_now)
        self._std_tensor = torch.from_numpy(self.std_now)
