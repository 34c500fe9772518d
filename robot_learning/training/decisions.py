"""How long decisions take, and how many came too late to be sent."""

from __future__ import annotations

from collections import deque

import numpy as np

_WINDOW = 1000


class Decisions:
    """Times of the newest decisions.

    Attributes:
        made: decisions since the start.
        missed: of them those that were too late, and not sent.
    """

    def __init__(self) -> None:
        self._took_s: deque[float] = deque(maxlen=_WINDOW)
        self.made = 0
        self.missed = 0

    def add(self, took_s: float, *, late: bool) -> None:
        """A decision that took so long."""
        self._took_s.append(took_s)
        self.made += 1
        self.missed += late

    def quantile_ms(self, part: float) -> float:
        """Of the newest decisions; 0 before the first."""
        return 1e3 * float(np.quantile(self._took_s, part)) if self._took_s else 0.0
