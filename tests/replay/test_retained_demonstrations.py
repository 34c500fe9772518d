"""Demonstrations in a replay are never evicted (Vecerik et al. 2017, section 3)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from step_samples import add_steps, make_step

from robot_learning.replay import Priorities, PrioritisedReplay, ReplayBuffer

SHOWN = 6


def added(replay: ReplayBuffer, numbers: range) -> ReplayBuffer:
    """One episode of steps whose reward is their number."""
    steps = [make_step(number, episode=numbers.start, reward=float(number)) for number in numbers]
    add_steps(replay, steps)
    return replay


def rewards(replay: ReplayBuffer, size: int = 2_000) -> Any:
    return replay.sample(size, np.random.default_rng(0)).rewards.astype(int)


@settings(max_examples=40, deadline=None)
@given(capacity=st.integers(1, 12), lengths=st.lists(st.integers(1, 9), max_size=6))
def test_they_stay_while_the_oldest_of_the_rest_give_way(capacity: int, lengths: list[int]) -> None:
    replay = added(ReplayBuffer(capacity, 2, 2, 2, retained=SHOWN), range(SHOWN))
    count = SHOWN
    for length in lengths:
        added(replay, range(count, count + length))
        count += length
    newest = range(max(SHOWN, count - capacity), count)
    assert set(rewards(replay)) == {*range(SHOWN), *newest}
    assert len(replay) == SHOWN + len(newest)


def test_rows_say_which_are_demonstrations() -> None:
    replay = added(added(ReplayBuffer(4, 2, 2, 2, retained=SHOWN), range(SHOWN)), range(SHOWN, 20))
    batch = replay.sample(200, np.random.default_rng(0))
    assert batch.demonstrated is not None
    assert np.array_equal(batch.demonstrated, (batch.rewards < SHOWN).astype(np.float32))


def test_without_any_no_row_says_so() -> None:
    assert (
        added(ReplayBuffer(9, 2, 2, 2), range(4)).sample(3, np.random.default_rng(0)).demonstrated
        is None
    )


def test_they_are_all_there_is_where_there_is_room_for_nothing_else() -> None:
    replay = added(ReplayBuffer(0, 2, 2, 2, retained=SHOWN), range(SHOWN))
    assert set(rewards(replay)) == set(range(SHOWN))


def test_their_bonus_is_added_to_the_error_before_the_exponent() -> None:
    """(|delta| + epsilon + epsilon_D)^alpha (section 3)."""
    settings = Priorities(exponent=0.5, epsilon=0.1, demonstration_bonus=2.0)
    replay = PrioritisedReplay(10, 2, 2, 2, priorities=settings, retained=SHOWN)
    added(added(replay, range(SHOWN)), range(SHOWN, SHOWN + 10))
    for seed in range(20):
        replay.sample(64, np.random.default_rng(seed))
        replay.update_priorities(np.full(64, 0.5))
    found = rewards(replay, 20_000)
    shown, own = SHOWN * 2.6**0.5, 10 * 0.6**0.5
    assert (found < SHOWN).mean() == pytest.approx(shown / (shown + own), abs=0.01)
