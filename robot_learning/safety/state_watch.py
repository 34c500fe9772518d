"""Whether the robot's measured state may be trusted at this moment.

Age counts from receipt on the steady clock, never from stamps. A stamp only tells a new
measurement from a repeated one, so that a stuck stream ages like a silent one.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robot_learning.contract.robot import RobotContract
from robot_learning.hardware import RobotState

Array = NDArray[np.float64]

# Sums of periods that reach the bound exactly must not fail by the last digit.
_CLOCK_ROUNDING_S = 1e-6

# Encoders of an arm that moves differ in their last digits from one state to the next.
_SAME_STATES = 3
_STUCK_RAD = 0.03


class StateWatch:
    """Keeps the newest valid state and says what is wrong with the stream.

    The distance allowed between measured and commanded position covers a command ahead of the
    measurement by the state's age, one action and the arm's own lag, at full joint speed.
    """

    def __init__(self, robot: RobotContract, action_period_s: float) -> None:
        self._joints = len(robot.arm.joints)
        self._age_max_s = robot.rates.state_age_max_s
        self._force_max_n = robot.operation.external_force_max_n
        lead_s = robot.rates.state_age_max_s + action_period_s + 0.05
        self.tracking_error_max_rad: Array = robot.operation.position_margin_rad + lead_s * (
            robot.operation.velocity_fraction
            * np.array([joint.velocity_max_rad_s for joint in robot.arm.joints])
        )
        self._tracking: list[float] = self.tracking_error_max_rad.tolist()
        self.state: RobotState | None = None
        self._position: list[float] = []
        self._force_n = 0.0
        self._received_s = -math.inf
        self._bad = ""
        self._same = 0  # newest states in a row with the very same positions
        self._commanded_then: list[float] = []  # when the first of them came

    def forget(self) -> None:
        """Drops what is known, so that stamps may begin anew."""
        self.state, self._received_s, self._bad = None, -math.inf, ""
        self._same, self._position, self._commanded_then = 0, [], []

    def update(
        self,
        state: RobotState | None,
        now_s: float,
        received_s: float | None,
        *,
        restart: bool = False,
    ) -> None:
        """Takes a state that was received at `received_s` (default: now); None is no news.

        With `restart`, a stamp before the newest one begins a new stream.
        """
        if state is None:
            return
        stamp = number(state.stamp_s)
        newest = self.state.stamp_s if self.state is not None else -math.inf
        if restart and stamp < newest:
            self.forget()
        elif math.isfinite(stamp) and stamp <= newest:
            return  # repeated or out of order: no news either
        position = values(state.position_rad, self._joints)
        velocity = values(state.velocity_rad_s, self._joints)
        wrench = values(state.wrench, 6)
        if position is None or velocity is None or wrench is None or not math.isfinite(stamp):
            self._bad = self._fault_of(stamp, position, velocity, wrench)
            return
        self._bad = ""
        self.state = state
        self._same = self._same + 1 if position == self._position else 0
        self._position = position
        self._force_n = math.hypot(*wrench[:3])
        received = now_s if received_s is None else number(received_s)
        self._received_s = min(received, now_s) if math.isfinite(received) else -math.inf

    def problem(self, now_s: float, commanded_rad: Array | None) -> str | None:
        """One line on why motion must not go on, or None.

        Args:
            now_s: steady clock.
            commanded_rad: commanded joint position, shape (7,), or None when nothing is
                commanded.
        """
        if self._bad:
            return self._bad
        if self.state is None:
            return "no robot state was received: check the robot's driver"
        age = now_s - self._received_s
        if not age <= self._age_max_s + _CLOCK_ROUNDING_S:
            return (
                f"robot state is stale: nothing new for {age:.3f} s (limit "
                f"{self._age_max_s} s): check the robot's driver and the network"
            )
        force = self._force_n
        if not force <= self._force_max_n:
            return (
                f"external force {force:.1f} N is above {self._force_max_n} N: "
                "clear what touches the arm"
            )
        if commanded_rad is None:
            return None
        where = commanded_rad.tolist()
        if self._same == 0 or not self._commanded_then:
            self._commanded_then = where
        elif self._same >= _SAME_STATES:
            went = zip(where, self._commanded_then, strict=True)
            moved = max(abs(now - then) for now, then in went)
            if moved > _STUCK_RAD:
                return (
                    f"the measured position stands still to the last digit while the command moved "
                    f"{moved:.3f} rad: do commands reach the arm, and do its encoders work?"
                )
        rows = zip(self._position, where, self._tracking, strict=True)
        for joint, (measured, commanded, limit) in enumerate(rows, start=1):
            if not abs(measured - commanded) <= limit:
                return (
                    f"joint {joint} is {abs(measured - commanded):.3f} rad from its command "
                    f"(limit {limit:.3f} rad): check for contact and the drives"
                )
        return None

    def moving(self, speed_max_rad_s: float) -> bool:
        """True when a joint is measured to move faster than this, or nothing is known."""
        if self.state is None:
            return True
        speed = np.abs(np.asarray(self.state.velocity_rad_s, dtype=np.float64))
        return not bool((speed <= speed_max_rad_s).all())

    def _fault_of(
        self,
        stamp: float,
        position: list[float] | None,
        velocity: list[float] | None,
        wrench: list[float] | None,
    ) -> str:
        """What is wrong with a state of which something is."""
        if not math.isfinite(stamp):
            return f"robot state carries the stamp {stamp}: check the robot's driver"
        fields = (
            ("position_rad", position, self._joints),
            ("velocity_rad_s", velocity, self._joints),
            ("wrench", wrench, 6),
        )
        name, size = next((name, size) for name, found, size in fields if found is None)
        return f"robot state field {name} is not {size} finite numbers: check the robot's driver"


def number(value: Any) -> float:
    """The value as a float; NaN for anything that is none."""
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return math.nan


def values(value: Any, size: int) -> list[float] | None:
    """The value as `size` finite floats, or None for anything else."""
    try:
        array = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        return None
    if array.shape != (size,):
        return None
    found: list[float] = array.tolist()
    return found if all(map(math.isfinite, found)) else None


def vector(value: Any, size: int) -> Array | None:
    """The value as a float64 array of `size` finite numbers, or None for anything else."""
    found = values(value, size)
    return None if found is None else np.array(found)
