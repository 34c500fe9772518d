"""Which value of a SpaceMouse's cap and which button means what."""

from __future__ import annotations

from typing import Literal

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


class Cap(StrictModel):
    """One of the six values of a SpaceMouse's cap; `scale` is its sign, or less than 1."""

    value: Literal["tx", "ty", "tz", "rx", "ry", "rz"]
    scale: Sign = 1.0


class CapAxes(StrictModel):
    """The cap to the tool's motion in the base frame."""

    x: Cap
    y: Cap
    z: Cap
    turn: Cap | None = None


class SpaceMouseBindings(Bindings):
    """A 3Dconnexion SpaceMouse, by its HID reports.

    Attributes:
        deadman: button that is held down.
        full_scale: the cap's largest number.
        vendors: USB vendors among which it is looked for, hexadecimal.
        report_max_s: a cap that was pushed and says nothing for so long counts as centred.
        still_max_s: the arm is let go when no report comes for so long.
    """

    device: Literal["spacemouse"]
    deadman: Index
    axes: CapAxes
    grip: dict[GripName, Index]
    events: dict[EventName, Index]
    full_scale: Positive
    deadzone: Deadzone
    vendors: list[str]
    report_max_s: Positive
    still_max_s: Positive

    def table(self) -> list[tuple[str, str]]:
        """Control and meaning."""
        named = {"x": self.axes.x, "y": self.axes.y, "z": self.axes.z, "turn": self.axes.turn}
        return [
            (f"button {self.deadman}", "hold it down to have the arm"),
            *((f"cap {cap.value}", AXES[name]) for name, cap in named.items() if cap),
            *((f"button {b}", WORDS[word]) for word, b in (self.grip | self.events).items()),
        ]
