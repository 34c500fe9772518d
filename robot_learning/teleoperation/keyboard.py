"""A terminal's keys as a device.

A terminal says when a key goes down, repeats it while it stays down, and says nothing when it comes
up. The repeat comes from a machine: it goes on with a book on the key, and out of a stalled network
connection later. So only a deliberate press is a sign of a hand: another key, or the same key after
a pause that no repeat makes. A key that stays down moves the arm for a bounded time.
"""

from __future__ import annotations

import math

from robot_learning.control.tool_command import Grip
from robot_learning.teleoperation.keyboard_bindings import NAMED_KEYS, KeyboardBindings
from robot_learning.teleoperation.reading import PersonEvent, Reading, Wish

_LONGEST = max(len(sent) for sent in NAMED_KEYS.values())
_GRIPS = {"open": Grip.OPEN, "close": Grip.CLOSE}
_AXES = {"x": 0, "y": 1, "z": 2, "turn": 3}


class Keyboard:
    """Bytes of a terminal in, readings out.

    Attributes:
        speed: part of full speed that a key asks for.
        help_wanted: the person asked for the bindings; whoever shows them sets it back.
    """

    def __init__(self, bindings: KeyboardBindings) -> None:
        self.bindings = bindings
        self.help_wanted = False
        self._level = len(bindings.speeds) // 2
        self._rest = b""
        self._last_key, self._last_s = "", -math.inf
        self._held_until_s = -math.inf
        self._moving_until_s: dict[str, float] = {}
        self._grip, self._grip_until_s = Grip.LEAVE, -math.inf
        self._events: list[PersonEvent] = []
        self._connected = True

    @property
    def speed(self) -> float:
        """See the class."""
        return self.bindings.speeds[self._level]

    def feed(self, data: bytes, now_s: float) -> None:
        """What the terminal sent since the last call."""
        for key in self._keys(data):
            again = key == self._last_key and now_s - self._last_s <= self.bindings.repeat_gap_s
            self._last_key, self._last_s = key, now_s
            self._press(key, now_s, deliberate=not again)

    def unplug(self) -> None:
        """The terminal is gone."""
        self._connected = False
        self._let_go()

    def reading(self, now_s: float) -> Reading:
        """See `Device`."""
        held = self._connected and now_s < self._held_until_s
        if not held:
            return Reading(False, self._connected)
        parts = [0.0, 0.0, 0.0, 0.0]
        for key, until_s in self._moving_until_s.items():
            if now_s < until_s:
                word = self.bindings.motion[key]
                parts[_AXES[word[:-1]]] += self.speed if word.endswith("+") else -self.speed
        x, y, z, turn = (max(-1.0, min(1.0, part)) for part in parts)
        grip = self._grip if now_s < self._grip_until_s else Grip.LEAVE
        return Reading(True, True, Wish((x, y, z), turn, grip))

    def take_events(self) -> list[PersonEvent]:
        """See `Device`."""
        events, self._events = self._events, []
        return events

    def _press(self, key: str, now_s: float, *, deliberate: bool) -> None:
        keys = self.bindings
        held = now_s < self._held_until_s
        if key in keys.events:
            if deliberate:
                self._events.append(PersonEvent(keys.events[key]))
                if keys.events[key] == "estop":
                    self._let_go()
            return
        if key == keys.release:
            self._let_go()
        elif key == keys.deadman:
            if deliberate:
                self._held_until_s = now_s + keys.held_s
        elif key in keys.motion or key in keys.grip:
            if not held:
                return  # only the dead-man takes the arm
            if deliberate:
                self._held_until_s = now_s + keys.held_s
            if key in keys.motion:
                self._moving_until_s[key] = now_s + keys.press_s
            else:
                self._grip = _GRIPS[keys.grip[key]]
                self._grip_until_s = now_s + keys.press_s
        elif deliberate and key in (keys.slower, keys.faster):
            step = 1 if key == keys.faster else -1
            self._level = max(0, min(len(keys.speeds) - 1, self._level + step))
        elif deliberate and key == keys.help:
            self.help_wanted = True

    def _let_go(self) -> None:
        self._held_until_s = self._grip_until_s = -math.inf
        self._moving_until_s.clear()

    def _keys(self, data: bytes) -> list[str]:
        """Whole keys; a sequence of which the end is still to come is kept for the next call."""
        data, self._rest = self._rest + data, b""
        keys = []
        while data:
            for name, sent in NAMED_KEYS.items():
                if data.startswith(sent):
                    keys.append(name)
                    data = data[len(sent) :]
                    break
            else:
                if data[:1] == b"\x1b" and len(data) < _LONGEST and data in b"\x1b[":
                    self._rest = data
                    break
                keys.append(chr(data[0]))
                data = data[1:]
        return keys
