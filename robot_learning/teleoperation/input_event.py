"""The kernel's input events (`struct input_event`, linux/input.h) as axes and buttons.

A record has 24 bytes on 64-bit machines: the time (two longs), type, code and value. A packet of
them ends with SYN_REPORT. After SYN_DROPPED the kernel has lost some, and what was known of the
device no longer holds.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from robot_learning.teleoperation.gamepad_bindings import EventLayout
from robot_learning.teleoperation.reading import DeviceError

RECORD = struct.Struct("@llHHi")
EV_SYN, EV_KEY, EV_ABS = 0, 1, 3
SYN_REPORT, SYN_DROPPED = 0, 3
_REPEAT = 2  # value of a key that the kernel repeats

# Codes of gamepads (linux/input-event-codes.h).
ABSOLUTE = {
    "ABS_X": 0x00, "ABS_Y": 0x01, "ABS_Z": 0x02, "ABS_RX": 0x03, "ABS_RY": 0x04, "ABS_RZ": 0x05,
    "ABS_GAS": 0x09, "ABS_BRAKE": 0x0A, "ABS_HAT0X": 0x10, "ABS_HAT0Y": 0x11,
}  # fmt: skip
BUTTONS = {
    "BTN_SOUTH": 0x130, "BTN_EAST": 0x131, "BTN_C": 0x132, "BTN_NORTH": 0x133, "BTN_WEST": 0x134,
    "BTN_Z": 0x135, "BTN_TL": 0x136, "BTN_TR": 0x137, "BTN_TL2": 0x138, "BTN_TR2": 0x139,
    "BTN_SELECT": 0x13A, "BTN_START": 0x13B, "BTN_MODE": 0x13C, "BTN_THUMBL": 0x13D,
    "BTN_THUMBR": 0x13E,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A pad at the end of a packet, as a sensor_msgs/Joy has it."""

    axes: tuple[float, ...]
    buttons: tuple[int, ...]


class InputEvents:
    """Bytes of an event device in, snapshots out."""

    def __init__(self, layout: EventLayout) -> None:
        """Makes one.

        Raises:
            DeviceError: the layout names a code that gamepads do not have.
        """
        self._layout = layout
        self._axes = {_code(axis.code, ABSOLUTE): i for i, axis in enumerate(layout.axes)}
        self._buttons = {_code(name, BUTTONS): i for i, name in enumerate(layout.buttons)}
        self._rest = b""
        self.forget()

    def forget(self) -> None:
        """The device is another one, or anew: everything centred and let go."""
        self._rest = b""
        self._dropped = False
        self._now_axes = [0.0] * len(self._layout.axes)
        self._now_buttons = [0] * len(self._layout.buttons)

    def feed(self, data: bytes) -> list[Snapshot | None]:
        """The snapshot at the end of each packet; None where the kernel lost events."""
        data = self._rest + data
        whole = len(data) - len(data) % RECORD.size
        self._rest = data[whole:]
        found: list[Snapshot | None] = []
        for _, _, kind, code, value in RECORD.iter_unpack(data[:whole]):
            if kind == EV_SYN and code == SYN_DROPPED:
                self.forget()
                self._dropped = True
                found.append(None)
            elif kind == EV_SYN and code == SYN_REPORT:
                if not self._dropped:
                    found.append(Snapshot(tuple(self._now_axes), tuple(self._now_buttons)))
                self._dropped = False  # what came up to here belongs to the lost packet
            elif not self._dropped:
                self._take(kind, code, value)
        return found

    def _take(self, kind: int, code: int, value: int) -> None:
        if kind == EV_KEY and code in self._buttons and value != _REPEAT:
            self._now_buttons[self._buttons[code]] = int(value != 0)
        elif kind == EV_ABS and code in self._axes:
            index = self._axes[code]
            axis = self._layout.axes[index]
            middle, half = (axis.low + axis.high) / 2.0, (axis.high - axis.low) / 2.0
            part = max(-1.0, min(1.0, (value - middle) / half))
            self._now_axes[index] = -part if axis.inverted else part


def _code(name: str, known: dict[str, int]) -> int:
    if name not in known:
        raise DeviceError(f"{name} is no code of a gamepad; known: {', '.join(known)}")
    return known[name]
