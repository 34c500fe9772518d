"""Running mean and standard deviation of network inputs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]
Float32 = NDArray[np.float32]


class Normaliser:
    """Mean and variance of everything seen, merged batch by batch (Chan et al. 1979).

    Until two samples were seen it leaves inputs as they are.
    """

    def __init__(self, size: int, *, std_min: float = 1e-3) -> None:
        self._count = 0
        self._mean = np.zeros(size)
        self._squares = np.zeros(size)
        self._std_min = std_min

    def update(self, batch: NDArray[np.floating]) -> None:
        """Takes in samples, shape (n, size)."""
        n = len(batch)
        if n == 0:
            return
        samples = batch.astype(np.float64)
        mean = samples.mean(axis=0)
        squares = ((samples - mean) ** 2).sum(axis=0)
        total = self._count + n
        shift = mean - self._mean
        self._mean = self._mean + shift * (n / total)
        self._squares = self._squares + squares + shift**2 * (self._count * n / total)
        self._count = total

    def mean(self) -> Float32:
        """Shape (size,)."""
        return self._mean.astype(np.float32)

    def std(self) -> Float32:
        """Population standard deviation, shape (size,).

        A component that hardly varies is only centred (std 1): dividing by almost nothing would
        blow up the first sample that differs.
        """
        if self._count < 2:
            return np.ones(len(self._mean), np.float32)
        std = np.sqrt(self._squares / self._count)
        return np.where(std < self._std_min, 1.0, std).astype(np.float32)

    def state_dict(self) -> dict[str, Float64]:
        """Everything needed to go on."""
        return {
            "count": np.array([self._count], np.float64),
            "mean": self._mean.copy(),
            "squares": self._squares.copy(),
        }

    def load_state_dict(self, state: dict[str, Float64]) -> None:
        """Goes on from a `state_dict`."""
        self._count = int(state["count"][0])
        self._mean = state["mean"].copy()
        self._squares = state["squares"].copy()
