"""The next commanded motion on the way to a joint target: jerk-limited, by Ruckig.

The stream keeps no state of its own. It is asked from the motion that is on the wire, every
tick, so that whatever the gate let through is where it goes on from.
"""

from __future__ import annotations

import numpy as np
import ruckig

from robot_learning.control.motion import JointTarget, Motion
from robot_learning.safety.limits import MotionLimits


class JointStream:
    """Plans from a motion towards a target within joint velocity, acceleration and jerk."""

    def __init__(self, limits: MotionLimits) -> None:
        joints = len(limits.velocity_rad_s)
        self._planner = ruckig.Ruckig(joints)
        self._trajectory = ruckig.Trajectory(joints)
        self._input = ruckig.InputParameter(joints)
        # The stop releases all accelerations together, by at most the slowest joint's time; a
        # joint that is quicker alone may gain this much speed meanwhile. It is kept in reserve.
        release_s = float((limits.acceleration_rad_s2 / limits.jerk_rad_s3).max())
        reserve = limits.acceleration_rad_s2 * release_s / 8.0
        self._velocity = np.maximum(limits.velocity_rad_s - reserve, 0.0)
        # Ruckig works at its limits exactly; the last digits belong to rounding.
        self._input.max_acceleration = (limits.acceleration_rad_s2 * (1.0 - 1e-9)).tolist()
        self._input.max_jerk = (limits.jerk_rad_s3 * (1.0 - 1e-9)).tolist()
        self._full_speed: list[float] = self._velocity.tolist()
        self._rest = [0.0] * joints

    def next(self, motion: Motion, target: JointTarget, duration_s: float) -> Motion | None:
        """The motion `duration_s` after `motion`, heading for `target`.

        Returns:
            The motion, or None when Ruckig finds no trajectory.
        """
        given = self._input
        given.current_position = motion.position.tolist()
        given.current_velocity = motion.velocity.tolist()
        given.current_acceleration = motion.acceleration.tolist()
        if target.velocity_rad_s is not None:
            given.control_interface = ruckig.ControlInterface.Velocity
            given.synchronization = ruckig.Synchronization.Time
            given.max_velocity = self._full_speed
            given.target_velocity = [
                min(max(wanted, -top), top)
                for wanted, top in zip(
                    target.velocity_rad_s.tolist(), self._full_speed, strict=True
                )
            ]
        elif target.position_rad is not None:
            given.control_interface = ruckig.ControlInterface.Position
            # From rest all joints move in proportion: a straight line in joint space.
            given.synchronization = ruckig.Synchronization.Phase
            given.max_velocity = (self._velocity * target.speed_fraction).tolist()
            given.target_position = target.position_rad.tolist()
            given.target_velocity = self._rest
        else:
            return None
        try:
            result = self._planner.calculate(given, self._trajectory)
        except ruckig.RuckigError:
            return None
        if result not in (ruckig.Result.Working, ruckig.Result.Finished):
            return None
        position, velocity, acceleration = self._trajectory.at_time(duration_s)
        found = Motion(np.array(position), np.array(velocity), np.array(acceleration))
        if target.velocity_rad_s is None and duration_s >= self._trajectory.duration:
            return Motion(found.position, np.zeros(len(position)), np.zeros(len(position)))
        return found
