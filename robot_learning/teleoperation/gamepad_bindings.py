"""Which stick and button of a gamepad means what."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import model_validator

from robot_learning.contract.base import Positive, StrictModel
from robot_learning.teleoperation.bindings import (
    AXES,
    WORDS,
    Bindings,
    Deadzone,
    EventName,
    GripName,
    Index,
    Sign,
)


class Axis(StrictModel):
    """A stick's axis; `scale` is its sign, and less than 1 where it shall be slower."""

    axis: Index
    scale: Sign = 1.0


class PadAxes(StrictModel):
    """Sticks to the tool's motion in the base frame."""

    x: Axis
    y: Axis
    z: Axis
    turn: Axis | None = None


class EventAxis(StrictModel):
    """An axis of the kernel's input events, as a gamepad's driver names it."""

    code: str
    low: int
    high: int
    inverted: bool = False

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.low >= self.high:
            raise ValueError(f"low {self.low} is not below high {self.high}")
        return self


class EventLayout(StrictModel):
    """Which of the kernel's codes are which axis and button of a sensor_msgs/Joy."""

    axes: list[EventAxis]
    buttons: list[str]


class GamepadBindings(Bindings):
    """A gamepad, as sensor_msgs/Joy or as the kernel's input events.

    Attributes:
        deadman: button that is held down.
        still_max_s: the arm is let go when nothing of the pad changes for so long.
    """

    device: Literal["gamepad"]
    deadman: Index
    axes: PadAxes
    grip: dict[GripName, Index]
    events: dict[EventName, Index]
    deadzone: Deadzone
    still_max_s: Positive
    evdev: EventLayout

    @property
    def least(self) -> tuple[int, int]:
        """Axes and buttons that a pad must have."""
        axes = [
            self.axes.x,
            self.axes.y,
            self.axes.z,
            *([self.axes.turn] if self.axes.turn else []),
        ]
        buttons = [self.deadman, *self.grip.values(), *self.events.values()]
        return max(axis.axis for axis in axes) + 1, max(buttons) + 1

    def table(self) -> list[tuple[str, str]]:
        """Control and meaning."""
        named = {"x": self.axes.x, "y": self.axes.y, "z": self.axes.z, "turn": self.axes.turn}
        return [
            (f"button {self.deadman}", "hold it down to have the arm"),
            *((f"axis {axis.axis}", AXES[name]) for name, axis in named.items() if axis),
            *((f"button {b}", WORDS[word]) for word, b in (self.grip | self.events).items()),
        ]
