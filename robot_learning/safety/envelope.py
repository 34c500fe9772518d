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
        self._kinematics = kinematics
        reach = kinematics.reach_m
        self._reach = reach
        self._pair_reach = np.minimum.outer(reach, reach)
        self._rows = (
            limits.position_min_rad.tolist(),
            limits.position_max_rad.tolist(),
            limits.velocity_rad_s.tolist(),
            limits.acceleration_rad_s2.tolist(),
            limits.jerk_rad_s3.tolist(),
        )
        self._walls = tuple(zip(limits.box_min_m.tolist(), limits.box_max_m.tolist(), strict=True))
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
        return self._joints(before, after, stop, duration_s) or self._tool(
            before, here, after, there, stop, duration_s
        )

    def _joints(self, before: Motion, after: Motion, stop: StopProfile, h: float) -> str | None:
        """The step is one that jerk-limited motion can make, and the stop stays in range.

        From beyond a position limit only the way back is allowed. Every comparison is put so
        that a NaN refuses.
        """
        half, sixth, release = h / 2.0, h * h / 6.0, stop.release_s
        rows = zip(
            *self._rows,
            *(array.tolist() for array in before),
            *(array.tolist() for array in after),
            stop.brake_velocity.tolist(),
            stop.end_position.tolist(),
            strict=True,
        )
        for low, high, v_max, a_max, j_max, p0, v0, a0, p, v, a, later, end in rows:
            change = j_max * h
            if not (
                abs(a - a0) <= change + _ROUNDING
                and abs(v - v0 - h * a0) <= change * half + 1e-12
                and abs(p - p0 - h * (v0 + half * a0)) <= change * sixth + 1e-14
            ):
                return "joint_jerk"
            if not abs(a) <= a_max:
                return "joint_acceleration"
            if not (abs(p - p0) <= v_max * h + 1e-14 and abs(v) <= v_max and abs(later) <= v_max):
                return "joint_velocity"
            # A joint that reverses while its acceleration is released swings at most this far.
            swing = abs(v) * release if v * later < 0.0 else 0.0
            fits_below = p + swing <= high and end + swing <= high
            fits_above = p - swing >= low and end - swing >= low
            if fits_below and fits_above:
                continue
            falls = v <= 0.0 and later <= 0.0 and p <= p0
            rises = v >= 0.0 and later >= 0.0 and p >= p0
            if not ((fits_above and falls) or (fits_below and rises)):
                return "joint_position"
        return None

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
        paired = self._pair_reach @ fastest
        curve, total = float(fastest @ paired), sum(fastest.tolist())

        # While accelerations are released, joint velocities lie between these two, and the
        # Jacobian between its values at both ends up to `drift`.
        corners = [
            (there.jacobian @ after.velocity).tolist(),
            (there.jacobian @ brake).tolist(),
            (end.jacobian @ brake).tolist(),
        ]
        drift, turn_drift = release * curve, release * total * total / 2.0
        slowing = np.abs(after.acceleration)
        if drift > _DRIFT_WORTH_A_LOOK or turn_drift > _DRIFT_WORTH_A_LOOK:
            released = self._kinematics.tcp(stop.release_position).jacobian
            corners += [(released @ after.velocity).tolist(), (released @ brake).tolist()]
            share = release * release / 8.0
            drift = share * (curve * total + float(slowing @ paired))
            turn_drift = share * (total**3 / 2.0 + sum(slowing.tolist()) * total)
        slack = drift + half * half / 8.0 * curve * total
        turn_slack = turn_drift + half * half / 16.0 * total**3
        speed = max([math.hypot(x, y, z) for x, y, z, _, _, _ in corners])
        turning = max([math.hypot(x, y, z) for _, _, _, x, y, z in corners])
        first, last = there.position_m.tolist(), end.position_m.tolist()
        origin = here.position_m.tolist()
        if not (
            speed + slack <= self._speed_max
            and math.dist(origin, first) <= self._speed_max * h + 1e-14
        ):
            return "tcp_speed"
        if not (
            turning + turn_slack <= self._turn_max
            and _angle(here.rotation, there.rotation) <= self._turn_max * h + 1e-14
        ):
            return "tcp_angular_speed"

        # Departure from the chords here-there and there-end.
        bow = max(
            h * h / 8.0 * (self._tool_acceleration + curve),
            release * release / 6.0 * float(self._reach @ slowing)
            + (release + half) ** 2 / 8.0 * curve,
        )
        for axis, (low, high) in enumerate(self._walls):
            top, bottom = max(first[axis], last[axis]) + bow, min(first[axis], last[axis]) - bow
            if top <= high and bottom >= low:
                continue
            rates = [corner[axis] for corner in corners]
            falls = max(rates) + slack <= 0.0 and first[axis] <= origin[axis]
            rises = min(rates) - slack >= 0.0 and first[axis] >= origin[axis]
            if not ((bottom >= low and falls) or (top <= high and rises)):
                return "workspace"
        return None


def _angle(start: Array, end: Array) -> float:
    """Angle between two rotations, rad."""
    (xx, xy, xz), (yx, yy, yz), (zx, zy, zz) = (end @ start.T).tolist()
    sine = math.hypot(zy - yz, xz - zx, yx - xy) / 2.0
    return math.atan2(sine, (xx + yy + zz - 1.0) / 2.0)
