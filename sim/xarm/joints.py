"""Seven joints that are driven by velocity, with an end to every velocity command.

Motion is computed when somebody looks: between two commands it is known in closed form.
"""

from __future__ import annotations

import math

import numpy as np

from robot_learning.hardware import Array


class VelocityJoints:
    """Joints that take up a velocity within their acceleration; times are seconds, any clock.

    Attributes:
        position_rad: shape (7,).
        velocity_rad_s: shape (7,).
        target_rad_s: velocity that they head for, shape (7,).
    """

    def __init__(self, position_rad: Array, acceleration_max_rad_s2: float, now_s: float) -> None:
        self.position_rad: Array = np.array(position_rad, dtype=np.float64)
        self.velocity_rad_s: Array = np.zeros_like(self.position_rad)
        self.target_rad_s: Array = np.zeros_like(self.position_rad)
        self._acceleration_max = acceleration_max_rad_s2
        self._acceleration: Array = np.zeros_like(self.position_rad)
        self._together = False
        self._until_s = math.inf
        self._now_s = now_s

    def command(
        self, velocity_rad_s: Array, now_s: float, duration_s: float, *, together: bool
    ) -> None:
        """A new velocity.

        Args:
            velocity_rad_s: shape (7,).
            now_s: the present.
            duration_s: after so long the joints head for rest; 0 or less: never.
            together: all joints take equally long to reach their velocities.
        """
        self.advance(now_s)
        self._head_for(velocity_rad_s, together)
        self._until_s = now_s + duration_s if duration_s > 0.0 else math.inf

    def halt(self, now_s: float) -> None:
        """Brakes every joint as hard as it can."""
        self.advance(now_s)
        self._head_for(np.zeros_like(self.target_rad_s), together=False)
        self._until_s = math.inf

    def advance(self, now_s: float) -> None:
        """Lets time pass; the end of a command falls where it belongs."""
        if now_s > self._until_s:
            self._integrate(self._until_s)
            self._head_for(np.zeros_like(self.target_rad_s), self._together)
            self._until_s = math.inf
        self._integrate(now_s)

    def _head_for(self, target: Array, together: bool) -> None:
        change = np.abs(target - self.velocity_rad_s)
        most = float(change.max())
        share = change / most if together and most > 0.0 else np.ones_like(change)
        self._acceleration = self._acceleration_max * share
        self.target_rad_s, self._together = np.array(target, dtype=np.float64), together

    def _integrate(self, now_s: float) -> None:
        elapsed_s = now_s - self._now_s
        if elapsed_s <= 0.0:
            return
        change = self.target_rad_s - self.velocity_rad_s
        with np.errstate(divide="ignore", invalid="ignore"):
            reach_s = np.where(change == 0.0, 0.0, np.abs(change) / self._acceleration)
        ramp_s = np.minimum(reach_s, elapsed_s)
        ramp = np.sign(change) * self._acceleration
        self.position_rad = (
            self.position_rad
            + self.velocity_rad_s * ramp_s
            + 0.5 * ramp * ramp_s**2
            + self.target_rad_s * (elapsed_s - ramp_s)
        )
        arrived = reach_s <= elapsed_s
        self.velocity_rad_s = np.where(
            arrived, self.target_rad_s, self.velocity_rad_s + ramp * ramp_s
        )
        self._now_s = now_s
