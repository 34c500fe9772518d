"""The xArm Gripper on the tool bus: Modbus RTU without checksums, as the control box passes it on.

Registers: the maker's manual of the xArm Gripper, "Control".
"""

from __future__ import annotations

import struct
from collections.abc import Callable

BUS, GRIPPER = 9, 8
READ, WRITE = 0x03, 0x10
ENABLE, MODE, SPEED, TARGET, POSITION, ERROR = 0x0100, 0x0101, 0x0303, 0x0700, 0x0702, 0x000F
FIRMWARE = (0x0801, 0x0802, 0x0803)
BAUD_2M = 11
PULSES_MIN, PULSES_MAX = -10, 850
# At 2000 r/min it opens about 0.1 m/s, which is some 1000 pulses/s.
PULSES_PER_TURN_MIN = 0.5


class Gripper:
    """Goes to its target at its speed, from any thread that holds the control box's lock.

    Attributes:
        position: pulses of its motor: 0 closed, 850 open.
        stop_at: an object that holds the fingers off so far, or None.
        error: the maker's code.
        plugged: whether it answers.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.position = float(PULSES_MAX)
        self.stop_at: float | None = None
        self.error = 0
        self.plugged = True
        self._clock = clock
        self._at_s = clock()
        self._target = self.position
        self._values = {ENABLE: 0, MODE: 0, SPEED: 1500}

    def modbus(self, data: bytes) -> bytes:
        """A frame, behind the number of the bus, and the answer."""
        bus, unit, function, address, count = struct.unpack_from(">BBBHH", data)
        if bus != BUS or unit != GRIPPER or not self.plugged:
            raise ValueError("nobody with that number is on the bus")
        self._move()
        head = bytes([BUS, GRIPPER, function])
        if function == WRITE:
            self._write(address, data[8:])
            return head + struct.pack(">HH", address, count)
        return head + bytes([2 * count]) + self._read(address)

    def baud_rate(self, _: bytes) -> bytes:
        """What the bus runs at, as an index in the maker's list."""
        return struct.pack(">i", BAUD_2M)

    def _read(self, address: int) -> bytes:
        if address in (TARGET, POSITION):
            return struct.pack(">i", round(self.position))
        if address == ERROR:
            return struct.pack(">H", self.error)
        if address in FIRMWARE:
            return struct.pack(">H", 3 if address == FIRMWARE[0] else 4)
        return struct.pack(">H", self._values.get(address, 0))

    def _write(self, address: int, value: bytes) -> None:
        if address == TARGET:
            (target,) = struct.unpack(">i", value)
            if self._values[ENABLE]:
                self._target = float(min(max(target, PULSES_MIN), PULSES_MAX))
        else:
            (self._values[address],) = struct.unpack(">H", value)

    def _move(self) -> None:
        now_s = self._clock()
        step = PULSES_PER_TURN_MIN * self._values[SPEED] * (now_s - self._at_s)
        self._at_s = now_s
        target = self._target
        if self.stop_at is not None and target < self.stop_at <= self.position:
            target = self.stop_at
        self.position += min(max(target - self.position, -step), step)
