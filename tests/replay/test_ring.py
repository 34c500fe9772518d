from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from robot_learning.replay.ring import Ring

SIZES = {
    "capacity": st.integers(0, 12),
    "retained": st.integers(0, 5),
    "pieces": st.lists(st.integers(1, 7), max_size=12),
}


def written(capacity: int, retained: int, pieces: list[int]) -> tuple[Ring, dict[int, int]]:
    """A ring, and which position each slot was last given to, one after the other."""
    ring, content = Ring(capacity, retained), dict[int, int]()
    # Without room behind them, only what is retained can be added.
    for number in pieces if capacity else [retained]:
        positions = ring.extend(number)
        slots = ring.slots(positions)
        content |= dict(zip(slots.tolist(), positions.tolist(), strict=True))
    return ring, content


@given(**SIZES)
def test_the_newest_and_the_retained_are_there(
    capacity: int, retained: int, pieces: list[int]
) -> None:
    ring, content = written(capacity, retained, pieces)
    kept = {p for p in range(ring.count) if p < retained or p >= ring.count - capacity}
    assert set(content.values()) == kept
    assert len(ring) == len(kept) <= ring.size
    assert all(0 <= slot < ring.size for slot in content)


@given(**SIZES)
def test_slots_and_positions_are_each_others_inverse(
    capacity: int, retained: int, pieces: list[int]
) -> None:
    ring, content = written(capacity, retained, pieces)
    slots = np.array(list(content), np.int64)
    positions = ring.positions(slots)
    assert positions.tolist() == list(content.values())
    assert np.array_equal(ring.slots(positions), slots)


@given(data=st.data(), **SIZES)
def test_only_what_is_there_is_drawn_and_all_of_it(
    data: Any, capacity: int, retained: int, pieces: list[int]
) -> None:
    ring, content = written(capacity, retained, pieces)
    rng = np.random.default_rng(data.draw(st.integers(0, 100)))
    if not len(ring):
        with pytest.raises(ValueError, match="empty"):
            ring.draw(1, rng)
        return
    assert set(ring.draw(60 * len(ring), rng).tolist()) == set(content.values())
