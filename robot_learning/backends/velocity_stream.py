"""From points that the gate admitted to the joint velocity that an arm is to have now.

For arms that are driven by velocity. What is sent is the mean velocity of the admitted trajectory
over the coming period, plus a small correction towards it in position: feed-forward does the work,
and an arm that is held up is not pushed after it. Every velocity is within the limits under which
the contract operates the arm, and never further from the one before than the maker's acceleration
allows in the time between.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from robot_learning.contract import RobotContract
from robot_learning.control.trajectory import TrajectoryFollower
from robot_learning.hardware import Array, JointPoint
from robot_learning.safety.limits import MotionLimits

CORRECTION_HZ = 5.0
"""Velocity asked for each rad of position error: what is left of one falls to 1/e in 0.2 s."""
CORRECTION_SHARE = 0.05
"""Of the operating velocity limit, the most that the correction may ask for."""
HOLD_S = 0.5
"""How long the last point is held by correction before the stream ends."""


class VelocityStream:
    """What to send each period; times are seconds on the system's clock.

    Attributes:
        following: whether there is anything to follow.
        end_s: time of the last point.
    """

    def __init__(self, robot: RobotContract) -> None:
        self._period_s = 1.0 / robot.rates.command_hz
        self._velocity_max = MotionLimits.from_robot(robot).velocity_rad_s
        self._correction_max = CORRECTION_SHARE * self._velocity_max
        self._acceleration_max: Array = np.array(
            [joint.acceleration_max_rad_s2 for joint in robot.arm.joints]
        )
        self.following = False
        self._follower = TrajectoryFollower(np.zeros(len(robot.arm.joints)))
        self.end_s = 0.0
        self._sent: Array = np.zeros(len(robot.arm.joints))
        self._sent_s = -np.inf
        self._here: Array = self._sent  # the reference when the newest command was made
        self._ahead: Array = self._sent  # and one period later
        self._error: Array = self._sent

    def follow(self, points: Sequence[JointPoint], start_s: float, position_rad: Array) -> None:
        """Replaces what is followed; from rest it begins at the measured position.

        Raises:
            ValueError: see `TrajectoryFollower.write`.
        """
        if not self.following:
            follower = TrajectoryFollower(position_rad)
            follower.write(start_s, points)
            self._follower, self.following = follower, True
            self._sent = np.zeros_like(self._sent)
            self._error = np.zeros_like(self._error)
            self._sent_s = -np.inf
        else:
            self._follower.write(start_s, points)
        self.end_s = start_s + points[-1].time_from_start_s

    def finish(self) -> None:
        """No longer holds the last point: the next velocity is zero, and the last one."""
        self.end_s = -np.inf

    def drop(self) -> None:
        """Forgets everything, as when the arm stopped by itself."""
        self.following = False

    def measured(self, stamp_s: float, position_rad: Array) -> None:
        """Compares a measurement with where the arm should have been at that time."""
        if not np.isfinite(self._sent_s):
            return
        share = min(max((stamp_s - self._sent_s) / self._period_s, 0.0), 1.0)
        self._error = self._here + share * (self._ahead - self._here) - position_rad

    def velocity(self, now_s: float) -> Array:
        """What to send now, rad/s, shape (7,); all zeros at the end of what is followed."""
        if not self.following:
            return np.zeros_like(self._sent)
        times = np.array([now_s, now_s + self._period_s])
        here, ahead = self._follower.references(times)
        correction = np.clip(
            CORRECTION_HZ * self._error, -self._correction_max, self._correction_max
        )
        wanted = (ahead - here) / self._period_s + correction
        if now_s > self.end_s + HOLD_S:
            self.following = False
            wanted = np.zeros_like(wanted)
        wanted = np.clip(wanted, -self._velocity_max, self._velocity_max)
        elapsed_s = min(max(now_s - self._sent_s, 0.0), self._period_s)
        change = self._acceleration_max * elapsed_s
        self._sent = np.clip(wanted, self._sent - change, self._sent + change)
        self._sent_s, self._here, self._ahead = now_s, here, ahead
        return self._sent
