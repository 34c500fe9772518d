"""The next commanded motion on the way to a joint target: jerk-limited, by Ruckig.

The stream keeps no state of its own. It is asked from the motion that is on the wire, every
tick, so that whatever the gate let through is where it goes on from.
"""

from __future__ import annotations

from operator import mul, neg, sub, truediv

import numpy as np
import ruckig
from numpy.typing import NDArray

from robot_learning.control.motion import JointTarget, Motion
from robot_learning.safety.limits import MotionLimits

Array = NDArray[np.float64]

_ARRIVED_RAD = 1e-12
_OFF_LINE = 1e-10  # rad/s and rad/s2: rounding of a motion that is on the line
_LEAST = 1e-3  # part of a limit that a joint always gets, so that rounding errors can be undone


class JointStream:
    """Plans from a motion towards a target within joint velocity, acceleration and jerk.

    A velocity is taken up from any motion. A position is approached along the straight joint
    line, from rest or while already on that line.
    """

    def __init__(self, limits: MotionLimits) -> None:
        joints = len(limits.velocity_rad_s)
        # The stop releases all accelerations together, by at most the slowest joint's time; a
        # joint that is quicker alone may gain this much speed meanwhile. It is kept in reserve.
        release_s = float((limits.acceleration_rad_s2 / limits.jerk_rad_s3).max())
        reserve = limits.acceleration_rad_s2 * release_s / 8.0
        self._velocity = [max(v, 0.0) for v in (limits.velocity_rad_s - reserve).tolist()]
        # Ruckig works at its limits exactly; the last digits belong to rounding.
        self._acceleration: list[float] = (limits.acceleration_rad_s2 * (1.0 - 1e-9)).tolist()
        self._jerk: list[float] = (limits.jerk_rad_s3 * (1.0 - 1e-9)).tolist()
        self._reverse = list(map(neg, self._velocity))
        self._least_acceleration = [_LEAST * top for top in self._acceleration]
        self._least_jerk = [_LEAST * top for top in self._jerk]
        self._joints = _Planner(joints, ruckig.ControlInterface.Velocity)
        self._joints.given.synchronization = ruckig.Synchronization.No
        self._joints.given.max_velocity = self._velocity
        self._line = _Planner(1, ruckig.ControlInterface.Position)
        self._line.given.target_velocity = [0.0]

    def next(self, motion: Motion, target: JointTarget, duration_s: float) -> Motion | None:
        """The motion `duration_s` after `motion`, heading for `target`.

        Returns:
            The motion, or None: Ruckig finds no trajectory, or the motion is not on the line to
            a target position (come to rest first).
        """
        if target.velocity_rad_s is not None:
            return self._to_velocity(motion, target.velocity_rad_s, duration_s)
        if target.position_rad is not None:
            return self._to_position(motion, target.position_rad, target.speed_fraction, duration_s)
        return None

    def _to_velocity(self, motion: Motion, velocity: Array, duration_s: float) -> Motion | None:
        given = self._joints.given
        now, push = motion.velocity.tolist(), motion.acceleration.tolist()
        wanted = list(map(min, map(max, velocity.tolist(), self._reverse), self._velocity))
        given.current_position = motion.position.tolist()
        given.current_velocity, given.current_acceleration = now, push
        given.target_velocity = wanted
        given.max_acceleration, given.max_jerk = self._proportion(now, push, wanted)
        found = self._joints.at(duration_s)
        return None if found is None else Motion(*(np.array(part) for part in found))

    def _to_position(
        self, motion: Motion, position: Array, speed_fraction: float, duration_s: float
    ) -> Motion | None:
        way = position - motion.position
        length = max(map(abs, way.tolist()))
        if length < _ARRIVED_RAD and motion.at_rest:
            return motion
        unit = way / max(length, 1e-300)
        square = float(unit @ unit)
        speed = float(unit @ motion.velocity) / square
        push = float(unit @ motion.acceleration) / square
        off_line = np.abs(motion.velocity - speed * unit).max()
        if not (
            off_line <= _OFF_LINE and np.abs(motion.acceleration - push * unit).max() <= _OFF_LINE
        ):
            return None
        sizes = [max(abs(u), 1e-12) for u in unit.tolist()]
        given = self._line.given
        given.current_position, given.target_position = [0.0], [length]
        given.current_velocity, given.current_acceleration = [speed], [push]
        given.max_velocity = [
            speed_fraction * min(v / u for v, u in zip(self._velocity, sizes, strict=True))
        ]
        given.max_acceleration = [
            min(a / u for a, u in zip(self._acceleration, sizes, strict=True))
        ]
        given.max_jerk = [min(j / u for j, u in zip(self._jerk, sizes, strict=True))]
        found = self._line.at(duration_s)
        if found is None:
            return None
        if duration_s >= self._line.trajectory.duration:
            rest = np.zeros_like(position)
            return Motion(position, rest, rest)
        (travelled,), (speed,), (push,) = found
        return Motion(motion.position + travelled * unit, speed * unit, push * unit)

    def _proportion(
        self, now: list[float], push: list[float], wanted: list[float]
    ) -> tuple[list[float], list[float]]:
        """Every joint's acceleration and jerk in proportion to its change of velocity.

        All joints then change velocity in one shape, and the tool's velocity goes straight from
        what it is to what is wanted. Ruckig's own synchronisation of velocities only makes them
        end together; near a stretched arm, where large joint velocities cancel, the tool would
        swing out meanwhile. A joint that accelerates already keeps what it needs to end that.
        """
        # Whole rows at a time: seven joints are too few for NumPy and too many for a loop.
        changes = list(map(abs, map(sub, wanted, now)))
        scale_a = 1.0 / max(*map(truediv, changes, self._acceleration), 1e-12)
        scale_j = 1.0 / max(*map(truediv, changes, self._jerk), 1e-12)
        present = list(map(abs, push))
        needed = map(mul, map(truediv, present, self._acceleration), self._jerk)
        accelerations = map(max, map(scale_a.__mul__, changes), present, self._least_acceleration)
        jerks = map(max, map(scale_j.__mul__, changes), needed, self._least_jerk)
        return (
            list(map(min, accelerations, self._acceleration)),
            list(map(min, jerks, self._jerk)),
        )


class _Planner:
    """Ruckig with its workspace."""

    def __init__(self, axes: int, interface: ruckig.ControlInterface) -> None:
        self.given = ruckig.InputParameter(axes)
        self.given.control_interface = interface
        self.trajectory = ruckig.Trajectory(axes)
        self._planner = ruckig.Ruckig(axes)

    def at(self, time_s: float) -> tuple[list[float], list[float], list[float]] | None:
        """Position, velocity and acceleration at a time on the way; None when there is none."""
        try:
            result = self._planner.calculate(self.given, self.trajectory)
        except ruckig.RuckigError:
            return None
        if result not in (ruckig.Result.Working, ruckig.Result.Finished):
            return None
        position, velocity, acceleration = self.trajectory.at_time(time_s)
        return position, velocity, acceleration
