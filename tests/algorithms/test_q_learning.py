from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from robot_learning.algorithms import (
    LinearQ,
    LinearQHyperParameters,
    QLearning,
    QLearningHyperParameters,
    Spaces,
)
from robot_learning.replay import Batch

STATES = ("bottom left", "top left", "top right", "bottom right")
ACTIONS = ("up", "down", "left", "right")
GRID = Spaces(4, 0, (0.0,), (3.0,), choices=4, states=4)
# Where each action leads in the grid of the lectures; a wall leaves the state.
LEADS = {
    "bottom left": {"up": "top left", "right": "bottom right"},
    "top left": {"down": "bottom left", "right": "top right"},
    "top right": {"down": "bottom right", "left": "top left"},
    "bottom right": {"up": "top right", "left": "bottom left"},
}
LESSON = (
    ("bottom left", "up", -0.7),
    ("top left", "right", -0.7),
    ("top right", "right", -0.7),
    ("top right", "down", -0.7),
    ("bottom right", "left", 7.0),
    ("bottom right", "up", 7.0),
    ("top right", "down", 3.5),
)


def transition(state: str, action: str, **changes: Any) -> Batch:
    after = LEADS[state].get(action, state)
    one_hot = np.eye(4, dtype=np.float32)
    fields = {
        "inputs": one_hot[[STATES.index(state)]],
        "actions": np.array([[ACTIONS.index(action)]], np.float32),
        # The reward belongs to the state acted in.
        "rewards": np.array([10.0 if state == "bottom right" else -1.0], np.float32),
        "next_inputs": one_hot[[STATES.index(after)]],
        "terminated": np.zeros(1, np.float32),
    }
    return Batch(**(fields | changes))


def table() -> QLearning:
    return QLearning(GRID, QLearningHyperParameters(learning_rate=0.7, gamma=0.9), 0)


def linear() -> LinearQ:
    hyper = LinearQHyperParameters(learning_rate=0.7, gamma=0.9, constant_feature=False)
    return LinearQ(GRID, hyper, 0)


@pytest.mark.parametrize("make", [table, linear])
def test_the_teaching_grid_gives_its_seven_numbers(make: Any) -> None:
    learner = make()
    for state, action, expected in LESSON:
        learner.update(transition(state, action))
        values = learner.values if isinstance(learner, QLearning) else learner.weights
        found = values[STATES.index(state), ACTIONS.index(action)]
        assert found == pytest.approx(expected, abs=1e-6), (state, action)
    assert np.count_nonzero(values) == 6  # and nothing else has changed


@pytest.mark.parametrize("make", [table, linear])
def test_a_terminated_step_is_worth_its_reward_and_a_truncated_one_more(make: Any) -> None:
    """If termination and truncation were confused, the value would be off by 0.7 x 0.9 x 7."""
    found = []
    for terminated in (0.0, 1.0):
        learner = make()
        learner.update(transition("bottom right", "left"))
        ended = np.array([terminated], np.float32)
        learner.update(transition("top right", "down", terminated=ended))
        values = learner.values if isinstance(learner, QLearning) else learner.weights
        found.append(values[2, 1])
    assert found[1] == pytest.approx(-0.7, abs=1e-6)
    assert found[0] - found[1] == pytest.approx(0.7 * 0.9 * 7.0, abs=1e-6)


def test_linear_q_moves_the_weights_along_the_features() -> None:
    spaces = Spaces(2, 0, (0.0,), (1.0,), choices=2)
    learner = LinearQ(spaces, LinearQHyperParameters(learning_rate=0.1, initial_value=1.0), 0)
    x = np.array([[2.0, -1.0]], np.float32)
    batch = Batch(
        x, np.ones((1, 1), np.float32), np.ones(1, np.float32) * 3, x, np.ones(1, np.float32)
    )
    learner.update(batch)  # error 3 - 1 = 2, times 0.1, times (2, -1, 1)
    np.testing.assert_allclose(learner.weights[:, 1], [0.4, -0.2, 1.2], atol=1e-6)
    np.testing.assert_array_equal(learner.weights[:, 0], [0.0, 0.0, 1.0])


@pytest.mark.parametrize("make", [table, linear])
def test_the_policy_chooses_as_the_learner_does_and_a_checkpoint_goes_on(make: Any) -> None:
    learner, twin = make(), make()
    for state, action, _ in LESSON:
        learner.update(transition(state, action))
    inputs = np.eye(4, dtype=np.float32)
    np.testing.assert_array_equal(learner.policy().act(inputs), learner.act(inputs, explore=False))
    twin.load_state_dict(*learner.state_dict())
    step = transition("top left", "right")
    assert learner.update(step) == twin.update(step)


def test_the_constant_feature_is_the_bias_of_the_policy() -> None:
    learner = LinearQ(Spaces(2, 0, (0.0,), (1.0,), choices=2), LinearQHyperParameters(), 0)
    rng = np.random.default_rng(0)
    learner.weights[:] = rng.standard_normal((3, 2))
    inputs = rng.standard_normal((30, 2)).astype(np.float32)
    np.testing.assert_array_equal(learner.policy().act(inputs), learner.act(inputs, explore=False))
