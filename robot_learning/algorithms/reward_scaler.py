"""Rewards in units of the deviation of the discounted return (Huang et al. 2022, details 8, 9)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, from_numpy

from robot_learning.networks import Normaliser
from robot_learning.replay.step import Float32

_CLIP = 10.0


class RewardScaler:
    """The running deviation of what had been earned at each step, discounted backwards in time."""

    def __init__(self, gamma: float) -> None:
        self._gamma = gamma
        self._earned = np.zeros(0)
        self._statistics = Normaliser(1)

    def __call__(self, rewards: Float32, ends: NDArray[np.bool_]) -> Float32:
        """Takes in a rollout's rewards and returns them scaled and clipped, both (t, n)."""
        if len(self._earned) != rewards.shape[1]:
            self._earned = np.zeros(rewards.shape[1])
        earned = np.empty(rewards.shape)
        for t, (reward, end) in enumerate(zip(rewards, ends, strict=True)):
            self._earned = self._gamma * self._earned + reward
            earned[t] = self._earned
            self._earned = np.where(end, 0.0, self._earned)
        self._statistics.update(earned.reshape(-1, 1))
        scaled: Float32 = np.clip(rewards / self._statistics.std(), -_CLIP, _CLIP)
        return scaled

    def tensors(self) -> dict[str, Tensor]:
        """What changes in it, copied."""
        state = {"earned": self._earned.copy()} | self._statistics.state_dict()
        return {f"rewards.{key}": from_numpy(array) for key, array in state.items()}

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Goes on from what `tensors` gave."""
        names = ("count", "mean", "squares")
        self._statistics.load_state_dict({key: tensors[f"rewards.{key}"].numpy() for key in names})
        self._earned = tensors["rewards.earned"].numpy().copy()
