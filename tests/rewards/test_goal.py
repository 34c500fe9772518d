import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from robot_learning.contract import load_task
from robot_learning.rewards.goal import GoalReward, HoldCounter

TASK = load_task("reach")
LIMIT_M = TASK.success.distance_max_m
REWARD = GoalReward(TASK)
coordinates = st.floats(-2.0, 2.0)
positions = st.lists(st.tuples(coordinates, coordinates, coordinates), min_size=1, max_size=8)


def test_reward_is_0_within_the_distance_and_minus_1_beyond():
    goal = np.zeros(3)
    assert REWARD.reward([LIMIT_M, 0.0, 0.0], goal) == 0.0
    assert REWARD.reward([LIMIT_M + 1e-9, 0.0, 0.0], goal) == -1.0


@settings(deadline=None)
@given(positions, positions)
def test_a_batch_gives_what_its_rows_give(achieved, desired):
    rows = min(len(achieved), len(desired))
    a, d = np.array(achieved[:rows]), np.array(desired[:rows])
    batch = REWARD.reward(a, d)
    assert batch.shape == (rows,) and batch.dtype == np.float32
    assert batch.tolist() == [float(REWARD.reward(x, y)) for x, y in zip(a, d, strict=True)]
    np.testing.assert_array_equal(batch == 0.0, REWARD.success(a, d))


def test_nan_is_never_a_success():
    assert not REWARD.success([np.nan, 0.0, 0.0], np.zeros(3))
    assert REWARD.reward([np.nan, 0.0, 0.0], np.zeros(3)) == -1.0


def test_success_of_an_episode_needs_the_condition_for_the_last_steps_in_a_row():
    hold, wanted = HoldCounter(TASK.hold_steps), TASK.success.hold_steps
    assert [hold.update(True) for _ in range(wanted)] == [False] * (wanted - 1) + [True]
    assert not hold.update(False)
    assert not hold.update(True)
    hold.held_steps = wanted
    hold.reset()
    assert hold.held_steps == 0
