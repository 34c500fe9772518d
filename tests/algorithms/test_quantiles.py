"""Quantile critics against the definition, and as an option of TD3 and its relatives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from learner_checks import assert_goes_on_bit_for_bit
from made_up_batches import SPACES, make_batch
from numpy.testing import assert_allclose

from robot_learning.algorithms import ALGORITHMS, TD3, TD3HyperParameters
from robot_learning.algorithms.quantiles import quantile_huber, without_highest

SMALL: dict[str, Any] = {"hidden_sizes": (8,), "target_noise_std": 0.0}


def test_the_loss_is_that_of_the_definition() -> None:
    rng = np.random.default_rng(0)
    quantiles, targets = rng.normal(0, 2, (2, 3, 4)), rng.normal(0, 2, (3, 5))
    expected = np.zeros((2, 3))
    for critic, row in np.ndindex(2, 3):
        for i, theta in enumerate(quantiles[critic, row]):
            level = (i + 0.5) / 4
            for z in targets[row]:
                u = z - theta
                huber = 0.5 * u**2 if abs(u) <= 1 else abs(u) - 0.5
                expected[critic, row] += abs(level - (u < 0)) * huber / 5
    found = quantile_huber(torch.from_numpy(quantiles), torch.from_numpy(targets))
    assert_allclose(found.numpy(), expected, rtol=1e-12)


def test_its_minimum_is_the_distribution() -> None:
    samples = torch.from_numpy(np.random.default_rng(0).normal(0, 50, (1, 4000)))
    quantiles = torch.zeros(1, 1, 9, dtype=torch.float64, requires_grad=True)
    adam = torch.optim.Adam([quantiles], 1.0)
    for step in range(500):
        adam.param_groups[0]["lr"] = 1.0 - step / 500
        adam.zero_grad()
        quantile_huber(quantiles, samples).sum().backward()
        adam.step()
    levels = (np.arange(9) + 0.5) / 9
    assert_allclose(quantiles.detach()[0, 0].numpy(), np.quantile(samples, levels), atol=2.0)


def test_the_highest_of_all_critics_together_are_left_out() -> None:
    quantiles = torch.tensor([[[1.0, 5.0, 9.0]], [[2.0, 3.0, 4.0]]])
    assert without_highest(quantiles, 1).tolist() == [[1.0, 2.0, 3.0, 4.0]]
    assert without_highest(quantiles, 0).tolist() == [[1.0, 2.0, 3.0, 4.0, 5.0, 9.0]]


@pytest.mark.parametrize(("terminated", "follows"), [(1.0, 0.0), (0.0, 0.9 * 10.0)])
def test_behind_a_truncation_the_whole_distribution_goes_on(
    terminated: float, follows: float
) -> None:
    """Confused, every sample of the target would be wrong by gamma Q = 9."""
    td3 = TD3(SPACES, TD3HyperParameters(**SMALL, quantiles=5, dropped_quantiles=1, gamma=0.9), 0)
    with torch.no_grad():
        td3.critic_target.flat.zero_()
        td3.critic_target.biases[-1].fill_(10.0)
    batch = make_batch(2, terminated=np.full(2, terminated, np.float32))
    target = td3.target(batch, torch.zeros(2, 3))
    assert target.shape == (2, 2 * 4)
    assert_allclose(target.numpy(), np.tile(batch.rewards[:, None] + follows, 8), rtol=1e-6)


def test_the_distribution_of_a_bandit_s_return_is_learned() -> None:
    hyper = TD3HyperParameters(hidden_sizes=(32,), quantiles=7, critic_learning_rate=1e-2, gamma=0)
    td3, rng = TD3(SPACES, hyper, 0), np.random.default_rng(0)
    n, still = 64, np.zeros((64, 3), np.float32)
    for _ in range(300):
        actions = rng.uniform(-1, 1, (n, 2)).astype(np.float32)
        rewards = (actions[:, 0] + rng.choice([-1.0, 1.0], n)).astype(np.float32)
        ends = {"next_inputs": still, "terminated": np.ones(n, np.float32)}
        td3.update(make_batch(n, inputs=still, actions=actions, rewards=rewards, **ends))
    joined = torch.tensor([[0.0, 0.0, 0.0, 0.5, 0.0], [0.0, 0.0, 0.0, -0.5, 0.0]])
    quantiles = td3.critic.member(0, joined).detach().numpy()
    assert_allclose(quantiles[:, :2].mean(1), [-0.5, -1.5], atol=0.3)
    assert_allclose(quantiles[:, -2:].mean(1), [1.5, 0.5], atol=0.3)
    assert_allclose(quantiles.mean(1), [0.5, -0.5], atol=0.3)


@pytest.mark.parametrize("name", ["td3", "ddpg", "ddpgfd"])
def test_a_method_with_quantiles_goes_on_bit_for_bit(name: str) -> None:
    method = ALGORITHMS[name]
    more = {"demonstrator_weight": 0.1} if name == "ddpgfd" else {}
    hyper = method.hyper_parameters(**{"hidden_sizes": (8,), "quantiles": 5} | more)
    one, two = (method(SPACES, hyper, seed) for seed in (0, 1))
    assert isinstance(one, TD3) and isinstance(two, TD3)
    demonstrated = np.arange(8) < 4
    batch = make_batch(8, demonstrated=demonstrated.astype(np.float32))
    for _ in range(3):
        one.update(batch)
    assert_goes_on_bit_for_bit(one, two, [batch] * 3)


def test_what_would_leave_no_quantile_is_refused() -> None:
    with pytest.raises(ValueError, match="dropped_quantiles 5 leaves none of 5"):
        TD3HyperParameters(quantiles=5, dropped_quantiles=5)
