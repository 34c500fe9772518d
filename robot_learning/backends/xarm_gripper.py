"""The xArm Gripper on the arm's tool bus, over a connection of its own.

The SDK lets one request at a time through a connection, and the tool bus is slow: on the arm's own
connection a question to the gripper would hold up velocities until the controller's watchdog ends.
"""

from __future__ import annotations

import math
import threading
import time
from typing import Any

from robot_learning.backends.base import BackendError
from robot_learning.backends.xarm_sdk import Address, open_arm
from robot_learning.contract.robot import GripperContract

PERIOD_S = 0.1
MISSES_MAX = 5
"""Requests in a row that may fail before the gripper counts as lost."""
# The linkage, from the SDK's own conversion for the gripper's second generation (x3/gripper.py,
# get_gripper_g2_position); the maker's description of the first one has the same lengths.
_PULSES_PER_DEGREE, _CLOSED_DEGREES, _LINKS_M, _OFFSET_M = 18.28, 8.33, 0.110, 0.016
PULSES_MAX = 850
# The motor's speed, from the same place (get_gripper_g2_speed).
_R_MIN_PER_MM_S, _R_MIN_OFFSET, _GEAR = 60.0 / 9.88235, 140.0, 0.4
_SPEED_MAX_R_MIN = 5000


def width_m(pulses: float) -> float:
    """Distance between the fingertips at a position of the motor."""
    angle = math.radians(pulses / _PULSES_PER_DEGREE - _CLOSED_DEGREES)
    return max(0.0, _LINKS_M * math.sin(angle) + _OFFSET_M)


def pulses_at(width: float) -> int:
    """Position of the motor for a distance between the fingertips."""
    angle = math.degrees(math.asin((width - _OFFSET_M) / _LINKS_M))
    pulses = round((angle + _CLOSED_DEGREES) * _PULSES_PER_DEGREE)
    return min(max(pulses, 0), PULSES_MAX)


class XArmGripper:
    """Reads the width ten times a second and sends what is asked for.

    It has no sensor of force, and takes none as a target: it closes with its own.

    Attributes:
        width_m: as last read.
        speed_m_s: its rate of change.
        fault: why it does not answer; empty when it does.
    """

    def __init__(self, contract: GripperContract) -> None:
        self.width_m = self.speed_m_s = 0.0
        self.fault = ""
        self._contract = contract
        speed = (1000.0 * contract.speed_max_m_s * _R_MIN_PER_MM_S + _R_MIN_OFFSET) / _GEAR
        self._speed_r_min = min(round(speed), _SPEED_MAX_R_MIN)
        self._target: int | None = None
        self._misses = 0
        self._read_s = -math.inf
        self._arm: Any = None
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="xarm_gripper", daemon=True)

    def connect(self, address: Address) -> None:
        """Switches it on; again, after its connection was lost.

        Raises:
            BackendError: it does not answer.
        """
        self._arm = arm = open_arm(address, reports=False)
        code = (
            arm.set_gripper_mode(0)
            or arm.set_gripper_enable(True)
            or arm.set_gripper_speed(self._speed_r_min)
        )
        # From here on the SDK must not look after the bus by itself: that clears errors.
        arm.set_baud_checkset_enable(False)
        if code != 0 or not self._read():
            raise BackendError(
                f"the gripper of the arm at {address} does not answer (SDK code {code}): is it "
                "plugged in, and is it an xArm Gripper?"
            )
        self._target, self._misses, self.fault = None, 0, ""
        if not self._thread.is_alive():
            self._thread.start()

    def set_width(self, width: float) -> None:
        """A new target, within the contract's width; returns at once."""
        self._target = pulses_at(min(max(width, 0.0), self._contract.width_max_m))

    def restore(self) -> None:
        """Switches it on again after a fault; what was asked for before is forgotten."""
        self._target, self._misses, self.fault = None, 0, ""
        self._arm.clean_gripper_error()
        self._arm.set_gripper_enable(True)

    def close(self) -> None:
        """Ends the connection; the gripper stays as it is."""
        self._ending.set()
        if self._thread.is_alive():
            self._thread.join(timeout=2.0)
        if self._arm is not None:
            self._arm.disconnect()

    def _run(self) -> None:
        while not self._ending.wait(PERIOD_S):
            if self.fault:
                continue
            target, self._target = self._target, None
            if target is not None:
                # Without `wait_motion=False` the SDK waits until the arm rests.
                code = self._arm.set_gripper_position(target, wait=False, wait_motion=False)
                self._count(code == 0, f"does not take a position (SDK code {code})")
            self._count(self._read(), "does not say where it is")

    def _count(self, done: bool, what: str) -> None:
        self._misses = 0 if done else self._misses + 1
        if self._misses >= MISSES_MAX:
            self.fault = f"xArm gripper {what}: check its cable and its light"

    def _read(self) -> bool:
        code, pulses = self._arm.get_gripper_position()
        if code != 0 or pulses is None:
            return False
        now_s, width = time.monotonic(), width_m(pulses)
        elapsed_s = now_s - self._read_s
        self.speed_m_s = (width - self.width_m) / elapsed_s if elapsed_s < 1.0 else 0.0
        self.width_m, self._read_s = width, now_s
        return True
