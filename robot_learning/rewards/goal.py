"""Sparse reward of reaching and pushing: 0 within the success distance of the goal, else -1.

Every method takes one position of shape (3,) or a batch of shape (..., 3), so that hindsight
relabelling scores a whole batch in one call.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from robot_learning.contract.task import PushTask, ReachTask


class GoalReward:
    """Reward and success of a task with goals, from achieved and desired positions (m)."""

    def __init__(self, task: ReachTask | PushTask) -> None:
        self._distance_max_m = task.success.distance_max_m

    def distance_m(self, achieved: ArrayLike, desired: ArrayLike) -> NDArray[np.float64]:
        """Distance between the two, metres, shape (...)."""
        difference = np.asarray(achieved, np.float64) - np.asarray(desired, np.float64)
        distance: NDArray[np.float64] = np.sqrt(np.square(difference).sum(axis=-1))
        return distance

    def success(self, achieved: ArrayLike, desired: ArrayLike) -> NDArray[np.bool_]:
        """Where the success condition holds at this state alone; False for NaN; shape (...)."""
        return np.asarray(self.distance_m(achieved, desired) <= self._distance_max_m)

    def reward(self, achieved: ArrayLike, desired: ArrayLike) -> NDArray[Any]:
        """0 where the success condition holds, else -1; float32, shape (...)."""
        return np.where(self.success(achieved, desired), np.float32(0.0), np.float32(-1.0))


class HoldCounter:
    """Counts for how many steps in a row the success condition has held.

    Attributes:
        held_steps: steps in a row, up to now.
    """

    def __init__(self, hold_steps: int) -> None:
        self._hold_steps = hold_steps
        self.held_steps = 0

    def reset(self) -> None:
        """Begins an episode."""
        self.held_steps = 0

    def update(self, condition: bool) -> bool:
        """Counts one step; True when the condition has held for so many."""
        self.held_steps = self.held_steps + 1 if condition else 0
        return self.held_steps >= self._hold_steps
