"""REINFORCE, A2C and finite differences; what all on-policy methods share."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from learner_checks import assert_same_tensors
from rollout_samples import CHOICES, CONTINUOUS, make_rollout

from robot_learning.algorithms import (
    A2C,
    PPO,
    FiniteDifference,
    OnPolicyAlgorithm,
    Reinforce,
    ReinforceHyperParameters,
    Spaces,
)
from robot_learning.algorithms.constraints import ConstraintTerminations
from robot_learning.algorithms.finite_difference import mean_returns
from robot_learning.algorithms.on_policy import Rollout

METHODS: list[type[OnPolicyAlgorithm]] = [FiniteDifference, Reinforce, A2C, PPO]
PLAIN = {"normalise_advantages": False, "normalise_rewards": False}


def make(method: type[OnPolicyAlgorithm], spaces: Spaces = CONTINUOUS, **changes: Any) -> Any:
    settings = {"hidden_sizes": (8,), "environments": 2}
    return method(spaces, method.hyper_parameters(**(settings | changes)), 0)


def ended(rollout: Rollout) -> Rollout:
    """The same, but terminated where it was truncated."""
    made = {"terminated": rollout.truncated, "truncated": rollout.terminated}
    fields = {name: getattr(rollout, name) for name in rollout.__slots__}
    return Rollout(**(fields | made))


@pytest.mark.parametrize("spaces", [CONTINUOUS, CHOICES], ids=["continuous", "discrete"])
@pytest.mark.parametrize("method", METHODS)
def test_a_resumed_method_goes_on_bit_for_bit(
    method: type[OnPolicyAlgorithm], spaces: Spaces
) -> None:
    more: dict[str, Any] = {"normalise_observations": True}
    if method is PPO:
        more |= {"state_dependent_exploration": True, "normalise_rewards": True}
    first, twin = make(method, spaces, **more), make(method, spaces, **more)
    first.update(make_rollout(spaces))
    first.act(make_rollout(spaces).inputs[0])
    twin.load_state_dict(*first.state_dict())
    for seed in (1, 2):
        inputs = make_rollout(spaces, seed=seed).inputs[0]
        np.testing.assert_array_equal(first.act(inputs)[0], twin.act(inputs)[0])
        rollout = make_rollout(spaces, seed=seed)
        assert first.update(rollout) == twin.update(rollout)
    assert_same_tensors(first, twin)


@pytest.mark.parametrize("method", METHODS)
def test_the_policy_takes_the_mean_or_the_likeliest(method: type[OnPolicyAlgorithm]) -> None:
    inputs = make_rollout().inputs[0]
    for spaces in (CONTINUOUS, CHOICES):
        algorithm = make(method, spaces)
        network = algorithm.actor if method is FiniteDifference else algorithm.actor.network
        network.flat.add_(0.5)
        with torch.no_grad():
            outputs = network(torch.from_numpy(inputs)).numpy()
        found = algorithm.policy().act(inputs)
        if spaces.choices:
            np.testing.assert_array_equal(found[:, 0], outputs.argmax(1))
        else:
            np.testing.assert_allclose(found, np.clip(outputs, -1, 1) * [2.0, 1.0], rtol=1e-5)


def test_a2c_of_a_truncated_rollout_learns_the_value_of_what_follows() -> None:
    """Confusing the two moves the value loss by what gamma^2 V(what follows) adds to targets."""
    truncated = make_rollout(n=1, t=2)
    losses = []
    for rollout in (truncated, ended(truncated)):
        a2c = make(A2C, gamma=0.9)
        made = a2c._prepare(rollout)
        follows = made.next_values[1, 0] if rollout is truncated else 0.0
        targets = [
            rollout.rewards[0, 0] + 0.9 * rollout.rewards[1, 0] + 0.81 * follows,
            rollout.rewards[1, 0] + 0.9 * follows,
        ]
        expected = np.mean((np.array(targets) - made.values[:, 0]) ** 2)
        losses.append(make(A2C, gamma=0.9).update(rollout)["value_loss"])
        assert losses[-1] == pytest.approx(expected, rel=1e-4)
    assert abs(losses[0] - losses[1]) > 1e-3


@pytest.mark.parametrize("to_go", [True, False])
def test_reinforce_with_values_goes_on_behind_a_truncation(to_go: bool) -> None:
    truncated = make_rollout(n=1, t=3)
    found = []
    for rollout in (truncated, ended(truncated)):
        method = make(Reinforce, gamma=0.9, reward_to_go=to_go, **PLAIN)
        made = method._prepare(rollout)
        found.append(method.advantages(rollout, made)[:, 0])
    powers = np.array([3, 2, 1]) if to_go else np.full(3, 3)
    expected = 0.9**powers * made.next_values[2, 0]
    assert np.abs(expected).min() > 1e-3
    np.testing.assert_allclose(found[0] - found[1], expected, rtol=1e-4)


def test_without_values_what_was_cut_off_counts_for_nothing() -> None:
    """There is no value to go on with: truncated and terminated are alike, by definition."""
    rollout = make_rollout()
    method = make(Reinforce, baseline="average", **PLAIN)
    made = method._prepare(rollout)
    advantages = method.advantages(rollout, made)
    np.testing.assert_array_equal(advantages, method.advantages(ended(rollout), made))
    assert advantages.mean() == pytest.approx(0.0, abs=1e-6)
    np.testing.assert_array_equal(mean_returns(rollout), mean_returns(ended(rollout)))


def test_steps_that_do_not_count_change_nothing() -> None:
    counted = np.ones((12, 2), bool)
    counted[6:, 1] = False
    truncated = make_rollout().truncated.copy()
    truncated[5, 1] = True
    rollout = make_rollout(counted=counted, truncated=truncated)
    rewards = rollout.rewards.copy()
    rewards[6:, 1] = 100.0
    other = make_rollout(counted=counted, truncated=truncated, rewards=rewards)
    first, twin = make(Reinforce, **PLAIN), make(Reinforce, **PLAIN)
    assert first.update(rollout) == twin.update(other)
    assert mean_returns(rollout)[1] == pytest.approx(rollout.rewards[:6, 1].sum(), rel=1e-5)


class Bandit:
    """Episodes of three steps with a noisy reward near 10 that choice 1 makes higher by 1."""

    def gradients(self, episodes: int, **settings: Any) -> Any:
        """The policy gradient's estimates by single episodes, (episodes, weights)."""
        method = make(Reinforce, CHOICES, gamma=0.99, **PLAIN, **settings)
        rng = np.random.default_rng(0)
        found = []
        inputs = np.ones((3, 1, 3), np.float32)
        for _ in range(episodes):
            actions = np.stack([method.act(row)[0] for row in inputs])
            noise = rng.normal(0, 0.3, (3, 1)).astype(np.float32)
            rewards = 10.0 + actions[..., 0] + noise
            terminated = np.array([[False], [False], [True]])
            rollout = make_rollout(
                CHOICES, t=3, n=1, inputs=inputs, actions=actions, rewards=rewards,
                next_inputs=inputs, terminated=terminated, truncated=np.zeros((3, 1), bool),
            )  # fmt: skip
            made = method._prepare(rollout)
            advantages = torch.from_numpy(method.advantages(rollout, made).ravel())
            if settings.get("baseline") == "value":  # exact, as a trained critic would have it
                exact = 10.5 * np.array([1 + 0.99 + 0.99**2, 1 + 0.99, 1.0])
                exact = exact.astype(np.float32) - made.values[:, 0]
                advantages = advantages - torch.from_numpy(exact)
            logs, _ = method.actor.judge(made.inputs, made.actions)
            found.append(method.actor.gradient((advantages * logs).sum())[0].numpy())
        return np.array(found)


def test_a_baseline_and_reward_to_go_lower_the_variance_and_keep_the_mean() -> None:
    """The lectures' claim, measured: each step of the menu has less variance than the one before.

    The means agree within four standard errors of their difference.
    """
    bandit, n = Bandit(), 1500
    whole = bandit.gradients(n, baseline="none", reward_to_go=False)
    to_go = bandit.gradients(n, baseline="none", reward_to_go=True)
    value = bandit.gradients(n, baseline="value", reward_to_go=True)
    variances = [float(estimates.var(0).sum()) for estimates in (whole, to_go, value)]
    assert variances[1] < 0.7 * variances[0]
    assert variances[2] < 0.05 * variances[1]
    for estimates in (to_go, value):
        error = np.sqrt((whole.var(0) + estimates.var(0)) / n)
        assert (np.abs(whole.mean(0) - estimates.mean(0)) <= 4 * error + 1e-6).all()
    assert np.linalg.norm(value.mean(0)) > 0.1  # there is something to agree on


def test_finite_differences_find_the_gradient_of_a_quadratic_exactly() -> None:
    """Central differences have no error of second order, and enough directions span all."""
    size = 3 * 2 + 2 + 2 * 2 + 2  # weights of a network of 3, 2 and 2 units
    method = make(FiniteDifference, hidden_sizes=(2,), environments=2 * size + 4)
    assert len(method.actor.flat) == size
    rng = np.random.default_rng(0)
    slope = torch.from_numpy(rng.normal(size=size).astype(np.float32))
    centre = method.actor.flat.clone()

    def value(flat: torch.Tensor) -> torch.Tensor:
        moved = flat - centre
        return slope @ moved - 0.5 * moved.square().sum()

    returns = torch.stack([value(network.flat) for network in method._tried])
    torch.testing.assert_close(method.gradient(returns), slope, rtol=1e-3, atol=1e-3)


def test_finite_differences_come_in_pairs() -> None:
    with pytest.raises(ValueError, match="pairs, 3 is odd"):
        make(FiniteDifference, environments=3)


def test_violations_count_by_their_share_of_the_running_maximum() -> None:
    terminations = ConstraintTerminations((0.25, 1.0))
    none, ends = np.zeros((2, 1), bool), np.array([[True], [False]])
    values = np.array([[[2.0, -1.0]], [[4.0, 0.0]]], np.float32)
    found = terminations.probabilities(none, values)
    np.testing.assert_allclose(found[:, 0], [0.125, 0.25])
    # The maximum of 4 decays to 0.95 * 4 + 0.05 * 1 = 3.85; the hard one's first maximum is 0.5.
    found = terminations.probabilities(ends, np.array([[[1.0, 0.0]], [[1.0, 0.5]]], np.float32))
    np.testing.assert_allclose(found[:, 0], [1.0, 1.0])
    assert terminations.state() == pytest.approx([3.85, 0.5])
    found = terminations.probabilities(none, np.array([[[1.0, -3.0]], [[0.0, 0.0]]], np.float32))
    np.testing.assert_allclose(found[:, 0], [0.25 / (0.95 * 3.85 + 0.05), 0.0], rtol=1e-6)


def test_hyper_parameters_out_of_range_are_refused() -> None:
    with pytest.raises(ValueError, match="baseline"):
        ReinforceHyperParameters(baseline="mean")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="constraint_probabilities"):
        ReinforceHyperParameters(constraint_probabilities=(1.5,))
