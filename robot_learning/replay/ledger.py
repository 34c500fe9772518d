"""Which step comes next from each actor: so that none is inserted twice and none is missed."""

from __future__ import annotations

from enum import Enum


class Arrival(Enum):
    """What an arriving step number means."""

    NEXT = "next"
    DUPLICATE = "duplicate"
    GAP = "gap"


class Ledger:
    """Counts every actor's steps, which arrive in order from 0.

    A step behind a gap is not taken: the actor keeps what is not acknowledged and sends it again
    from there (go-back-n), so that the journal of each actor is always without holes.

    Attributes:
        duplicates: steps that arrived again.
        gaps: steps that arrived too early.
    """

    def __init__(self) -> None:
        self._next: dict[str, int] = {}
        self.duplicates = 0
        self.gaps = 0

    def judge(self, actor_id: str, step_number: int) -> Arrival:
        """Says what a step is, and counts it if it is not the next one."""
        expected = self._next.get(actor_id, 0)
        if step_number < expected:
            self.duplicates += 1
            return Arrival.DUPLICATE
        if step_number > expected:
            self.gaps += 1
            return Arrival.GAP
        return Arrival.NEXT

    def advance(self, actor_id: str) -> None:
        """The next step of this actor was taken."""
        self._next[actor_id] = self._next.get(actor_id, 0) + 1

    def next_numbers(self) -> dict[str, int]:
        """For each actor, the number below which every step was taken."""
        return dict(self._next)
