"""Between a gripper's width and its joints: the one place that knows what moves the fingers."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from robot_learning.contract.robot import GripperContract

Array = NDArray[np.float64]


class GripperJoints:
    """Widths (m), speeds (m/s, opening is above 0) and forces (N of a finger) as joints have them.

    Two finger joints have half of the width each. A knuckle at angle q, whose links of length L
    stand at a + q to the way outwards, leaves a width of

        width_max + 2 L (cos(a + q) - cos(a))

    which falls strictly from `width_max` at q = 0 on, as far as a + q is below half a turn.
    """

    def __init__(self, gripper: GripperContract) -> None:
        self.names = gripper.joint_names
        self._open_m = gripper.width_max_m
        self._knuckle = gripper.knuckle

    def positions(self, width_m: float) -> Array:
        """Of the joints at a width, which is kept within what the gripper has; m or rad."""
        width = min(max(width_m, 0.0), self._open_m)
        if self._knuckle is None:
            return np.full(2, width / 2)
        start, link_m = self._knuckle.open_angle_rad, self._knuckle.link_m
        closed_by = (self._open_m - width) / (2.0 * link_m)
        return np.array([math.acos(math.cos(start) - closed_by) - start])

    def width_m(self, positions: ArrayLike) -> float:
        """The width at joint positions; never below 0."""
        joints = np.asarray(positions, np.float64)
        if self._knuckle is None:
            return float(joints.sum())
        turned = math.cos(self._angle(joints)) - math.cos(self._knuckle.open_angle_rad)
        return max(0.0, self._open_m + 2.0 * self._knuckle.link_m * turned)

    def velocities(self, width_m: float, speed_m_s: float) -> Array:
        """Of the joints that open at this speed at this width; m/s or rad/s."""
        if self._knuckle is None:
            return np.full(2, speed_m_s / 2)
        return np.array([-speed_m_s / self._lever_m(self.positions(width_m))])

    def speed_m_s(self, positions: ArrayLike, velocities: ArrayLike) -> float:
        """How fast the width grows."""
        speeds = np.asarray(velocities, np.float64)
        if self._knuckle is None:
            return float(speeds.sum())
        return float(-speeds[0] * self._lever_m(positions))

    def efforts(self, width_m: float, force_n: float) -> Array:
        """Of the joints whose fingers exert this force each, without friction; N or Nm."""
        if self._knuckle is None:
            return np.full(2, force_n)
        return np.array([force_n * self._lever_m(self.positions(width_m))])

    def force_n(self, positions: ArrayLike, efforts: ArrayLike) -> float:
        """The force of a finger."""
        felt = np.abs(np.asarray(efforts, np.float64))
        if self._knuckle is None:
            return float(felt.max())
        return float(felt[0] / self._lever_m(positions))

    def _angle(self, positions: ArrayLike) -> float:
        """Of the knuckle's link to the way outwards."""
        assert self._knuckle is not None
        turned = self._knuckle.open_angle_rad + float(np.asarray(positions, np.float64)[0])
        return min(max(turned, 0.0), math.pi)

    def _lever_m(self, positions: ArrayLike) -> float:
        """Width per angle, its size; kept off the dead centres, where it ends."""
        assert self._knuckle is not None
        return 2.0 * self._knuckle.link_m * max(math.sin(self._angle(positions)), 1e-3)
