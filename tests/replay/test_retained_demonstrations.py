"""Demonstrations in a replay are never evicted (Vecerik et al. 2017, section 3)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from replay_checks import assert_draws_go_on_bit_for_bit
from step_samples import add_steps, make_step

from robot_learning.replay import NStep, Priorities, PrioritisedReplay, ReplayBuffer

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


def shown_later(replay: ReplayBuffer, numbers: range) -> ReplayBuffer:
    steps = [make_step(number, episode=numbers.start, reward=float(number)) for number in numbers]
    replay.show(steps, np.stack([step.executed_action for step in steps]))
    return replay


@settings(max_examples=60, deadline=None)
@given(
    retained=st.integers(0, 4),
    capacity=st.integers(1, 12),
    room=st.integers(0, 9),
    pieces=st.lists(st.tuples(st.booleans(), st.integers(1, 6)), min_size=1, max_size=8),
)
def test_what_is_shown_while_a_run_goes_on_stays_as_far_as_there_is_room(
    retained: int, capacity: int, room: int, pieces: list[tuple[bool, int]]
) -> None:
    replay = ReplayBuffer(capacity, 2, 2, 2, retained=retained, shown_capacity=room)
    if retained:
        added(replay, range(retained))
    own, later, number = list[int](), list[int](), 100
    for is_shown, length in pieces:
        (shown_later if is_shown else added)(replay, range(number, number + length))
        (later if is_shown else own).extend(range(number, number + length))
        number += length
    there = {*range(retained), *own[-capacity:], *later[:room]}
    assert len(replay) == len(there)
    if there:
        batch = replay.sample(3_000, np.random.default_rng(0))
        assert set(batch.rewards.astype(int)) == there
        shown = {*range(retained), *later[:room]}
        if shown:
            assert batch.demonstrated is not None
            expected = np.isin(batch.rewards.astype(int), list(shown))
            assert np.array_equal(batch.demonstrated, expected.astype(np.float32))


def test_a_row_over_several_steps_ends_with_the_piece_that_was_shown() -> None:
    n_step = NStep(5, 1.0, 1.0)
    replay = ReplayBuffer(0, 2, 2, 2, shown_capacity=20, n_step=n_step)
    shown_later(shown_later(replay, range(1, 4)), range(10, 13))
    sums = set(replay.sample(500, np.random.default_rng(0)).rewards.astype(int))
    assert sums == {1 + 2 + 3, 2 + 3, 3, 10 + 11 + 12, 11 + 12, 12}


def test_priorities_of_what_was_shown_later_have_the_bonus_and_survive_a_restart() -> None:
    def made() -> PrioritisedReplay:
        settings = Priorities(exponent=1.0, epsilon=0.1, demonstration_bonus=5.0)
        replay = PrioritisedReplay(
            10, 2, 2, 2, priorities=settings, retained=SHOWN, shown_capacity=8
        )
        added(added(replay, range(SHOWN)), range(100, 115))
        shown_later(replay, range(200, 204))
        return replay

    replay = made()
    for seed in range(20):
        replay.sample(64, np.random.default_rng(seed))
        replay.update_priorities(np.full(64, 0.4))
    found = rewards(replay, 20_000)
    mass = {"shown": 4 * 5.5, "first": SHOWN * 5.5, "own": 10 * 0.5}
    assert (found >= 200).mean() == pytest.approx(mass["shown"] / sum(mass.values()), abs=0.01)
    assert_draws_go_on_bit_for_bit(made(), made())
