"""Follows joint trajectories as ros2_control's joint trajectory controller does.

Between two points the reference is the cubic that meets position and velocity at both (Hermite).
A new trajectory starts from the state commanded at that moment and replaces the old one; past the
last point the reference holds that point.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence

import numpy as np

from robot_learning.hardware import Array, JointPoint

_SAME_TIME_S = 1e-9
"""Times closer than this are one time: sums of periods differ in their last digits."""


class TrajectoryFollower:
    """The commanded joint positions over time. Times are seconds on a clock that only grows."""

    def __init__(self, position_rad: Array) -> None:
        self._times = np.zeros(1)
        self._positions = np.array(position_rad, dtype=float)[None]
        self._velocities = np.zeros_like(self._positions)
        self._waiting: deque[tuple[float, Array, Array, Array]] = deque()

    def write(self, start_s: float, points: Sequence[JointPoint]) -> None:
        """Takes a trajectory that begins at `start_s`, not before any written earlier.

        Raises:
            ValueError: it is empty, a time is not above the one before, or a number is not
                finite; the message names the point.
        """
        self._waiting.append((start_s, *_arrays(points, self._positions.shape[1])))

    def references(self, times_s: Array) -> Array:
        """Positions at the given times, which must not lie before those asked for earlier.

        Args:
            times_s: ascending, shape (n,).

        Returns:
            Shape (n, joints), rad.
        """
        parts = []
        while self._waiting and self._waiting[0][0] <= times_s[-1]:
            split = int(np.searchsorted(times_s, self._waiting[0][0]))
            if split:
                parts.append(self._sample(times_s[:split])[0])
            self._begin(*self._waiting.popleft())
            times_s = times_s[split:]
        parts.append(self._sample(times_s)[0])
        return np.concatenate(parts) if len(parts) > 1 else parts[0]

    def _begin(self, start_s: float, offsets: Array, positions: Array, velocities: Array) -> None:
        if abs(start_s - self._times[-1]) <= _SAME_TIME_S:  # goes on where the last one ended
            position, velocity = self._positions[-1:], self._velocities[-1:]
        else:
            position, velocity = self._sample(np.array([start_s]))
        self._times = np.concatenate([[start_s], start_s + offsets])
        self._positions = np.concatenate([position, positions])
        self._velocities = np.concatenate([velocity, velocities])

    def _sample(self, times: Array) -> tuple[Array, Array]:
        """Positions and velocities, each (n, joints)."""
        knots = self._times
        if len(knots) == 1:
            count = (len(times), 1)
            return np.tile(self._positions, count), np.tile(self._velocities * 0.0, count)
        left = np.clip(np.searchsorted(knots, times, side="right") - 1, 0, len(knots) - 2)
        duration = knots[left + 1] - knots[left]
        x = np.clip((times - knots[left]) / duration, 0.0, 1.0)[:, None]
        duration = duration[:, None]
        p0, p1 = self._positions[left], self._positions[left + 1]
        v0, v1 = self._velocities[left] * duration, self._velocities[left + 1] * duration
        # Horner form of the cubic with values p0, p1 and slopes v0, v1 at 0 and 1.
        rise = p1 - p0
        c2, c3 = 3.0 * rise - 2.0 * v0 - v1, v0 + v1 - 2.0 * rise
        position = p0 + x * (v0 + x * (c2 + x * c3))
        velocity = (v0 + x * (2.0 * c2 + x * 3.0 * c3)) / duration
        ended = times >= knots[-1]
        position[ended] = self._positions[-1]
        velocity[times > knots[-1] + _SAME_TIME_S] = 0.0
        return position, velocity


def _arrays(points: Sequence[JointPoint], joints: int) -> tuple[Array, Array, Array]:
    """Times (n,), positions (n, joints) and velocities (n, joints), checked."""
    if not points:
        raise ValueError("joint trajectory: has no point; to stop, send the position to hold")
    try:
        times = np.array([point.time_from_start_s for point in points], dtype=float)
        positions = np.array([point.position_rad for point in points], dtype=float)
        velocities = np.array([point.velocity_rad_s for point in points], dtype=float)
    except (TypeError, ValueError):
        raise _complaint(points, joints) from None
    right_shape = positions.shape == velocities.shape == (len(points), joints)
    if not right_shape or times.shape != (len(points),):
        raise _complaint(points, joints)
    # A sum is finite exactly when (short of overflow) all its terms are: cheap on small arrays.
    if not math.isfinite(times.sum() + positions.sum() + velocities.sum()):
        raise _complaint(points, joints)
    if times[0] <= 0.0 or not (times[1:] > times[:-1]).all():
        raise _complaint(points, joints)
    return times, positions, velocities


def _complaint(points: Sequence[JointPoint], joints: int) -> ValueError:
    """Finds the point that is wrong."""
    before = 0.0
    for number, point in enumerate(points):
        where = f"joint trajectory, point {number}"
        for name in ("position_rad", "velocity_rad_s"):
            value = getattr(point, name)
            try:
                array = np.asarray(value, dtype=float)
            except (TypeError, ValueError):
                return ValueError(f"{where}: {name} {value!r:.80} is not {joints} numbers")
            if array.shape != (joints,):
                return ValueError(f"{where}: {name} has shape {array.shape}, expected ({joints},)")
            if not np.isfinite(array).all():
                return ValueError(f"{where}: {name} {array.tolist()} is not finite")
        time = point.time_from_start_s
        if not (isinstance(time, int | float | np.number) and before < time < math.inf):
            return ValueError(
                f"{where}: time_from_start_s {time!r} is not a number above {before}; "
                "times must rise from point to point"
            )
        before = float(time)
    return ValueError("joint trajectory: numbers are too large")
