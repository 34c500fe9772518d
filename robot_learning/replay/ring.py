"""Which slot of an array holds which transition, when the oldest give way and some never do."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Int64 = NDArray[np.int64]


class Ring:
    """Positions count transitions ever added; slots are where they lie.

    The first `retained` positions keep their slots for ever: demonstrations are never evicted
    (Vecerik et al. 2017, section 3). Behind them the last `capacity` positions go round. A
    position is never used twice, so an episode may lie across the seam and still be one range.

    Attributes:
        count: transitions ever added.
        retained: how many of the first are kept for ever.
        size: number of slots.
    """

    def __init__(self, capacity: int, retained: int = 0) -> None:
        self._capacity = capacity
        self._round = max(capacity, 1)  # with no capacity, nothing goes round
        self.retained = retained
        self.size = retained + capacity
        self.count = 0

    def __len__(self) -> int:
        return min(self.count, self.size)

    @property
    def oldest(self) -> int:
        """The lowest position behind the retained ones that is still there."""
        return max(self.retained, self.count - self._capacity)

    def extend(self, number: int) -> Int64:
        """Takes `number` new transitions in; returns their positions."""
        positions = np.arange(self.count, self.count + number)
        self.count += number
        return positions

    def slots(self, positions: Int64) -> Int64:
        """Where positions that are there lie."""
        behind = positions - self.retained
        slots: Int64 = np.where(behind < 0, positions, behind % self._round + self.retained)
        return slots

    def positions(self, slots: Int64) -> Int64:
        """The newest position in each of these slots, which have been written."""
        newest = self.count - self.retained - 1
        behind = newest - (newest + self.retained - slots) % self._round
        positions: Int64 = np.where(slots < self.retained, slots, behind + self.retained)
        return positions

    def draw(self, size: int, rng: np.random.Generator) -> Int64:
        """Positions that are there, uniformly and with replacement.

        Raises:
            ValueError: there is none.
        """
        if not self.count:
            raise ValueError("the replay buffer is empty")
        drawn = rng.integers(0, len(self), size)
        evicted = len(self) - self.count  # negative: how far those behind the retained moved on
        positions: Int64 = np.where(drawn < self.retained, drawn, drawn - evicted)
        return positions
