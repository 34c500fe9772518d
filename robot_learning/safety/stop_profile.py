"""The controlled stop: a closed-form, jerk-limited way to rest from any commanded motion.

Two phases. First every joint's acceleration falls linearly to zero, all in the same time. Then
all joint velocities shrink by one common factor from 1 to 0, so that the arm brakes along a
straight line in joint space. Nothing swings wide on the way: positions change monotonically,
and the tool's speed can be bounded from two evaluations of the Jacobian (`Envelope`), which a
stop that brakes every joint at its own rate does not allow.
"""

from __future__ import annotations

import math
from operator import truediv

import numpy as np

from robot_learning.control.motion import Motion
from robot_learning.safety.limits import MotionLimits

# Below these a motion counts as rest: rad/s and rad/s2, far under what any drive resolves.
_VELOCITY_ZERO = 1e-10
_ACCELERATION_ZERO = 1e-8


class StopProfile:
    """The stop from one motion.

    Attributes:
        duration_s: time to rest.
        release_s: length of the first phase.
        brake_s: length of the second phase.
        brake_velocity: joint velocity at the start of the second phase, rad/s, shape (7,).
        release_position: joint position at that moment, rad, shape (7,).
        end_position: where the arm comes to rest, rad, shape (7,).
    """

    __slots__ = (
        "_cubic",
        "_knee",
        "_rate",
        "brake_s",
        "brake_velocity",
        "duration_s",
        "end_position",
        "release_position",
        "release_s",
        "start",
    )

    def __init__(self, start: Motion, limits: MotionLimits) -> None:
        position, velocity, acceleration = start
        self.start = start
        slowing = list(map(abs, acceleration.tolist()))
        release = 0.0
        if max(slowing) >= _ACCELERATION_ZERO:
            release = max(map(truediv, slowing, limits.jerks))
        self.release_s = release
        self.brake_velocity = velocity + acceleration * (release / 2.0)
        self.release_position = position + release * (velocity + acceleration * (release / 3.0))
        speed = list(map(abs, self.brake_velocity.tolist()))
        # s is the common factor. |ds/dt| <= 1/brake and |d2s/dt2| <= 1/cubic keep all joints
        # within their limits of acceleration and jerk.
        brake = max(map(truediv, speed, limits.accelerations))
        cubic = max(map(truediv, speed, limits.jerks))
        if max(speed) < _VELOCITY_ZERO:
            self._knee, self._rate, self._cubic, self.brake_s = 0.0, 0.0, 1.0, 0.0
        elif cubic <= brake * brake:
            self._knee, self._rate, self._cubic = cubic / brake, 1.0 / brake, cubic
            self.brake_s = brake + self._knee
        else:  # too slow to reach the full deceleration
            self._knee = math.sqrt(cubic)
            self._rate, self._cubic = 1.0 / self._knee, cubic
            self.brake_s = 2.0 * self._knee
        self.duration_s = self.release_s + self.brake_s
        self.end_position = self.release_position + self.brake_velocity * (self.brake_s / 2.0)

    def at(self, time_s: float) -> Motion:
        """The motion `time_s` after the stop began; at rest from `duration_s` on."""
        if time_s >= self.duration_s:
            rest = np.zeros_like(self.end_position)
            return Motion(self.end_position, rest, rest)
        if time_s <= 0.0:
            return self.start
        if time_s < self.release_s:
            position, velocity, acceleration = self.start
            t, share = time_s, time_s / self.release_s
            return Motion(
                position + t * velocity + (t * t * (0.5 - share / 6.0)) * acceleration,
                velocity + (t * (1.0 - share / 2.0)) * acceleration,
                (1.0 - share) * acceleration,
            )
        travelled, factor, rate = self._brake(time_s - self.release_s)
        return Motion(
            self.release_position + travelled * self.brake_velocity,
            factor * self.brake_velocity,
            rate * self.brake_velocity,
        )

    def _brake(self, time_s: float) -> tuple[float, float, float]:
        """Integral of the common factor, the factor, and its rate, in the second phase."""
        t, knee, cubic = time_s, self._knee, self._cubic
        left = self.brake_s - t
        if t < knee:
            return t - t**3 / (6.0 * cubic), 1.0 - t * t / (2.0 * cubic), -t / cubic
        if left > knee:
            start = knee - knee**3 / (6.0 * cubic)
            factor = 1.0 - knee * knee / (2.0 * cubic)
            u = t - knee
            return (
                start + u * factor - self._rate * u * u / 2.0,
                factor - self._rate * u,
                -self._rate,
            )
        return (
            self.brake_s / 2.0 - left**3 / (6.0 * cubic),
            left * left / (2.0 * cubic),
            -left / cubic,
        )
