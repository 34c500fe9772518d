from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from replay_checks import assert_draws_go_on_bit_for_bit
from step_samples import add_steps, make_step

from robot_learning.replay import (
    NStep,
    Priorities,
    PrioritisedReplay,
    ReplayBuffer,
    SymmetricReplay,
)

SHOWN, OWN = 7, 25
KINDS = ["uniform", "prioritised"]


def part(kind: str, numbers: range, capacity: int = 0, **options: Any) -> ReplayBuffer:
    """Steps whose reward is their number; none gives way where there is no capacity."""
    retained = len(numbers) if not capacity else 0
    replay: ReplayBuffer
    if kind == "uniform":
        replay = ReplayBuffer(capacity, 2, 2, 2, retained=retained, **options)
    else:
        priorities = Priorities(exponent=1.0, epsilon=1e-3)
        replay = PrioritisedReplay(
            capacity, 2, 2, 2, retained=retained, priorities=priorities, **options
        )
    for number in numbers:
        add(replay, number)
    return replay


def add(replay: Any, number: int) -> None:
    add_steps(replay, [make_step(number, reward=float(number))])


def symmetric(
    kind: str = "uniform", *, own: int = OWN, share: float = 0.5, **options: Any
) -> SymmetricReplay:
    """Demonstrations have rewards below SHOWN."""
    shown = part(kind, range(SHOWN), **options)
    return SymmetricReplay(part(kind, range(SHOWN, SHOWN + own), 64, **options), shown, share)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=30, deadline=None)
@given(size=st.integers(1, 65), share=st.floats(0.0, 1.0), own=st.integers(1, 12))
def test_each_batch_has_its_share_of_demonstrations_however_much_else_there_is(
    kind: str, size: int, share: float, own: int
) -> None:
    replay = symmetric(kind, own=own, share=share)
    batch = replay.sample(size, np.random.default_rng(0))
    shown = round(size * share)
    assert batch.demonstrated is not None
    assert batch.demonstrated.tolist() == [1.0] * shown + [0.0] * (size - shown)
    assert np.array_equal(batch.rewards < SHOWN, batch.demonstrated == 1.0)
    assert all(len(field) == size for field in batch if field is not None)
    assert (batch.weights is not None) == (kind == "prioritised")
    replay.update_priorities(np.ones(size))


def test_half_of_256_rows_are_128() -> None:
    batch = symmetric().sample(256, np.random.default_rng(0))
    assert (batch.rewards < SHOWN).sum() == 128


def test_before_the_first_step_of_its_own_all_rows_are_demonstrations() -> None:
    batch = symmetric(own=0).sample(32, np.random.default_rng(0))
    assert (batch.rewards < SHOWN).all() and batch.demonstrated is not None
    assert batch.demonstrated.all()


def test_new_steps_are_its_own_experience() -> None:
    replay = symmetric(own=0)
    add(replay, 500)
    assert len(replay) == SHOWN + 1
    batch = replay.sample(10, np.random.default_rng(0))
    assert batch.rewards[5:].tolist() == [500.0] * 5


def test_rows_of_both_parts_may_span_several_steps() -> None:
    replay = symmetric(n_step=NStep(3, 1.0, 0.9))
    batch = replay.sample(20, np.random.default_rng(0))
    assert batch.discounts is not None and batch.discounts.shape == (20,)


def test_priorities_go_to_the_part_that_a_row_came_from() -> None:
    """One demonstration and one own step have something to teach; each is drawn in its half."""
    replay = symmetric("prioritised")
    rng = np.random.default_rng(0)
    for _ in range(30):
        rewards = replay.sample(64, rng).rewards
        replay.update_priorities(np.isin(rewards, (3.0, 20.0)).astype(np.float64) * 1e3)
    rewards = replay.sample(100, rng).rewards
    assert (rewards[:50] == 3.0).all() and (rewards[50:] == 20.0).all()


def test_priorities_of_both_parts_survive_a_restart() -> None:
    assert_draws_go_on_bit_for_bit(symmetric("prioritised"), symmetric("prioritised"))


def test_without_demonstrations_there_is_nothing_to_draw() -> None:
    replay = SymmetricReplay(ReplayBuffer(5, 2, 2, 2), ReplayBuffer(0, 2, 2, 2))
    with pytest.raises(ValueError, match="empty"):
        replay.sample(4, np.random.default_rng(0))


def test_what_is_shown_later_is_a_demonstration_and_nothing_else() -> None:
    shown = ReplayBuffer(0, 2, 2, 2, shown_capacity=9)
    replay = SymmetricReplay(part("uniform", range(100, 110), 64), shown)
    before = replay.sample(10, np.random.default_rng(0))
    assert before.demonstrated is not None and not before.demonstrated.any()
    step = make_step(3, reward=3.0)
    replay.show([step], step.executed_action[None])
    batch = replay.sample(10, np.random.default_rng(0))
    assert batch.rewards[:5].tolist() == [3.0] * 5 and (batch.rewards[5:] >= 100).all()
