"""Weighted regression: returns, weights, and what is learned by them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from imitation_samples import make_dataset

from robot_learning.algorithms import AWR, Spaces
from robot_learning.algorithms.awr import AWRHyperParameters

SPACES = Spaces(1, 0, (-1.0,), (1.0,))


def make_awr(**changes: Any) -> AWR:
    return AWR(SPACES, AWRHyperParameters(**({"hidden_sizes": (8,)} | changes)), 0)


def constant_value(awr: AWR, value: float) -> None:
    awr._value.flat.zero_()
    with torch.no_grad():
        awr._value.biases[-1].fill_(value)


def three_steps(terminated: bool) -> Any:
    return make_dataset(
        np.zeros((3, 1)),
        np.zeros((3, 1)),
        rewards=np.ones(3, np.float32),
        terminated=np.array([0, 0, terminated], np.float32),
        episodes=np.zeros(3, np.int64),
    )


@pytest.mark.parametrize(("terminated", "last"), [(True, 1.0), (False, 1.0 + 0.9 * 10.0)])
def test_returns_go_on_through_a_truncation_and_stop_at_a_termination(
    terminated: bool, last: float
) -> None:
    """Confused, each return would be wrong by gamma V = 9, discounted on the way back."""
    awr = make_awr(gamma=0.9, return_lambda=1.0)
    constant_value(awr, 10.0)
    returns, _ = awr.returns(three_steps(terminated))
    np.testing.assert_allclose(returns, [1.9 + 0.81 * last, 1 + 0.9 * last, last], rtol=1e-6)


def test_returns_do_not_reach_into_the_next_episode() -> None:
    awr = make_awr(gamma=0.9, return_lambda=1.0)
    constant_value(awr, 10.0)
    data = make_dataset(
        np.zeros((2, 1)), np.zeros((2, 1)),
        rewards=np.array([1.0, 100.0], np.float32), terminated=np.array([0, 1], np.float32),
    )  # fmt: skip
    np.testing.assert_allclose(awr.returns(data)[0], [1 + 0.9 * 10, 100.0])


def test_weights_by_advantage() -> None:
    """exp(standardised advantage / beta), bounded, divided by their mean."""
    rewards = np.array([0.0, 1.0, 2.0, 9.0], np.float32)
    data = make_dataset(np.zeros((4, 1)), np.zeros((4, 1)), rewards=rewards)
    awr = make_awr(temperature=0.5, weight_max=5.0)
    constant_value(awr, 3.0)
    raw = np.minimum(np.exp((rewards - 3.0) / rewards.std() / 0.5), 5.0)
    np.testing.assert_allclose(awr.weights(data), raw / raw.mean(), rtol=1e-3)


def test_weights_by_return() -> None:
    rewards = np.array([-4.0, -3.0, 0.0], np.float32)
    data = make_dataset(np.zeros((3, 1)), np.zeros((3, 1)), rewards=rewards)
    weights = make_awr(weighting="return").weights(data)
    np.testing.assert_allclose(weights, np.array([0.0, 1.0, 4.0]) * 3 / 5, rtol=1e-6)
    even = make_awr(weighting="return").weights(data.take(slice(0, 1)))
    np.testing.assert_array_equal(even, [1.0])


def test_weighted_regression_is_the_weighted_mean() -> None:
    """The lectures' loss |f(s) - a|^2 R(s, a) over one state: sum(R a) / sum(R)."""
    rng = np.random.default_rng(0)
    actions = rng.uniform(-1, 1, (200, 1))
    rewards = (1.0 - (actions[:, 0] - 0.5) ** 2).astype(np.float32)
    data = make_dataset(np.zeros((200, 1)), actions, rewards=rewards)
    awr = make_awr(weighting="return", loss="mse", epochs=200, learning_rate=0.01, patience=400)
    awr.fit(data)
    weights = rewards - rewards.min()
    wanted = (weights @ actions[:, 0]) / weights.sum()
    assert awr.policy().act(np.zeros(1, np.float32))[0] == pytest.approx(wanted, abs=2e-3)


def test_it_climbs_by_its_own_actions() -> None:
    """A bandit with its best action at 0.6, in rounds of its own samples."""
    awr = make_awr(epochs=10, learning_rate=0.02, temperature=0.5)
    states = np.zeros((200, 1), np.float32)
    parts = []
    for _ in range(6):
        actions = awr.act(states, True)
        parts.append((actions, -((actions[:, 0] - 0.6) ** 2)))
        data = make_dataset(
            np.zeros((200 * len(parts), 1)),
            np.concatenate([a for a, _ in parts]),
            rewards=np.concatenate([r for _, r in parts]),
        )
        awr.fit(data)
    assert awr.policy().act(states[0])[0] == pytest.approx(0.6, abs=0.1)


def test_a_restored_one_goes_on_alike() -> None:
    data = three_steps(False)
    one, two = make_awr(), make_awr()
    one.fit(data)
    two.load_state_dict(*one.state_dict())
    one.fit(data)
    two.fit(data)
    np.testing.assert_array_equal(one.returns(data)[0], two.returns(data)[0])
    np.testing.assert_array_equal(one.policy().act(data.inputs), two.policy().act(data.inputs))
