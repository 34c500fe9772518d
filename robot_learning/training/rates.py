"""Events per second over the last seconds, for people to look at."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable


class RateMeter:
    """Counts events; `clock` is in seconds and never goes back."""

    def __init__(self, window_s: float = 5.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._window_s = window_s
        self._clock = clock
        self._marks: deque[tuple[float, int]] = deque([(clock(), 0)])
        self._total = 0

    def count(self, n: int = 1) -> None:
        """`n` events happened now."""
        self._total += n
        now = self._clock()
        # A mark each tenth of a second is enough, whatever the rate.
        if now - self._marks[-1][0] >= self._window_s / 50:
            self._marks.append((now, self._total))
            self._forget(now)

    def per_s(self) -> float:
        """The rate over the window."""
        now = self._clock()
        self._forget(now)
        since, before = self._marks[0]
        return (self._total - before) / (now - since) if now > since else 0.0

    def _forget(self, now: float) -> None:
        while len(self._marks) > 1 and self._marks[1][0] <= now - self._window_s:
            self._marks.popleft()
