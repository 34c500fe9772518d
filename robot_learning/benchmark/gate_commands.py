"""Commands that a policy, a broken program or an adversary might send: random, extreme, malformed.

Most of them push the arm for a while in one way, so that it meets its limits at speed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from robot_learning.control.motion import JointTarget
from robot_learning.kinematics import ArmKinematics
from robot_learning.kinematics.arm_kinematics import resolve
from robot_learning.kinematics.collision_model import CollisionModel
from robot_learning.safety.limits import MotionLimits

Array = NDArray[np.float64]

LATE_S = 0.03  # the longest gap between two ticks; the gate calls more than 0.05 s a stall
_HOLD_MAX = 60  # ticks that one way of pushing goes on
_REACH_MAX = 250  # the same on the way to a collision
_TOO_FAST = 1.6  # times the velocity limit, of the fastest joint
_CANDIDATES = 12
_PROBE_RAD = 1e-4
_SLOPE_MIN = 0.02  # metres per rad


class Command(NamedTuple):
    """One tick of the gate.

    Attributes:
        target: what is asked; None: nothing.
        elapsed_s: since the tick before.
        call: a method of the gate that is called after the tick, with a reason; or empty.
    """

    target: JointTarget | None
    elapsed_s: float
    call: str = ""


class Commands:
    """Draws commands for one robot."""

    def __init__(
        self,
        limits: MotionLimits,
        kinematics: ArmKinematics,
        model: CollisionModel,
        period_s: float,
        rng: np.random.Generator,
    ) -> None:
        self._limits, self._kinematics, self._period_s = limits, kinematics, period_s
        self._model, self._distances = model, model.workspace()
        self._rng = rng
        self._skip = 0  # so many pairs are nearer than the one that is brought together
        self._movable = np.array([pair.moved_joint > 1 for pair in model.pairs], dtype=bool)
        self._ways: list[Callable[[Array], JointTarget | None]] = [
            self._random,
            self._extreme,
            self._to_posture,
            self._tool,
            self._tool,
            self._to_wall,
            self._to_collision,
            self._to_collision,
            self._nothing,
        ]

    def draw(self, position: Callable[[], Array]) -> Iterator[Command]:
        """Commands without end.

        Args:
            position: where the arm is commanded to be, rad, shape (7,), asked before each way of
                pushing begins.
        """
        rng = self._rng
        while True:
            way = self._ways[rng.integers(len(self._ways))]
            most = _REACH_MAX if way == self._to_collision else _HOLD_MAX
            count = int(rng.integers(1, most))
            uneven = rng.random() < 0.3
            self._skip = int(rng.geometric(0.6)) - 1
            shaken = rng.random() < 0.15  # the way turns round at every tick
            target = way(position())
            for tick in range(count):
                asked = target
                if shaken and tick % 2:
                    asked = _turned_round(target)
                if rng.random() < 0.01:
                    asked = self._malformed()
                elif tick and tick % 20 == 0 and target is not None:
                    target = way(position())  # as a policy would, seeing where it is
                elapsed = self._period_s
                if uneven:
                    elapsed = float(rng.uniform(0.001, LATE_S))
                call = ""
                if rng.random() < 0.0005:
                    call = str(rng.choice(["estop", "fault", "disarm"]))
                yield Command(asked, elapsed, call)

    def posture(self) -> Array:
        """A posture within every limit and clear of everything, rad, shape (7,).

        Of several the one that is nearest to a collision, every other time.
        """
        found = [self._posture() for _ in range(int(self._rng.choice([1, _CANDIDATES])))]
        return min(found, key=lambda item: item[0])[1]

    def _posture(self) -> tuple[float, Array]:
        limits, rng = self._limits, self._rng
        home = self._kinematics.home_position_rad
        while True:
            low, high = limits.position_min_rad, limits.position_max_rad
            q = np.clip(home + rng.normal(0.0, rng.choice([0.0, 0.3, 0.8]), 7), low, high)
            tool = self._kinematics.tcp_position(q)
            if ((tool < limits.box_min_m) | (tool > limits.box_max_m)).any():
                continue
            self._distances.update(q)
            clearance = self._distances.clearance()
            if (clearance >= 0.0).all():
                return float(clearance[self._movable].min(initial=np.inf)), q

    def _fast(self, direction: Array) -> JointTarget:
        """The joint velocity in a direction, at a drawn part of what is allowed or beyond it."""
        size = float((np.abs(direction) / self._limits.velocity_rad_s).max())
        pace = self._rng.choice([0.02, 0.2, 0.6, 1.0, _TOO_FAST])
        return JointTarget(velocity_rad_s=direction * (pace / max(size, 1e-9)))

    def _random(self, q: Array) -> JointTarget:
        return self._fast(self._rng.normal(size=7) * self._limits.velocity_rad_s)

    def _extreme(self, q: Array) -> JointTarget:
        return self._fast(self._rng.choice([-1.0, 0.0, 1.0], 7) * self._limits.velocity_rad_s)

    def _to_posture(self, q: Array) -> JointTarget:
        """A position, now and then beyond the limits."""
        middle = (self._limits.position_max_rad + self._limits.position_min_rad) / 2.0
        half = (self._limits.position_max_rad - self._limits.position_min_rad) / 2.0
        share = self._rng.uniform(-1.1, 1.1, 7)
        if self._rng.random() < 0.5:
            share = (q - middle) / half + 0.1 * self._rng.normal(size=7)
        return JointTarget(
            position_rad=middle + share * half, speed_fraction=float(self._rng.uniform(0.05, 1.0))
        )

    def _tool(self, q: Array) -> JointTarget:
        """The tool in a direction, as the servo would move it but with no limit kept."""
        return self._moving_tool(q, self._rng.normal(size=3), 0.3 * self._rng.normal(size=3))

    def _to_wall(self, q: Array) -> JointTarget:
        direction = np.zeros(3)
        direction[self._rng.integers(3)] = self._rng.choice([-1.0, 1.0])
        return self._moving_tool(q, direction, np.zeros(3))

    def _moving_tool(self, q: Array, direction: Array, turning: Array) -> JointTarget:
        jacobian = self._kinematics.jacobian(q)
        pull = self._rng.normal(0.0, 0.1, 7)
        twist = np.concatenate([direction / np.linalg.norm(direction), turning])
        velocity = resolve(jacobian, twist * self._limits.tcp_speed_m_s, pull, 1e-4)
        return JointTarget(velocity_rad_s=velocity * self._rng.choice([0.1, 0.5, 0.95, 1.5]))

    def _to_collision(self, q: Array) -> JointTarget:
        """Straight towards where two shapes meet, mostly the two that are nearest."""
        self._distances.update(q)
        clearance = self._distances.clearance()
        skip = self._skip
        for pair in np.argsort(clearance).tolist():
            slope = self._slope(q, pair, clearance[pair])
            if np.abs(slope).max() < _SLOPE_MIN:
                continue  # nothing moves these two
            if not skip:
                return self._lawful(q, -slope + 0.05 * self._rng.normal(size=7))
            skip -= 1
        return self._random(q)

    def _slope(self, q: Array, pair: int, here: float) -> Array:
        slope = np.zeros(7)
        for joint in range(7):
            probe = q.copy()
            probe[joint] += _PROBE_RAD
            self._distances.update(probe)
            slope[joint] = (self._distances.clearance_of(pair) - here) / _PROBE_RAD
        return slope

    def _lawful(self, q: Array, direction: Array) -> JointTarget:
        """As fast as joints and tool may be, or less: what comes near a collision at all."""
        twist = self._kinematics.jacobian(q) @ direction
        shares = [
            float((np.abs(direction) / self._limits.velocity_rad_s).max()),
            float(np.linalg.norm(twist[:3])) / self._limits.tcp_speed_m_s,
            float(np.linalg.norm(twist[3:])) / self._limits.tcp_angular_speed_rad_s,
        ]
        pace = self._rng.choice([0.1, 0.4, 0.8, 0.95])
        return JointTarget(velocity_rad_s=direction * (pace / max(*shares, 1e-9)))

    def _nothing(self, q: Array) -> None:
        return None

    def _malformed(self) -> JointTarget:
        rng = self._rng
        what: Any = rng.choice(9)
        wrong = [
            np.full(7, np.nan),
            np.full(7, np.inf),
            rng.normal(size=6),
            np.array([1e308] * 7),
            "seven numbers",
            [None] * 7,
            np.zeros((7, 1)),
            np.array([-0.0, 5e-324, 0, 0, 0, np.nan, 0]),
            3.0,
        ][what]
        if rng.random() < 0.5:
            return JointTarget(velocity_rad_s=wrong)
        return JointTarget(position_rad=wrong, speed_fraction=float(rng.choice([0.5, np.nan, 7.0])))


def _turned_round(target: JointTarget | None) -> JointTarget | None:
    if target is None or target.velocity_rad_s is None:
        return target
    return JointTarget(velocity_rad_s=-target.velocity_rad_s)
