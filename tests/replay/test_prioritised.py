from __future__ import annotations

from typing import Any

import cpprb
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from replay_checks import assert_draws_go_on_bit_for_bit
from scipy import stats
from step_samples import add_steps, make_step

from robot_learning.replay import Priorities, PrioritisedReplay
from robot_learning.replay.sum_tree import SumTree

DRAWS = 1_000_000


def filled(count: int, capacity: int = 100, **options: Any) -> PrioritisedReplay:
    """Transitions whose reward is their number."""
    replay = PrioritisedReplay(capacity, 2, 2, 2, **({"priorities": Priorities()} | options))
    for number in range(count):
        add_steps(replay, [make_step(number, reward=float(number))])
    return replay


def give_errors(replay: PrioritisedReplay, errors: np.ndarray) -> None:
    """Gives every transition its own error, by visiting until each was drawn."""
    rng, seen = np.random.default_rng(0), set[int]()
    while len(seen) < len(errors):
        numbers = replay.sample(200, rng).rewards.astype(int)
        replay.update_priorities(errors[numbers])
        seen |= set(numbers.tolist())


@given(
    st.lists(st.floats(0.0, 1e6, allow_subnormal=False), min_size=1, max_size=600),
    st.integers(0, 10_000),
)
def test_a_sum_tree_finds_what_a_cumulated_sum_finds(values: list[float], seed: int) -> None:
    priorities = np.array(values)
    tree = SumTree(len(priorities))
    tree[np.arange(len(priorities))] = priorities
    assert tree.total == pytest.approx(priorities.sum(), rel=1e-12)
    if not priorities.any():
        return
    found = tree.find(np.random.default_rng(seed).random(50) * tree.total)
    assert (priorities[found] > 0).all()
    exact = np.cumsum(priorities)
    middle = exact - priorities / 2
    wide = priorities > 1e-6 * tree.total  # narrower ones lie within rounding of each other
    assert np.array_equal(tree.find(middle[wide]), np.flatnonzero(wide))


def test_a_sum_tree_does_not_depend_on_the_order_of_its_changes() -> None:
    """Otherwise a resumed run, whose tree is built anew, would draw differently."""
    rng = np.random.default_rng(0)
    changed, built = SumTree(1_000), SumTree(1_000)
    for _ in range(200):
        indices = rng.integers(0, 1_000, 64)
        changed[indices] = rng.random(64)
    everything = np.arange(1_000)
    built[everything] = changed[everything]
    assert changed.total == built.total


def test_of_two_priorities_for_one_leaf_the_last_holds() -> None:
    tree = SumTree(40)
    tree[np.array([7, 7, 30])] = np.array([1.0, 2.0, 3.0])
    assert tree.total == 5.0


def test_rows_are_drawn_with_the_exact_probabilities() -> None:
    errors = np.random.default_rng(1).exponential(size=50)
    settings = Priorities(exponent=0.7, epsilon=0.01)
    replay = filled(50, priorities=settings)
    give_errors(replay, errors)
    rng = np.random.default_rng(2)
    counts = np.zeros(50)
    for _ in range(DRAWS // 10_000):
        counts += np.bincount(replay.sample(10_000, rng).rewards.astype(int), minlength=50)
    chances = (errors + 0.01) ** 0.7
    expected = DRAWS * chances / chances.sum()
    assert stats.chisquare(counts, expected).pvalue > 0.001


def test_rows_are_drawn_as_often_as_by_cpprb() -> None:
    errors = np.random.default_rng(1).exponential(size=32)
    theirs = cpprb.PrioritizedReplayBuffer(32, {"n": {}}, alpha=0.6, eps=1e-3)
    theirs.add(n=np.arange(32.0), priorities=errors)
    ours = filled(32)
    give_errors(ours, errors)
    rng = np.random.default_rng(3)
    mine, other = np.zeros(32), np.zeros(32)
    for _ in range(DRAWS // 10_000):
        mine += np.bincount(ours.sample(10_000, rng).rewards.astype(int), minlength=32)
        other += np.bincount(theirs.sample(10_000)["indexes"], minlength=32)
    assert stats.chi2_contingency([mine, other]).pvalue > 0.001


def test_importance_weights_are_those_of_schaul_section_3_4() -> None:
    replay = filled(20, priorities=Priorities(exponent=1.0, correction=0.5, correction_final=0.5))
    errors = np.linspace(0.1, 2.0, 20)
    give_errors(replay, errors)
    batch = replay.sample(64, np.random.default_rng(0))
    chances = (errors + 1e-3) / (errors + 1e-3).sum()
    weights = (20 * chances[batch.rewards.astype(int)]) ** -0.5
    np.testing.assert_allclose(batch.weights, weights / weights.max(), rtol=1e-5)


def test_the_correction_grows_to_its_final_value() -> None:
    settings = Priorities(correction=0.4, correction_final=1.0, correction_batches=100)
    found = [settings.correction_after(batches) for batches in (0, 50, 100, 500)]
    assert found == pytest.approx([0.4, 0.7, 1.0, 1.0])


def test_a_new_row_has_the_highest_priority_so_far() -> None:
    replay = filled(10)
    give_errors(replay, np.append(np.full(9, 0.01), 8.0))
    give_errors(replay, np.full(10, 0.01))
    add_steps(replay, [make_step(0, reward=77.0)])
    rewards = replay.sample(10_000, np.random.default_rng(0)).rewards
    expected = 8.001**0.6 / (8.001**0.6 + 10 * 0.011**0.6)
    assert (rewards == 77.0).mean() == pytest.approx(expected, abs=0.01)


def test_an_error_that_is_not_finite_does_not_poison_the_rest() -> None:
    replay = filled(10)
    replay.sample(4, np.random.default_rng(0))
    replay.update_priorities(np.array([np.nan, np.inf, 1.0, 1.0]))
    batch = replay.sample(100, np.random.default_rng(0))
    assert batch.weights is not None
    assert np.isfinite(batch.weights).all()


def test_demonstrations_stay_and_are_drawn_more_often() -> None:
    bonus = Priorities(exponent=1.0, epsilon=0.5, demonstration_bonus=1.5)
    replay = filled(200, capacity=20, retained=5, priorities=bonus)
    kept = set(range(5)) | set(range(180, 200))
    rng = np.random.default_rng(0)
    seen = set[int]()
    for _ in range(40):
        batch = replay.sample(200, rng)
        replay.update_priorities(np.zeros(200))
        assert batch.demonstrated is not None
        assert np.array_equal(batch.demonstrated == 1.0, batch.rewards < 5)
        seen |= set(batch.rewards.astype(int).tolist())
    assert seen == kept
    drawn = replay.sample(10_000, rng).rewards
    assert (drawn < 5).mean() == pytest.approx(5 * 2.0 / (5 * 2.0 + 20 * 0.5), abs=0.01)


def test_priorities_survive_a_restart_and_draws_go_on_bit_for_bit() -> None:
    first, second = (filled(120, capacity=60, retained=10) for _ in range(2))
    assert_draws_go_on_bit_for_bit(first, second)


def test_steps_that_the_state_does_not_know_get_the_highest_priority() -> None:
    before = filled(50, capacity=30, priorities=Priorities(exponent=1.0, epsilon=1e-6))
    give_errors_of_kept = np.random.default_rng(0)
    for _ in range(30):
        before.sample(64, give_errors_of_kept)
        before.update_priorities(np.full(64, 0.1))
    after = filled(65, capacity=30, priorities=Priorities(exponent=1.0, epsilon=1e-6))
    after.load_state_dict(before.state_dict())
    rewards = after.sample(20_000, np.random.default_rng(1)).rewards
    assert rewards.min() == 35  # rows 20 to 34 of the state have given way
    assert (rewards >= 50).mean() == pytest.approx(15 / (15 + 15 * 0.1), abs=0.01)
