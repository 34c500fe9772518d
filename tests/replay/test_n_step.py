from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from step_samples import add_steps, marked_episode, reward_of, sparse

from robot_learning.replay import Batch, NStep, Priorities, PrioritisedReplay, ReplayBuffer

GAMMA = 0.9


def fill(replay: ReplayBuffer, ends: list[tuple[int, bool]]) -> ReplayBuffer:
    """Adds an episode for each (length, terminated)."""
    for number, (length, terminated) in enumerate(ends):
        add_steps(replay, marked_episode(number, length, terminated=terminated))
    return replay


def drawn(n: int, ends: list[tuple[int, bool]], size: int = 100, **options: Any) -> Batch:
    options = {"n_step": NStep(n, 1.0, GAMMA), "capacity": 100} | options
    replay = ReplayBuffer(options.pop("capacity"), 2, 2, 2, **options)
    return fill(replay, ends).sample(size, np.random.default_rng(0))


def assert_rows_are(batch: Batch, n: int, ends: list[tuple[int, bool]]) -> None:
    """Every row, from its definition."""
    rewards, ahead, discounts, terminated = [], [], [], []
    for number, step in batch.inputs[:, :2].astype(int).tolist():
        length, terminates = ends[number]
        last = min(step + n, length)
        over = terminates and last == length
        rewards.append(sum(GAMMA ** (i - step) * reward_of(number, i) for i in range(step, last)))
        ahead.append([number, last])
        terminated.append(over)
        discounts.append(0.0 if over else GAMMA ** (last - step))
    np.testing.assert_allclose(batch.rewards, rewards, rtol=1e-5)
    np.testing.assert_array_equal(batch.next_inputs[:, :2], ahead)
    np.testing.assert_array_equal(batch.terminated, terminated)
    np.testing.assert_allclose(batch.discounts_at(GAMMA), discounts, rtol=1e-5)


def rows_of(batch: Batch, chosen: Any) -> Batch:
    kept = {name: v[chosen] for name, v in batch._asdict().items() if v is not None}
    return Batch(**kept)


ENDS = st.lists(st.tuples(st.integers(1, 9), st.booleans()), min_size=1, max_size=6)


@settings(max_examples=60, deadline=None)
@given(n=st.integers(2, 12), ends=ENDS, capacity=st.integers(1, 60))
def test_a_row_sums_what_its_episode_still_gives_and_ends_with_it(
    n: int, ends: list[tuple[int, bool]], capacity: int
) -> None:
    """Also where the oldest rows of an episode have given way, and across the seam of the ring."""
    assert_rows_are(drawn(n, ends, capacity=capacity), n, ends)


def test_a_terminated_end_has_no_value_behind_it_and_a_truncated_one_has() -> None:
    """Two steps before the end: r + gamma r' + gamma^2 V, or without the last part."""
    for terminated, counts in ((True, 0.0), (False, GAMMA**2)):
        batch = drawn(3, [(5, terminated)])
        row = np.flatnonzero(batch.inputs[:, 1] == 3)[0]
        assert batch.rewards[row] == pytest.approx(reward_of(0, 3) + GAMMA * reward_of(0, 4))
        assert batch.discounts_at(GAMMA)[row] == pytest.approx(counts)


def test_rows_over_several_steps_and_over_one_are_mixed_by_their_share() -> None:
    ends = [(50, False)] * 4
    n_step = NStep(5, 0.25, GAMMA)
    batch = drawn(5, ends, size=5_000, n_step=n_step, capacity=300)
    spans = (batch.next_inputs[:, 1] - batch.inputs[:, 1]).astype(int)
    inner = batch.inputs[:, 1] <= 45
    assert set(spans[inner]) == {1, 5}
    assert (spans[inner] == 5).mean() == pytest.approx(0.25, abs=0.025)
    assert_rows_are(rows_of(batch, spans == 1), 1, ends)


def test_over_one_step_nothing_changes() -> None:
    ends = [(4, True), (3, False)]
    plain = drawn(1, ends, n_step=None)
    assert plain.discounts is None
    np.testing.assert_allclose(plain.discounts_at(GAMMA), GAMMA * (1 - plain.terminated))
    assert_rows_are(plain, 1, ends)


def test_with_hindsight_every_reward_of_the_sum_is_the_new_goals() -> None:
    """The goal is what step k achieved: 0 for k, -1 for all others, so the sum is known."""
    ends = [(8, False), (8, False)]
    batch = drawn(4, ends, hindsight_per_transition=4, compute_reward=sparse, size=2_000)
    new = batch.inputs[:, 2] != -9
    assert 0.7 < new.mean() < 0.9
    for row in np.flatnonzero(new):
        step, goal_step = int(batch.inputs[row, 1]), int(batch.inputs[row, 3])
        expected = -sum(
            GAMMA ** (i - step) for i in range(step, min(step + 4, 8)) if i != goal_step
        )
        assert batch.rewards[row] == pytest.approx(expected, rel=1e-5)
    assert np.array_equal(batch.inputs[:, 2:], batch.next_inputs[:, 2:])
    assert_rows_are(rows_of(batch, ~new), 4, ends)


def test_a_demonstrations_rows_end_with_it_though_others_lie_behind_it() -> None:
    ends = [(3, False), (4, True), (6, False), (6, False)]
    options: dict[str, Any] = {"n_step": NStep(5, 1.0, GAMMA), "retained": 7}
    for replay in (
        ReplayBuffer(5, 2, 2, 2, **options),
        PrioritisedReplay(5, 2, 2, 2, priorities=Priorities(), **options),
    ):
        batch = fill(replay, ends).sample(300, np.random.default_rng(0))
        assert_rows_are(batch, 5, ends)
        assert set(batch.inputs[:, 0]) == {0, 1, 3}
        assert batch.demonstrated is not None
        assert np.array_equal(batch.demonstrated == 1, batch.inputs[:, 0] < 2)
