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
    Demonstrations that come while a run goes on are kept for ever too, at positions below 0.

    Attributes:
        count: transitions ever added, without the later demonstrations.
        retained: how many of the first are kept for ever.
        later: demonstrations that came later.
        size: number of slots.
    """

    def __init__(self, capacity: int, retained: int = 0, later_capacity: int = 0) -> None:
        self._capacity = capacity
        self._round = max(capacity, 1)  # with no capacity, nothing goes round
        self._later_capacity = later_capacity
        self.retained = retained
        self.size = retained + capacity + later_capacity
        self.count = self.later = 0

    def __len__(self) -> int:
        return self._others + self.later

    @property
    def _others(self) -> int:
        """Transitions that are there, without the later demonstrations."""
        return min(self.count, self.retained + self._capacity)

    @property
    def demonstrations(self) -> int:
        """Of the transitions that are there, those kept for ever."""
        return min(self.retained, self.count) + self.later

    @property
    def oldest(self) -> int:
        """The lowest position behind the retained ones that is still there."""
        return max(self.retained, self.count - self._capacity)

    def extend(self, number: int) -> Int64:
        """Takes `number` new transitions in; returns their positions."""
        positions = np.arange(self.count, self.count + number)
        self.count += number
        return positions

    def extend_later(self, number: int) -> Int64:
        """Takes in up to `number` demonstrations, as far as there is room; their positions."""
        number = min(number, self._later_capacity - self.later)
        first = self.later - self._later_capacity
        self.later += number
        return np.arange(first, first + number)

    def there(self) -> Int64:
        """Every position that is there."""
        kept, first = min(self.retained, self.count), -self._later_capacity
        later = np.arange(first, first + self.later)
        return np.concatenate((np.arange(kept), np.arange(self.oldest, self.count), later))

    def slots(self, positions: Int64) -> Int64:
        """Where positions that are there lie."""
        behind = positions - self.retained
        slots: Int64 = np.where(behind < 0, positions, behind % self._round + self.retained)
        if self.later:
            slots = np.where(positions < 0, positions + self.size, slots)
        return slots

    def positions(self, slots: Int64) -> Int64:
        """The newest position in each of these slots, which have been written."""
        newest = self.count - self.retained - 1
        behind = newest - (newest + self.retained - slots) % self._round
        positions: Int64 = np.where(slots < self.retained, slots, behind + self.retained)
        if self.later:
            first_later = self.size - self._later_capacity
            positions = np.where(slots >= first_later, slots - self.size, positions)
        return positions

    def draw(self, size: int, rng: np.random.Generator) -> Int64:
        """Positions that are there, uniformly and with replacement.

        Raises:
            ValueError: there is none.
        """
        if not len(self):
            raise ValueError("the replay buffer is empty")
        drawn = rng.integers(0, len(self), size)
        evicted = self._others - self.count  # negative: how far those behind the retained moved on
        positions: Int64 = np.where(drawn < self.retained, drawn, drawn - evicted)
        if self.later:
            first = self._others + self._later_capacity
            positions = np.where(drawn >= self._others, drawn - first, positions)
        return positions
