"""Steps that the learner has not acknowledged: kept, and sent again to one that was away."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

RESEND_AFTER_S = 3.0


class Numbered(Protocol):
    """A step, or a message of one."""

    step_number: int


Kept = TypeVar("Kept", bound=Numbered)


class Outbox(Generic[Kept]):
    """Steps in order of their numbers; `clock` is in seconds and never goes back.

    Attributes:
        resent: steps that were sent again.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.resent = 0
        self._clock = clock
        self._kept: deque[Kept] = deque()
        self._progress_s = clock()

    def __len__(self) -> int:
        return len(self._kept)

    def keep(self, step: Kept) -> None:
        """A step that was sent."""
        if not self._kept:
            self._progress_s = self._clock()
        self._kept.append(step)

    def acknowledge(self, below: int) -> None:
        """Every step with a smaller number is on the learner's disk."""
        while self._kept and self._kept[0].step_number < below:
            self._kept.popleft()
            self._progress_s = self._clock()

    def due(self) -> list[Kept]:
        """What is to be sent again: nothing, or everything since the last receipt, in order."""
        if not self._kept or self._clock() - self._progress_s <= RESEND_AFTER_S:
            return []
        self.resent += len(self._kept)
        self._progress_s = self._clock()
        return list(self._kept)
