"""When a pressed dead-man counts as held by a hand."""

from __future__ import annotations

import math


class DeadMan:
    """A press counts after a release, and as long as something shows that a hand is there.

    A pad that is out of reach is repeated by its driver as it was last heard, dead-man and all
    (ros-drivers/joystick_drivers issue 92). So a message is no sign of life; a change is.

    Attributes:
        note: why it is not held although it is pressed; one line, else empty.
        silent: it is not held because nothing changed for too long: the device may be gone.
    """

    def __init__(self, still_max_s: float) -> None:
        """Begins as not held, and to be let go first.

        Args:
            still_max_s: a press without any sign of life ends after so long.
        """
        self.note = ""
        self.silent = False
        self._still_max_s = still_max_s
        self._ready = False
        self._began = False
        self._life_s = -math.inf

    def update(self, pressed: bool, alive: bool, now_s: float) -> None:
        """What the device said.

        Args:
            pressed: the dead-man.
            alive: this shows that a hand is on the device.
            now_s: steady clock.
        """
        if alive:
            self._life_s, self.silent = now_s, False
        if not pressed:
            self._ready, self._began, self.note = True, False, ""
        elif self._began:
            return
        elif self._ready:
            self._ready, self._began, self._life_s = False, True, now_s
            self.note, self.silent = "", False
        elif not self.note:
            self.note = "the dead-man is pressed from before: let it go, and press it again"

    def held(self, now_s: float) -> bool:
        """Whether a hand holds it."""
        if not self._began:
            return False
        still_s = now_s - self._life_s
        if not 0.0 <= still_s <= self._still_max_s:
            self.refuse(
                f"nothing of the device changed for {still_s:.1f} s: it may be stuck or gone; let "
                "the dead-man go, and press it again"
            )
            self.silent = True
            return False
        return True

    def refuse(self, note: str) -> None:
        """Ends a press; only a release and a new press begin another."""
        self._began, self._ready, self.note = False, False, note

    def lose(self, note: str) -> None:
        """The device is gone."""
        self.refuse(note)
        self.silent = False
