"""A gamepad, as axes and buttons of a sensor_msgs/Joy, wherever they come from."""

from __future__ import annotations

import math
from collections.abc import Sequence

from robot_learning.control.tool_command import Grip
from robot_learning.teleoperation.deadman import DeadMan
from robot_learning.teleoperation.gamepad_bindings import Axis, GamepadBindings
from robot_learning.teleoperation.reading import DeviceError, PersonEvent, Reading, Wish, beyond


class Gamepad:
    """Axes and buttons in, readings out."""

    def __init__(self, bindings: GamepadBindings) -> None:
        self.bindings = bindings
        self._deadman = DeadMan(bindings.still_max_s)
        self._axes: tuple[float, ...] = ()
        self._buttons: tuple[int, ...] = ()
        self._events: list[PersonEvent] = []
        self._connected = False

    def feed(self, axes: Sequence[float], buttons: Sequence[int], now_s: float) -> None:
        """What the pad says; the same again is no sign of life.

        Args:
            axes: each in [-1, 1], in the order of the bindings.
            buttons: each 0 or 1, in the order of the bindings.
            now_s: steady clock.

        Raises:
            DeviceError: it has fewer axes or buttons than are bound, or an axis is not finite; the
                pad then counts as let go.
        """
        pad, keys = tuple(map(float, axes)), tuple(map(int, buttons))
        least_axes, least_buttons = self.bindings.least
        try:
            if len(pad) < least_axes or len(keys) < least_buttons:
                raise DeviceError(
                    f"the pad has {len(pad)} axes and {len(keys)} buttons; the bindings need "
                    f"{least_axes} and {least_buttons}: choose others, or another mapping"
                )
            if not all(map(math.isfinite, pad)):
                raise DeviceError(f"the pad has an axis that is not finite: {list(pad)}")
        except DeviceError as error:
            self._deadman.lose(str(error))
            raise
        pressed = [new and not old for new, old in zip(keys, self._buttons or keys, strict=False)]
        alive = (pad, keys) != (self._axes, self._buttons)
        self._axes, self._buttons, self._connected = pad, keys, True
        self._deadman.update(bool(keys[self.bindings.deadman]), alive, now_s)
        for name, button in self.bindings.events.items():
            if button < len(pressed) and pressed[button]:
                self._events.append(PersonEvent(name))

    def unplug(self, note: str) -> None:
        """The pad is gone."""
        self._deadman.lose(note)
        self._connected, self._axes, self._buttons = False, (), ()

    def reading(self, now_s: float) -> Reading:
        """See `Device`."""
        held = self._deadman.held(now_s)
        connected = self._connected and not self._deadman.silent
        if not held:
            return Reading(False, connected, note=self._deadman.note)
        axes = self.bindings.axes
        turn = self._value(axes.turn) if axes.turn else 0.0
        velocity = (self._value(axes.x), self._value(axes.y), self._value(axes.z))
        return Reading(True, connected, Wish(velocity, turn, self._grip()))

    def take_events(self) -> list[PersonEvent]:
        """See `Device`."""
        events, self._events = self._events, []
        return events

    def _value(self, axis: Axis) -> float:
        return axis.scale * beyond(self._axes[axis.axis], self.bindings.deadzone)

    def _grip(self) -> Grip:
        grip = self.bindings.grip
        if "close" in grip and self._buttons[grip["close"]]:
            return Grip.CLOSE
        if "open" in grip and self._buttons[grip["open"]]:
            return Grip.OPEN
        return Grip.LEAVE
