"""Which key of a terminal means what."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from robot_learning.contract.base import Fraction, Positive
from robot_learning.teleoperation.bindings import (
    WORDS,
    Bindings,
    Direction,
    EventName,
    GripName,
)


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
            *((key, WORDS[word]) for key, word in self.motion.items()),
            *((key, WORDS[word]) for key, word in self.grip.items()),
            (f"{self.slower} {self.faster}", "slower, faster"),
            *((key, WORDS[word]) for key, word in self.events.items()),
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
