"""The latched safety state machine: plain state, the same in the driver's gate and the monitor.

    DISARMED --arm--> ARMED --stop--> STOPPING --rest--> DISARMED
                        |---fault---> STOPPING --rest--> FAULT --reset--> DISARMED
    any state ---------estop---------------------------> ESTOP --reset--> DISARMED

A fault keeps its first cause. Reset never arms, and arming is a second, explicit call.
"""

from __future__ import annotations

from enum import IntEnum


class SafetyMode(IntEnum):
    """Numbers as in the messages."""

    DISARMED = 0
    ARMED = 1
    STOPPING = 2
    FAULT = 3
    ESTOP = 4


class SafetyError(RuntimeError):
    """A change of state was refused; the message says why and what to do."""


class SafetyStateMachine:
    """Which mode holds, and why.

    Attributes:
        mode: the present mode.
        reason: first cause of the stop, fault or emergency stop, also once at rest; empty when
            ARMED or reset.
        transition: counts the changes of mode.
    """

    def __init__(self) -> None:
        self.mode = SafetyMode.DISARMED
        self.reason = ""
        self.transition = 0
        self._after_stop = SafetyMode.DISARMED

    @property
    def orderly(self) -> bool:
        """Nothing is wrong: armed, disarmed, or on the way there."""
        if self.mode is SafetyMode.STOPPING:
            return self._after_stop is SafetyMode.DISARMED
        return self.mode in (SafetyMode.ARMED, SafetyMode.DISARMED)

    def arm(self, *, at_rest: bool) -> None:
        """DISARMED to ARMED.

        Raises:
            SafetyError: in any other mode, or while the arm moves.
        """
        if self.mode is SafetyMode.ARMED:
            raise SafetyError("already armed")
        if self.mode is not SafetyMode.DISARMED:
            raise SafetyError(
                f"cannot arm in {self.mode.name} ({self.reason}): clear the cause and reset first"
            )
        if not at_rest:
            raise SafetyError("cannot arm while the arm moves: wait until it is at rest")
        self._enter(SafetyMode.ARMED, "")

    def stop(self, reason: str, *, at_rest: bool) -> None:
        """Orderly stop of an armed arm; ends in DISARMED. Does nothing in other modes."""
        if self.mode is SafetyMode.ARMED:
            self._begin_stop(SafetyMode.DISARMED, reason, at_rest)

    def fault(self, reason: str, *, at_rest: bool) -> None:
        """Latches a fault. A later cause never replaces the first; ESTOP stays."""
        if self.mode in (SafetyMode.FAULT, SafetyMode.ESTOP):
            return
        if self.mode is SafetyMode.STOPPING:
            if self._after_stop is not SafetyMode.FAULT:
                self._after_stop, self.reason = SafetyMode.FAULT, reason
            return
        self._begin_stop(SafetyMode.FAULT, reason, at_rest)

    def estop(self, reason: str) -> None:
        """Latches the emergency stop from every mode; a second one changes nothing."""
        if self.mode is SafetyMode.ESTOP:
            return
        faulted = self.mode is SafetyMode.FAULT or (
            self.mode is SafetyMode.STOPPING and self._after_stop is SafetyMode.FAULT
        )
        self._enter(SafetyMode.ESTOP, f"{self.reason}; then {reason}" if faulted else reason)

    def came_to_rest(self) -> None:
        """Ends STOPPING in what it was for; does nothing in other modes."""
        if self.mode is SafetyMode.STOPPING:
            self._enter(self._after_stop, self.reason)

    def reset(self, *, at_rest: bool, uncleared: str | None) -> None:
        """FAULT or ESTOP to DISARMED; in DISARMED it does nothing.

        Args:
            at_rest: whether the arm is at rest.
            uncleared: a cause that still holds, or None.

        Raises:
            SafetyError: armed or stopping, moving, or a cause still holds.
        """
        if self.mode is SafetyMode.DISARMED:
            return
        if self.mode in (SafetyMode.ARMED, SafetyMode.STOPPING):
            raise SafetyError(f"nothing to reset in {self.mode.name}")
        if not at_rest:
            raise SafetyError("cannot reset while the arm moves: wait until it is at rest")
        if uncleared is not None:
            raise SafetyError(f"cannot reset, the cause still holds: {uncleared}")
        self._enter(SafetyMode.DISARMED, "")

    def _begin_stop(self, after: SafetyMode, reason: str, at_rest: bool) -> None:
        self._after_stop = after
        self._enter(SafetyMode.STOPPING, reason)
        if at_rest:
            self.came_to_rest()

    def _enter(self, mode: SafetyMode, reason: str) -> None:
        self.mode, self.reason = mode, reason
        self.transition += 1
