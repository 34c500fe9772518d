"""A SpaceMouse by its HID reports, as `/dev/hidraw*` gives them, one a read.

Report 1 holds the cap's translation as three signed 16-bit numbers, and in newer devices the
rotation behind it; report 2 holds the rotation; report 3 the buttons, a bit each. While the cap is
pushed, reports come without a pause; the last one says that it is centred.
"""

from __future__ import annotations

import math
import struct
from pathlib import Path

from robot_learning.control.tool_command import Grip
from robot_learning.teleoperation.deadman import DeadMan
from robot_learning.teleoperation.reading import DeviceError, PersonEvent, Reading, Wish, beyond
from robot_learning.teleoperation.spacemouse_bindings import Cap, SpaceMouseBindings

_TRANSLATION, _ROTATION, _BUTTONS = 1, 2, 3
_VALUES = ("tx", "ty", "tz", "rx", "ry", "rz")
_THREE = struct.Struct("<3h")


class SpaceMouse:
    """Reports in, readings out."""

    def __init__(self, bindings: SpaceMouseBindings) -> None:
        self.bindings = bindings
        self._deadman = DeadMan(bindings.still_max_s)
        self._cap = dict.fromkeys(_VALUES, 0.0)
        self._cap_s = -math.inf
        self._buttons = 0
        self._events: list[PersonEvent] = []
        self._connected = False

    def plug(self) -> None:
        """The device is there; it says nothing before it is touched."""
        if not self._connected:
            self._connected, self._buttons = True, 0
            self._cap = dict.fromkeys(_VALUES, 0.0)
            self._deadman.update(False, False, 0.0)

    def unplug(self, note: str) -> None:
        """The device is gone."""
        self._connected = False
        self._deadman.lose(note)

    def feed(self, report: bytes, now_s: float) -> None:
        """One report; kinds that say nothing of cap and buttons are passed over.

        Raises:
            DeviceError: it is shorter than its kind.
        """
        self.plug()
        kind = report[0] if report else 0
        if kind in (_TRANSLATION, _ROTATION):
            names = _VALUES[:3] if kind == _TRANSLATION else _VALUES[3:]
            self._take(report, 1, names)
            if kind == _TRANSLATION and len(report) >= 1 + 2 * _THREE.size:
                self._take(report, 1 + _THREE.size, _VALUES[3:])
            self._cap_s = now_s
        elif kind == _BUTTONS:
            if len(report) < 2:
                raise DeviceError(f"button report of {len(report)} bytes, expected 2 or more")
            self._press(int.from_bytes(report[1:], "little"))
        else:
            return
        self._deadman.update(bool(self._buttons >> self.bindings.deadman & 1), True, now_s)

    def reading(self, now_s: float) -> Reading:
        """See `Device`."""
        held = self._deadman.held(now_s)
        connected = self._connected and not self._deadman.silent
        if not held:
            return Reading(False, connected, note=self._deadman.note)
        axes = self.bindings.axes
        if not 0.0 <= now_s - self._cap_s <= self.bindings.report_max_s:
            return Reading(True, connected, Wish(grip=self._grip()))
        turn = self._value(axes.turn) if axes.turn else 0.0
        velocity = (self._value(axes.x), self._value(axes.y), self._value(axes.z))
        return Reading(True, connected, Wish(velocity, turn, self._grip()))

    def take_events(self) -> list[PersonEvent]:
        """See `Device`."""
        events, self._events = self._events, []
        return events

    def _take(self, report: bytes, start: int, names: tuple[str, ...]) -> None:
        if len(report) < start + _THREE.size:
            raise DeviceError(
                f"report {report[0]} has {len(report)} bytes, expected {start + _THREE.size}"
            )
        numbers = _THREE.unpack_from(report, start)
        scale = self.bindings.full_scale
        self._cap |= {name: n / scale for name, n in zip(names, numbers, strict=True)}

    def _press(self, buttons: int) -> None:
        pressed, self._buttons = buttons & ~self._buttons, buttons
        for name, button in self.bindings.events.items():
            if pressed >> button & 1:
                self._events.append(PersonEvent(name))

    def _value(self, cap: Cap) -> float:
        return cap.scale * beyond(self._cap[cap.value], self.bindings.deadzone)

    def _grip(self) -> Grip:
        grip = self.bindings.grip
        if "close" in grip and self._buttons >> grip["close"] & 1:
            return Grip.CLOSE
        if "open" in grip and self._buttons >> grip["open"] & 1:
            return Grip.OPEN
        return Grip.LEAVE


def find_hidraw(vendors: list[str], root: Path = Path("/sys/class/hidraw")) -> Path | None:
    """The device node of the first HID device of these USB vendors; None where there is none."""
    wanted = {int(vendor, 16) for vendor in vendors}
    for entry in sorted(root.glob("hidraw*")):
        try:
            lines = (entry / "device" / "uevent").read_text().splitlines()
        except OSError:
            continue
        ids = [line.partition("=")[2].split(":") for line in lines if line.startswith("HID_ID=")]
        if any(len(parts) == 3 and int(parts[1], 16) in wanted for parts in ids):
            return Path("/dev") / entry.name
    return None
