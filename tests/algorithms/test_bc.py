"""Behaviour cloning against closed forms."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from imitation_samples import make_dataset

from robot_learning.algorithms import BC, Spaces
from robot_learning.algorithms.bc import BCHyperParameters

SPACES = Spaces(3, 0, (-1.0, -1.0), (1.0, 1.0))
LINEAR = {
    "hidden_sizes": (),
    "input_clip": 100.0,
    "learning_rate": 0.02,
    "batch_size": 400,
    "epochs": 800,
    "patience": 800,
    "validation_share": 0.0,
}


def linear_data(n: int = 400, noise: float = 0.1, seed: int = 0) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    inputs = rng.normal(0.5, 2.0, (n, 3))
    actions = inputs @ np.array([[0.1, 0.0], [0.0, -0.2], [0.05, 0.1]]) + 0.1
    return inputs, actions + noise * rng.standard_normal((n, 2))


def least_squares(inputs: Any, actions: Any, at: Any) -> Any:
    ones = np.ones((len(inputs), 1))
    solution = np.linalg.lstsq(np.hstack([inputs, ones]), actions, rcond=None)[0]
    return np.hstack([at, np.ones((len(at), 1))]) @ solution


def test_a_linear_clone_is_the_least_squares_solution() -> None:
    inputs, actions = linear_data()
    bc = BC(SPACES, BCHyperParameters(**LINEAR), 0)
    bc.fit(make_dataset(inputs, actions))
    at = inputs[:50]
    inside = np.clip(least_squares(inputs, actions, at), -1, 1)
    np.testing.assert_allclose(bc.policy().act(at.astype(np.float32)), inside, atol=1e-4)


def test_the_gaussian_clone_finds_mean_and_deviation() -> None:
    inputs, actions = linear_data(1_000)
    changes = {"loss": "gaussian", "batch_size": 1_000, "epochs": 400}
    hyper = BCHyperParameters(**(LINEAR | changes))
    bc = BC(SPACES, hyper, 0)
    bc.fit(make_dataset(inputs, actions))
    found = np.concatenate([bc.act(np.zeros((500, 3), np.float32), True) for _ in range(8)])
    np.testing.assert_allclose(found.std(axis=0), 0.1, rtol=0.15)
    wanted = least_squares(inputs, actions, np.zeros((1, 3)))
    np.testing.assert_allclose(bc.policy().act(np.zeros((1, 3), np.float32)), wanted, atol=0.01)


def test_likelihood_of_a_known_gaussian() -> None:
    """A network of zeros is a standard normal: -log p(a) = |a|^2 / 2 + log(2 pi) in two."""
    bc = BC(SPACES, BCHyperParameters(loss="gaussian"), 0)
    bc.network.flat.zero_()
    data = make_dataset(np.zeros((2, 3)), [[0.0, 0.0], [0.6, 0.8]])
    assert bc.loss_on(data) == pytest.approx(np.log(2 * np.pi) + 0.25, abs=1e-6)


def test_choices_are_learned_by_cross_entropy() -> None:
    spaces = Spaces(1, 0, (0.0,), (2.0,), choices=3)
    rng = np.random.default_rng(0)
    inputs = rng.uniform(-1, 1, (300, 1))
    choices = np.digitize(inputs, [-0.3, 0.3]).astype(np.float32)
    bc = BC(spaces, BCHyperParameters(hidden_sizes=(16,), learning_rate=0.01), 0)
    bc.network.flat.zero_()
    assert bc.loss_on(make_dataset(inputs, choices)) == pytest.approx(np.log(3), abs=1e-6)
    bc.fit(make_dataset(inputs, choices))
    chosen = bc.policy().act(np.array([[-0.9], [0.0], [0.9]], np.float32))
    np.testing.assert_array_equal(chosen, [[0.0], [1.0], [2.0]])


def test_the_fit_stops_when_validation_gets_no_better_and_keeps_the_best() -> None:
    """Labels of pure noise: whatever is learned of them is wrong for the others."""
    rng = np.random.default_rng(0)
    data = make_dataset(rng.standard_normal((60, 3)), rng.uniform(-1, 1, (60, 2)))
    hyper = BCHyperParameters(validation_share=0.5, patience=5, epochs=500, learning_rate=0.01)
    bc, seen = BC(SPACES, hyper, 0), []
    figures = bc.fit(data, seen.append)
    losses = [row["validation_loss"] for row in seen]
    assert figures["epochs"] < 500
    assert len(losses) == int(np.argmin(losses)) + 1 + 5
    assert figures["validation_loss"] == min(losses)
    _, aside = data.split(0.5, np.random.default_rng([0, 3]))
    assert bc.loss_on(data.take(aside)) == pytest.approx(min(losses), rel=1e-5)


def test_the_same_seed_gives_the_same_clone_and_a_restored_one_goes_on_alike() -> None:
    data = make_dataset(*linear_data(80))
    hyper = BCHyperParameters(epochs=3)
    one, two = BC(SPACES, hyper, 5), BC(SPACES, hyper, 5)
    one.fit(data)
    two.fit(data)
    np.testing.assert_array_equal(one.network.flat.numpy(), two.network.flat.numpy())
    three = BC(SPACES, hyper, 6)
    three.load_state_dict(*one.state_dict())
    np.testing.assert_array_equal(
        three.policy().act(data.inputs[:5]), one.policy().act(data.inputs[:5])
    )
    one.fit(data)
    three.fit(data)
    np.testing.assert_array_equal(one.network.flat.numpy(), three.network.flat.numpy())


def test_a_fit_that_runs_away_is_refused() -> None:
    inputs, actions = linear_data(40)
    actions[3, 0] = np.inf
    with pytest.raises(FloatingPointError, match=r"loss of bc is .* lower learning_rate"):
        BC(SPACES, BCHyperParameters(), 0).fit(make_dataset(inputs, actions))


def test_whole_episodes_are_set_aside() -> None:
    data = make_dataset(np.zeros((10, 3)), np.zeros((10, 2)), episodes=np.repeat(range(5), 2))
    left, aside = data.split(0.4, np.random.default_rng(0))
    assert sorted([*left, *aside]) == list(range(10))
    assert len(aside) == 4
    assert not set(data.episodes[left]) & set(data.episodes[aside])
    assert len(data.split(0.0, np.random.default_rng(0))[1]) == 0
