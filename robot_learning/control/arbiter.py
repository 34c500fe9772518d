"""Which source is heard: the first in order of priority that has spoken lately."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol, TypeVar

from robot_learning.contract import Contract


class Sourced(Protocol):
    """A request that says who asks."""

    source: str


Request = TypeVar("Request", bound=Sourced)


class Arbiter:
    """Passes requests of one source at a time.

    A source of higher priority takes over with its first request, and keeps the arm until it has
    been silent for the contract's command age, by receipt. Locked, nothing passes; unlocking
    passes nothing that came before.

    Attributes:
        sources: names, the highest priority first.
        locked: True while nothing may pass.
        active_source: who was passed last and still holds the arm; None when nobody.
        refused_count: requests that were not passed on.
    """

    def __init__(self, contract: Contract, sources: Sequence[str] = ("teleop", "policy")) -> None:
        if not sources or len(set(sources)) != len(sources):
            raise ValueError(f"arbiter sources must be different names, got {list(sources)}")
        self.sources = tuple(sources)
        self.locked = False
        self.active_source: str | None = None
        self.refused_count = 0
        self._timeout_s = contract.robot.rates.command_age_max_s
        self._heard_s = -math.inf

    def lock(self, locked: bool = True) -> None:
        """Locks or unlocks; a lock ends whoever is active."""
        self.locked = locked
        if locked:
            self.active_source = None

    def offer(self, request: Request, now_s: float) -> Request | None:
        """The request itself when it may pass, else None.

        Args:
            request: from any source.
            now_s: time of receipt, steady clock.
        """
        self.expire(now_s)
        if self.locked or request.source not in self.sources:
            self.refused_count += 1
            return None
        active = self.active_source
        if active is not None and self._rank(active) < self._rank(request.source):
            self.refused_count += 1
            return None
        self.active_source, self._heard_s = request.source, now_s
        return request

    def expire(self, now_s: float) -> None:
        """Forgets an active source that has been silent for too long, or whose time is ahead."""
        if not 0.0 <= now_s - self._heard_s <= self._timeout_s:
            self.active_source = None

    def _rank(self, source: str) -> int:
        return self.sources.index(source)
