from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from learner_checks import (
    UNEVEN,
    assert_resumes_bit_for_bit,
    assert_the_policy_acts_as,
    assert_truncation_adds,
    target,
)
from made_up_batches import SPACES, make_batch
from networks_by_hand import by_hand, first_gradient, shake

from robot_learning.algorithms import NAF, NAFHyperParameters

SMALL: dict[str, Any] = {"hidden_sizes": (8, 8), "gamma": 0.9}
NUMBERS = st.floats(-3.0, 3.0, width=32)


def make_naf(seed: int = 0, **changes: Any) -> NAF:
    naf = NAF(SPACES, NAFHyperParameters(**(SMALL | changes)), seed)
    shake(naf.target_network)
    return naf


def q_by_hand(outputs: Any, action: Any) -> float:
    """Of two actions, from V, two raw mu, and the three entries of L by rows."""
    value, *raw, first, below, second = np.asarray(outputs, np.float64)
    away = np.asarray(action, np.float64) - np.tanh(raw)
    lower = np.array(
        [[np.exp(np.clip(first, -5, 5)), 0.0], [below, np.exp(np.clip(second, -5, 5))]]
    )
    return float(value - 0.5 * away @ (lower @ lower.T) @ away)


@settings(max_examples=60, deadline=None)
@given(st.lists(NUMBERS, min_size=6, max_size=6), st.lists(NUMBERS, min_size=2, max_size=2))
def test_q_is_a_quadratic_whose_maximum_is_the_value_at_mu(
    outputs: list[float], action: list[float]
) -> None:
    naf, row = make_naf(), torch.tensor([outputs])
    found = naf.values(row, torch.tensor([action])).item()
    assert found == pytest.approx(q_by_hand(outputs, action), rel=1e-3, abs=1e-3)
    assert found <= outputs[0]
    best = naf.quadratic(row).best
    assert best.abs().max() <= 1.0
    assert naf.values(row, best).item() == outputs[0]


def test_curvatures_are_positive_definite_whatever_the_network_gives() -> None:
    naf = make_naf()
    outputs = torch.empty(200, 6).normal_(0.0, 30.0, generator=torch.Generator().manual_seed(0))
    scale = naf.quadratic(outputs).scale
    assert torch.equal(scale, scale.tril())
    assert (scale.diagonal(dim1=1, dim2=2) > 0).all()
    assert torch.isfinite(naf.values(outputs, torch.ones(200, 2))).all()


def test_the_target_is_the_slow_networks_value() -> None:
    naf, batch = make_naf(), make_batch()
    expected = batch.rewards + 0.9 * by_hand(naf.target_network, batch.next_inputs)[:, 0]
    np.testing.assert_allclose(target(naf, batch), expected, rtol=1e-5, atol=1e-6)


def test_a_terminated_step_is_worth_its_reward_and_a_truncated_one_more() -> None:
    """If termination and truncation were confused, the target would be off by gamma V."""
    naf, batch = make_naf(), make_batch()
    off = 0.9 * by_hand(naf.target_network, batch.next_inputs)[:, 0]
    assert_truncation_adds(off, naf, batch)


def test_an_update_is_a_step_on_the_weighted_squared_errors_of_q() -> None:
    weights = np.linspace(0.1, 1.0, 8).astype(np.float32)
    naf, batch = make_naf(replay_priority="td_error"), make_batch(weights=weights)
    outputs = by_hand(naf.network, batch.inputs)
    errors = target(naf, batch) - [
        q_by_hand(*row) for row in zip(outputs, batch.actions, strict=True)
    ]
    twin = naf.network.copy()
    values = naf.values(twin(torch.from_numpy(batch.inputs)), torch.from_numpy(batch.actions))
    loss = (
        (values - torch.from_numpy(target(naf, batch))).square() * torch.from_numpy(weights)
    ).mean()
    assert naf.priorities() is None
    assert naf.update(batch)["critic_loss"] == pytest.approx((weights * errors**2).mean(), rel=1e-4)
    expected = twin.gradient(loss)
    torch.testing.assert_close(first_gradient(naf, "adam"), expected, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(naf.priorities(), np.abs(errors), rtol=1e-4, atol=1e-5)


def test_the_slow_network_follows_by_its_share() -> None:
    naf = make_naf(polyak=0.25)
    slow = naf.target_network.flat.clone()
    naf.update(make_batch())
    expected = 0.75 * slow + 0.25 * naf.network.flat
    torch.testing.assert_close(naf.target_network.flat, expected)


def test_it_finds_the_best_action_of_a_bandit() -> None:
    best = np.array([0.5, -0.3], np.float32)
    naf = make_naf(learning_rate=1e-2, hidden_sizes=(16,))
    for seed in range(500):
        batch = make_batch(32, seed, terminated=np.ones(32, np.float32))
        naf.update(batch._replace(rewards=1.0 - ((batch.actions - best) ** 2).sum(1)))
    inputs = make_batch(50, 1).inputs
    np.testing.assert_allclose(naf.act(inputs, explore=False).mean(0), best, atol=0.05)
    assert by_hand(naf.network, inputs)[:, 0].mean() == pytest.approx(1.0, abs=0.05)


def test_the_policy_file_acts_as_the_learner_does() -> None:
    assert_the_policy_acts_as(NAF(UNEVEN, NAFHyperParameters(**SMALL), 0))


def test_a_resumed_learner_goes_on_bit_for_bit() -> None:
    assert_resumes_bit_for_bit(make_naf(), make_naf(99))
