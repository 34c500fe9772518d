"""Which key, stick or button means what: strict YAML files, and what they say on the screen."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self, TypeVar

from pydantic import Field, model_validator

from robot_learning.contract.base import Fraction, Positive, StrictModel
from robot_learning.contract.load import load_strict

Direction = Literal["x+", "x-", "y+", "y-", "z+", "z-", "turn+", "turn-"]
GripName = Literal["open", "close"]
EventName = Literal["success", "failure", "discard", "end", "estop"]
Index = Annotated[int, Field(ge=0)]
Deadzone = Annotated[float, Field(ge=0.0, lt=1.0)]
Sign = Annotated[float, Field(ge=-1.0, le=1.0)]

_AXES = {
    "x": "forwards, backwards",
    "y": "left, right",
    "z": "up, down",
    "turn": "turn left, right",
}
_WORDS: dict[str, str] = {
    "x+": "forwards",
    "x-": "backwards",
    "y+": "left",
    "y-": "right",
    "z+": "up",
    "z-": "down",
    "turn+": "turn left",
    "turn-": "turn right",
    "open": "open the gripper",
    "close": "close the gripper",
    "success": "end the episode: success",
    "failure": "end the episode: failure",
    "discard": "discard the episode and begin its scene again",
    "end": "end the episode, the task says how it went",
    "estop": "EMERGENCY STOP",
}


class Bindings(StrictModel):
    """What every device's file has."""

    title: str

    def lines(self) -> list[str]:
        """For the screen: what does what, one line each."""
        return [self.title, *(f"  {left:<18} {right}" for left, right in self.table())]

    def table(self) -> list[tuple[str, str]]:
        """Control and meaning."""
        raise NotImplementedError


class KeyboardBindings(Bindings):
    """A terminal. It tells of presses and, while a key stays down, of repeats; of no release.

    Attributes:
        deadman: takes the arm, and keeps it.
        release: gives it back at once.
        held_s: the arm is given back so long after the last deliberate press.
        press_s: how long a press, or a repeat of it, moves the arm.
        repeat_gap_s: the same key again within so long is the terminal's repeat, and no sign of a
            hand.
    """

    device: Literal["keyboard"]
    deadman: str
    release: str
    motion: dict[str, Direction]
    grip: dict[str, GripName]
    events: dict[str, EventName]
    slower: str
    faster: str
    help: str
    speeds: Annotated[list[Fraction], Field(min_length=1)]
    held_s: Positive
    press_s: Positive
    repeat_gap_s: Positive

    @model_validator(mode="after")
    def _keys_differ(self) -> Self:
        single = [self.deadman, self.release, self.slower, self.faster, self.help]
        keys = [*single, *self.motion, *self.grip, *self.events]
        twice = sorted({key for key in keys if keys.count(key) > 1})
        if twice:
            raise ValueError(f"key {twice[0]!r} is bound twice")
        unknown = [key for key in keys if len(key) != 1 and key not in NAMED_KEYS]
        if unknown:
            raise ValueError(
                f"{unknown[0]!r} is no key: one character, or one of {', '.join(NAMED_KEYS)}"
            )
        return self

    def table(self) -> list[tuple[str, str]]:
        """Control and meaning."""
        return [
            (self.deadman, f"take the arm; it is given back {self.held_s} s after the last press"),
            (self.release, "give it back at once"),
            *((key, _WORDS[word]) for key, word in self.motion.items()),
            *((key, _WORDS[word]) for key, word in self.grip.items()),
            (f"{self.slower} {self.faster}", "slower, faster"),
            *((key, _WORDS[word]) for key, word in self.events.items()),
            (self.help, "show this again"),
        ]


# What a terminal sends for keys that are no character.
NAMED_KEYS: dict[str, bytes] = {
    "space": b" ",
    "enter": b"\r",
    "tab": b"\t",
    "backspace": b"\x7f",
    "up": b"\x1b[A",
    "down": b"\x1b[B",
    "right": b"\x1b[C",
    "left": b"\x1b[D",
}


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
            *((f"axis {axis.axis}", _AXES[name]) for name, axis in named.items() if axis),
            *((f"button {b}", _WORDS[word]) for word, b in (self.grip | self.events).items()),
        ]


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
            *((f"cap {cap.value}", _AXES[name]) for name, cap in named.items() if cap),
            *((f"button {b}", _WORDS[word]) for word, b in (self.grip | self.events).items()),
        ]


class LeaderJoint(StrictModel):
    """How one of the leader's joints shows the arm's: arm = scale * leader + offset_rad."""

    name: str
    scale: Literal[-1, 1] = 1
    offset_rad: float = 0.0


class LeaderTrigger(StrictModel):
    """A joint of the leader's that is pulled: held from `above` on."""

    joint: str
    above: float


class LeaderGripper(StrictModel):
    """A joint of the leader's that opens and closes the gripper."""

    joint: str
    open_above: float
    close_below: float

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.close_below >= self.open_above:
            raise ValueError(
                f"close_below {self.close_below} is not below open_above {self.open_above}"
            )
        return self


class LeaderBindings(Bindings):
    """A leader arm, by its joint states.

    Attributes:
        joints: in the order of the arm's own.
        trigger: the dead-man, where it is a joint of the leader.
        pedal: the dead-man, where it is a button of a sensor_msgs/Joy.
        align_joint_rad: a joint may be so far from the arm's when the dead-man is pressed.
        align_tool_m: so far may the tool be.
        gap_max_m: the arm is let go when the leader runs ahead of it so far.
        gain_hz: speed towards the leader for a distance from it.
        state_max_s: joint states may be so old.
        still_max_s: the arm is let go when no joint moves for so long.
    """

    device: Literal["leader"]
    joints: list[LeaderJoint]
    trigger: LeaderTrigger | None = None
    pedal: Index | None = None
    gripper: LeaderGripper | None = None
    events: dict[EventName, Index]
    align_joint_rad: Positive
    align_tool_m: Positive
    gap_max_m: Positive
    gain_hz: Positive
    state_max_s: Positive
    still_max_s: Positive

    @model_validator(mode="after")
    def _one_dead_man(self) -> Self:
        if (self.trigger is None) == (self.pedal is None):
            raise ValueError("give one dead-man: trigger, or pedal")
        return self

    def table(self) -> list[tuple[str, str]]:
        """Control and meaning."""
        if self.trigger is not None:
            deadman = f"joint {self.trigger.joint}"
        else:
            deadman = f"pedal {self.pedal}"
        return [
            (deadman, "hold it to have the arm, once the leader is where the arm is"),
            ("the arm", "follows the leader's tool"),
            *((f"button {b}", _WORDS[word]) for word, b in self.events.items()),
        ]


B = TypeVar("B", bound=Bindings)


def load_bindings(name_or_path: str | Path, model: type[B]) -> B:
    """Loads `config/teleop/NAME.yaml`, or the file at a path that ends in .yaml.

    Raises:
        ContractError: it is missing or malformed; names file, line, key and what was expected.
    """
    return load_strict(name_or_path, "teleop", model)
