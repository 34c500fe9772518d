from __future__ import annotations

import numpy as np
import pytest
from step_samples import add_steps, make_step, marked_episode, reward_of, sparse

from robot_learning.replay import ReplayBuffer


def filled(buffer: ReplayBuffer, lengths: list[int]) -> ReplayBuffer:
    for episode, length in enumerate(lengths):
        add_steps(buffer, marked_episode(episode, length))
    return buffer


def test_a_row_comes_back_as_it_was_added() -> None:
    buffer = ReplayBuffer(10, 2, 2, 2)
    step = make_step(1, reward=-0.5, terminated=True)
    add_steps(buffer, [step])
    batch = buffer.sample(3, np.random.default_rng(0))
    for row in range(3):
        assert np.array_equal(batch.inputs[row], [*step.observation, *step.desired_goal])
        assert np.array_equal(batch.next_inputs[row], [*step.next_observation, *step.desired_goal])
        assert np.array_equal(batch.actions[row], step.executed_action)
        assert (batch.rewards[row], batch.terminated[row]) == (-0.5, 1.0)


def test_truncated_is_not_terminated() -> None:
    buffer = ReplayBuffer(10, 2, 2, 2)
    add_steps(buffer, [make_step(4, truncated=True, terminated=False)])
    assert buffer.sample(1, np.random.default_rng(0)).terminated[0] == 0.0


def test_the_oldest_rows_give_way() -> None:
    buffer = filled(ReplayBuffer(7, 2, 2, 2), [5, 5])
    assert len(buffer) == 7
    seen = {
        (int(row[0]), int(row[1])) for row in buffer.sample(2_000, np.random.default_rng(0)).inputs
    }
    assert seen == {(0, 3), (0, 4), *((1, step) for step in range(5))}


def test_sampling_is_uniform() -> None:
    buffer = filled(ReplayBuffer(100, 2, 2, 2), [10])
    steps = buffer.sample(20_000, np.random.default_rng(0)).inputs[:, 1].astype(int)
    counts = np.bincount(steps, minlength=10)
    chi_square = float(((counts - 2_000) ** 2 / 2_000).sum())
    assert chi_square < 27.9  # 99.9 % quantile for 9 degrees of freedom


@pytest.mark.parametrize("k", [1, 4])
def test_hindsight_replaces_k_of_k_plus_one_goals(k: int) -> None:
    buffer = ReplayBuffer(100, 2, 2, 2, hindsight_per_transition=k, compute_reward=sparse)
    batch = filled(buffer, [10, 10]).sample(20_000, np.random.default_rng(0))
    relabelled = (batch.inputs[:, 2] != -9).mean()
    assert abs(relabelled - k / (k + 1)) < 0.02


@pytest.mark.parametrize("capacity", [100, 13])
def test_hindsight_goals_lie_ahead_in_the_same_episode(capacity: int) -> None:
    """Also where an episode lies across the seam of the ring."""
    buffer = ReplayBuffer(capacity, 2, 2, 2, hindsight_per_transition=4, compute_reward=sparse)
    batch = filled(buffer, [5, 7, 6]).sample(5_000, np.random.default_rng(0))
    goals = batch.inputs[:, 2:]
    new = goals[:, 0] != -9
    assert (goals[new, 0] == batch.inputs[new, 0]).all()
    assert (goals[new, 1] >= batch.inputs[new, 1]).all()
    # Every later step of an episode can be drawn, the present one included.
    first = new & (batch.inputs[:, 0] == 2) & (batch.inputs[:, 1] == 0)
    assert set(goals[first, 1].astype(int)) == set(range(6))


def test_hindsight_rewards_are_those_of_the_new_goal() -> None:
    buffer = ReplayBuffer(100, 2, 2, 2, hindsight_per_transition=4, compute_reward=sparse)
    batch = filled(buffer, [10]).sample(5_000, np.random.default_rng(0))
    reached = batch.inputs[:, 2:] == batch.inputs[:, :2]
    new = batch.inputs[:, 2] != -9
    assert np.array_equal(batch.rewards[new], np.where(reached[new].all(axis=1), 0.0, -1.0))
    own = [reward_of(0, step) for step in batch.inputs[~new, 1]]
    assert np.array_equal(batch.rewards[~new], own)
    assert np.array_equal(batch.inputs[:, 2:], batch.next_inputs[:, 2:])


def test_the_ring_itself_keeps_the_goals_that_were_pursued() -> None:
    buffer = ReplayBuffer(100, 2, 2, 2, hindsight_per_transition=4, compute_reward=sparse)
    filled(buffer, [10])
    rng = np.random.default_rng(0)
    for _ in range(20):
        buffer.sample(64, rng)
    original = buffer.sample(20_000, rng).inputs[:, 2] == -9
    assert abs(original.mean() - 0.2) < 0.02


def test_an_empty_buffer_cannot_be_sampled() -> None:
    with pytest.raises(ValueError, match="empty"):
        ReplayBuffer(10, 2, 2, 2).sample(1, np.random.default_rng(0))


def test_hindsight_without_a_reward_function_is_refused() -> None:
    with pytest.raises(ValueError, match="reward function"):
        ReplayBuffer(10, 2, 2, 2, hindsight_per_transition=4)
