from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from robot_learning.replay.labelled import LabelledBuffer, Labels

ADDITIONS = st.lists(st.tuples(st.integers(1, 9), st.integers(0, 4)), min_size=1, max_size=10)


def labels(first: int, count: int) -> Labels:
    """Whose target is their number, and whose position says it too."""
    numbers = np.arange(first, first + count)
    return Labels(3 * numbers, numbers.astype(np.float32))


@settings(max_examples=80, deadline=None)
@given(capacity=st.integers(1, 15), age_max=st.integers(0, 6), additions=ADDITIONS)
def test_exactly_the_newest_that_are_young_enough_are_drawn(
    capacity: int, age_max: int, additions: list[tuple[int, int]]
) -> None:
    buffer = LabelledBuffer(capacity, age_max)
    version, made = 0, list[int]()  # made: the version of each label
    for count, later in additions:
        version += later
        buffer.add(labels(len(made), count), version)
        made += [version] * count
    for now in (version, version + 2):
        newest = range(max(0, len(made) - capacity), len(made))
        fresh = [number for number in newest if now - made[number] <= age_max]
        assert buffer.fresh(now) == len(fresh)
        if not fresh:
            assert buffer.mean_age(now) == 0.0
            with pytest.raises(ValueError, match=f"no label is younger than {age_max} updates"):
                buffer.sample(1, now, np.random.default_rng(0))
            continue
        ages = [now - made[number] for number in fresh]
        assert buffer.mean_age(now) == pytest.approx(np.mean(ages))
        drawn = buffer.sample(60 * len(fresh), now, np.random.default_rng(0))
        assert set(drawn.targets.astype(int)) == set(fresh)
        assert np.array_equal(drawn.positions, 3 * drawn.targets.astype(int))


def test_a_label_older_than_one_before_it_is_refused() -> None:
    buffer = LabelledBuffer(5, 10)
    buffer.add(labels(0, 2), 7)
    with pytest.raises(ValueError, match="labels of version 6 arrive after newer ones"):
        buffer.add(labels(2, 2), 6)
    assert buffer.fresh(7) == 2


def test_of_more_labels_than_fit_the_last_stay() -> None:
    buffer = LabelledBuffer(4, 10)
    buffer.add(labels(0, 100), 1)
    drawn = buffer.sample(400, 1, np.random.default_rng(0)).targets
    assert set(drawn.astype(int)) == {96, 97, 98, 99}


def test_an_empty_buffer_has_no_label() -> None:
    with pytest.raises(ValueError, match="no label"):
        LabelledBuffer(4, 10).sample(1, 0, np.random.default_rng(0))
