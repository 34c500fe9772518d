"""Faults between a driver and an arm, made on purpose: what a bad wire or a bad encoder does.

A stand-in robot lets everything through here. Each fault lasts for a time and then is gone; one
kind at a time is enough to tell what it does.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from robot_learning.hardware import Array, RobotState

KINDS: dict[str, str] = {
    "state_nan": "one joint's position is not a number",
    "state_stuck": "positions and velocities stand still while stamps go on",
    "state_silent": "no states",
    "state_missing_joint": "one joint is not in the message",
    "state_jump": "one joint's position is off by `amount` rad",
    "state_clock_back": "stamps are `amount` s behind",
    "state_clock_ahead": "stamps are `amount` s ahead",
    "force": "an external force of `amount` N",
    "command_loss": "a share `amount` of commands is lost",
    "command_delay": "commands come `amount` s late",
    "command_jitter": "commands come up to `amount` s late, and overtake one another",
    "command_twice": "every command comes twice",
}
"""What can be injected, and what it does."""


class FaultError(ValueError):
    """There is no such fault, or its numbers make no sense."""


@dataclass(frozen=True)
class _Fault:
    kind: str
    until_s: float
    amount: float


class WireFaults:
    """What passes in either direction, as the fault of the moment changes it.

    Args:
        clock: the steady clock, s.
        seed: of what is left to chance.
    """

    def __init__(self, clock: Callable[[], float], seed: int = 0) -> None:
        self._clock = clock
        self._random = random.Random(seed)
        self._fault: _Fault | None = None
        self._held: RobotState | None = None
        self._late: list[tuple[float, int, Any]] = []
        self._count = 0

    def inject(self, kind: str, for_s: float, amount: float = 0.0) -> None:
        """Begins a fault, in the place of another.

        Raises:
            FaultError: unknown kind, or no time.
        """
        if kind not in KINDS:
            raise FaultError(f"no fault is called {kind!r}; known: {', '.join(KINDS)}")
        if not (math.isfinite(for_s) and for_s > 0.0 and math.isfinite(amount)):
            raise FaultError(f"fault {kind}: for_s {for_s} and amount {amount} must be finite")
        self._held = None
        self._fault = _Fault(kind, self._clock() + for_s, amount)

    def _is(self, kind: str) -> float | None:
        """The amount of the fault of this kind that is under way."""
        fault = self._fault
        if fault is None or fault.kind != kind or self._clock() >= fault.until_s:
            return None
        return fault.amount

    # From the arm.

    def wrench(self) -> Array:
        """Force and torque that are felt, shape (6,)."""
        felt = np.zeros(6)
        if (newton := self._is("force")) is not None:
            felt[2] = newton
        return felt

    def state(self, state: RobotState) -> RobotState | None:
        """A measurement on its way; None where it is lost."""
        if self._is("state_silent") is not None:
            return None
        if self._is("state_stuck") is not None:
            self._held = self._held or state
            return replace(self._held, stamp_s=state.stamp_s)
        if (back_s := self._is("state_clock_back")) is not None:
            return replace(state, stamp_s=state.stamp_s - back_s)
        if (ahead_s := self._is("state_clock_ahead")) is not None:
            return replace(state, stamp_s=state.stamp_s + ahead_s)
        off = self._is("state_jump")
        if self._is("state_nan") is not None:
            off = math.nan
        if off is None:
            return state
        position = state.position_rad.copy()
        position[3] += off
        return replace(state, position_rad=position)

    def joints(self, order: Sequence[int]) -> list[int]:
        """Which joints a message names."""
        return list(order[:-1] if self._is("state_missing_joint") is not None else order)

    # To the arm.

    def command(self, message: Any) -> list[Any]:
        """A command on its way: what of it arrives at once."""
        if (share := self._is("command_loss")) is not None:
            return [] if self._random.random() < share else [message]
        if self._is("command_twice") is not None:
            return [message, message]
        delay_s = self._is("command_delay")
        if (most_s := self._is("command_jitter")) is not None:
            delay_s = self._random.uniform(0.0, most_s)
        if delay_s is None:
            return [message]
        self._count += 1
        self._late.append((self._clock() + delay_s, self._count, message))
        return []

    def commands_due(self) -> list[Any]:
        """Late commands whose time has come."""
        now_s = self._clock()
        due = sorted(late for late in self._late if late[0] <= now_s)
        self._late = [late for late in self._late if late[0] > now_s]
        return [message for _, _, message in due]
