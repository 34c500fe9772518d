"""Whether a commanded motion may follow another, judged together with the stop from it.

A motion is admitted when it and the whole stop from it keep every limit. The stop of the last
admitted motion is therefore always there to fall back on, and nobody has to look further ahead.

Between its evaluated points a stop is bounded, not sampled. With w the largest joint speeds and
r(i, j) the reach of the more distal of two joints, the tool's acceleration along a straight
joint-space line is at most C = sum r(i, j) w_i w_j and its rate of change at most C sum(w), since
every further derivative of a chain of rotations only adds a cross product with a unit axis. A
curve departs from the chord of an interval h by at most h**2 / 8 times its second derivative.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from robot_learning.control.motion import Motion
from robot_learning.kinematics import ArmKinematics, TcpState
from robot_learning.safety.limits import MotionLimits
from robot_learning.safety.stop_profile import StopProfile

Array = NDArray[np.float64]

_ROUNDING = 1e-9
_DRIFT_WORTH_A_LOOK = 0.001  # m/s or rad/s: above it, one more Jacobian is cheaper than the loss


class Envelope:
    """Judges motions against the limits; see the module's text for how."""

    def __init__(self, limits: MotionLimits, kinematics: ArmKinematics) -> None:
        self.limits = limits
        self._kinematics = kinematics
        reach = kinematics.reach_m
        self._reach = reach
        self._pair_reach = np.minimum.outer(reach, reach)
        self._tool_acceleration = float(reach @ limits.acceleration_rad_s2)
        self._speed_max = limits.tcp_speed_m_s * (1.0 - _ROUNDING)
        self._turn_max = limits.tcp_angular_speed_rad_s * (1.0 - _ROUNDING)

    def refuse(
        self,
        before: Motion,
        here: TcpState,
        after: Motion,
        there: TcpState,
        stop: StopProfile,
        duration_s: float,
    ) -> str | None:
        """Names the limit that forbids going from `before` to `after`, or None.

        Args:
            before: the motion on the wire.
            here: the tool at `before`.
            after: the motion proposed, `duration_s` later.
            there: the tool at `after`.
            stop: the stop from `after`.
            duration_s: above 0.
        """
        return (
            self._joint_steps(before, after, duration_s)
            or self._joint_positions(before, after, stop)
            or self._tool(before, here, after, there, stop, duration_s)
        )

    def _joint_steps(self, before: Motion, after: Motion, h: float) -> str | None:
        """Continuity: the step is one that jerk-limited motion can make."""
        limits = self.limits
        jerk = np.abs(after.acceleration - before.acceleration)
        if not (jerk <= limits.jerk_rad_s3 * h + _ROUNDING).all():
            return "joint_jerk"
        if not (np.abs(after.acceleration) <= limits.acceleration_rad_s2).all():
            return "joint_acceleration"
        gain = np.abs(after.velocity - before.velocity)
        if not (gain <= limits.acceleration_rad_s2 * h + _ROUNDING).all():
            return "joint_acceleration"
        step = np.abs(after.position - before.position)
        if not (
            (step <= limits.velocity_rad_s * h + 1e-14).all()
            and (np.abs(after.velocity) <= limits.velocity_rad_s).all()
        ):
            return "joint_velocity"
        return None

    def _joint_positions(self, before: Motion, after: Motion, stop: StopProfile) -> str | None:
        """Within the position limits until rest; from outside them only inwards."""
        limits, start, end = self.limits, after.position, stop.end_position
        if (np.abs(stop.brake_velocity) > limits.velocity_rad_s).any():
            return "joint_velocity"
        # A joint that reverses while its acceleration is released overshoots at most this.
        reverses = after.velocity * stop.brake_velocity < 0.0
        swing = np.where(reverses, np.abs(after.velocity) * stop.release_s, 0.0)
        high = np.maximum(start, end) + swing
        low = np.minimum(start, end) - swing
        fits = (high <= limits.position_max_rad) & (low >= limits.position_min_rad)
        if fits.all():
            return None
        too_high, too_low = high > limits.position_max_rad, low < limits.position_min_rad
        velocity, later = after.velocity, stop.brake_velocity
        falls = (velocity <= 0.0) & (later <= 0.0) & (start <= before.position)
        rises = (velocity >= 0.0) & (later >= 0.0) & (start >= before.position)
        # Coming back from one side must not end beyond the other.
        comes_back = (too_high & falls & ~too_low) | (too_low & rises & ~too_high)
        return None if (fits | comes_back).all() else "joint_position"

    def _tool(
        self,
        before: Motion,
        here: TcpState,
        after: Motion,
        there: TcpState,
        stop: StopProfile,
        h: float,
    ) -> str | None:
        end = self._kinematics.tcp(stop.end_position)
        brake, release, half = stop.brake_velocity, stop.release_s, stop.brake_s / 2.0
        fastest = np.maximum(np.abs(after.velocity), np.abs(brake))
        total = float(fastest.sum())
        paired = self._pair_reach @ fastest
        curve = float(fastest @ paired)
        slowing = np.abs(after.acceleration)

        # While accelerations are released, joint velocities lie between these two, and the
        # Jacobian between its values at both ends up to `drift`.
        ends = np.stack((after.velocity, brake), axis=1)
        corners = (there.jacobian @ ends).T.tolist()
        drift, turn_drift = release * curve, release * total * total / 2.0
        if drift > _DRIFT_WORTH_A_LOOK or turn_drift > _DRIFT_WORTH_A_LOOK:
            released = self._kinematics.tcp(stop.release_position)
            corners += (released.jacobian @ ends).T.tolist()
            share = release * release / 8.0
            drift = share * (curve * total + float(slowing @ paired))
            turn_drift = share * (total**3 / 2.0 + float(slowing.sum()) * total)
        corners.append((end.jacobian @ brake).tolist())
        sag, turn_sag = half * half / 8.0 * curve * total, half * half / 16.0 * total**3
        slack, turn_slack = drift + sag, turn_drift + turn_sag
        if not (
            max(map(_norm, corners)) + slack <= self._speed_max
            and math.dist(here.position_m, there.position_m) <= self._speed_max * h + 1e-14
        ):
            return "tcp_speed"
        if not (
            max(_norm(corner[3:]) for corner in corners) + turn_slack <= self._turn_max
            and _angle(here.rotation, there.rotation) <= self._turn_max * h + 1e-14
        ):
            return "tcp_angular_speed"

        # Departure from the chords here-there and there-end.
        bow = max(
            h * h / 8.0 * (self._tool_acceleration + curve),
            release * release / 6.0 * float(self._reach @ slowing)
            + (release + half) ** 2 / 8.0 * curve,
        )
        low, high = self.limits.box_min_m.tolist(), self.limits.box_max_m.tolist()
        origin, first, last = here.position_m.tolist(), there.position_m.tolist(), end.position_m
        for axis in range(3):
            top, bottom = max(first[axis], last[axis]), min(first[axis], last[axis])
            rates = [corner[axis] for corner in corners]
            falls = max(rates) + slack <= 0.0 and first[axis] <= origin[axis]
            rises = min(rates) - slack >= 0.0 and first[axis] >= origin[axis]
            # `not <=` so that a NaN refuses.
            if not (top + bow <= high[axis] or (falls and bottom - bow >= low[axis])):
                return "workspace"
            if not (bottom - bow >= low[axis] or (rises and top + bow <= high[axis])):
                return "workspace"
        return None


def _norm(vector: list[float]) -> float:
    return math.hypot(vector[0], vector[1], vector[2])


def _angle(start: Array, end: Array) -> float:
    """Angle between two rotations, rad."""
    (xx, xy, xz), (yx, yy, yz), (zx, zy, zz) = (end @ start.T).tolist()
    sine = math.hypot(zy - yz, xz - zx, yx - xy) / 2.0
    return math.atan2(sine, (xx + yy + zz - 1.0) / 2.0)
