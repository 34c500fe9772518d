from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from learner_checks import assert_resumes_bit_for_bit, assert_truncation_adds, target

from robot_learning.algorithms import DQN, DQNHyperParameters, Spaces
from robot_learning.replay import Batch
from robot_learning.replay.step import Float32

SPACES = Spaces(2, 0, (0.0,), (2.0,), choices=3)


def make_dqn(seed: int = 0, **changes: Any) -> DQN:
    return DQN(SPACES, DQNHyperParameters(**({"hidden_sizes": (8,)} | changes)), seed)


def make_batch(n: int = 8, seed: int = 0, **changes: Any) -> Batch:
    rng = np.random.default_rng(seed)
    fields: dict[str, Float32] = {
        "inputs": rng.standard_normal((n, 2)).astype(np.float32),
        "actions": rng.integers(0, 3, (n, 1)).astype(np.float32),
        "rewards": rng.standard_normal(n).astype(np.float32),
        "next_inputs": rng.standard_normal((n, 2)).astype(np.float32),
        "terminated": np.zeros(n, np.float32),
    }
    return Batch(**(fields | changes))


def values(dqn: DQN, network: Any, inputs: Float32) -> Float32:
    with torch.no_grad():
        found: Float32 = dqn.values(network, torch.from_numpy(inputs)).numpy()
    return found


def apart(dqn: DQN) -> DQN:
    """With a target network of its own."""
    dqn.target_network.flat.normal_(generator=torch.Generator().manual_seed(1))
    return dqn


def test_the_target_takes_the_best_choice_of_the_lagging_network() -> None:
    dqn, batch = apart(make_dqn(double=False, gamma=0.9)), make_batch()
    expected = batch.rewards + 0.9 * values(dqn, dqn.target_network, batch.next_inputs).max(1)
    np.testing.assert_allclose(target(dqn, batch), expected, rtol=1e-5)


def test_a_double_target_judges_the_newest_networks_choice() -> None:
    dqn, batch = apart(make_dqn(double=True, gamma=0.9)), make_batch(64)
    best = values(dqn, dqn.network, batch.next_inputs).argmax(1)
    judged = values(dqn, dqn.target_network, batch.next_inputs)[np.arange(64), best]
    np.testing.assert_allclose(target(dqn, batch), batch.rewards + 0.9 * judged, rtol=1e-5)
    assert (target(dqn, batch) < target(apart(make_dqn(double=False, gamma=0.9)), batch)).any()


def test_a_terminated_step_is_worth_its_reward_and_a_truncated_one_more() -> None:
    """If termination and truncation were confused, the target would be off by gamma Q."""
    dqn, batch = make_dqn(gamma=0.9, double=False), make_batch()
    off = 0.9 * values(dqn, dqn.target_network, batch.next_inputs).max(1)
    assert_truncation_adds(off, dqn, batch)


def test_dueling_advantages_have_mean_zero_around_the_value() -> None:
    dqn, batch = make_dqn(dueling=True), make_batch()
    with torch.no_grad():
        raw = dqn.network(torch.from_numpy(batch.inputs)).numpy()
    found = values(dqn, dqn.network, batch.inputs)
    assert raw.shape == (8, 4) and found.shape == (8, 3)
    np.testing.assert_allclose(found.mean(1), raw[:, 0], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("dueling", [False, True])
def test_the_policy_file_chooses_as_the_learner_does(dueling: bool) -> None:
    dqn = make_dqn(dueling=dueling)
    rng = np.random.default_rng(0)
    dqn.observe(rng.normal(3.0, 2.0, (50, 2)).astype(np.float32))
    inputs = rng.normal(3.0, 4.0, (40, 2)).astype(np.float32)
    chosen = dqn.act(inputs, explore=False)
    assert chosen.shape == (40, 1) and len(np.unique(chosen)) > 1
    np.testing.assert_array_equal(dqn.policy().act(inputs), chosen)


def test_one_step_is_adams_on_the_huber_loss_with_a_bounded_gradient() -> None:
    dqn, twin, batch = make_dqn(), make_dqn(), make_batch(rewards=np.full(8, 50, np.float32))
    parameters = [*twin.network.weights, *twin.network.biases]
    optimiser = torch.optim.Adam(parameters, 2.3e-3)
    every = twin.values(twin.network, torch.from_numpy(batch.inputs))
    chosen = every.gather(1, torch.from_numpy(batch.actions).long()).squeeze(1)
    loss = torch.nn.functional.smooth_l1_loss(chosen, torch.from_numpy(target(twin, batch)))
    loss.backward()
    norm = torch.nn.utils.clip_grad_norm_(parameters, 0.5)
    optimiser.step()
    bounded = make_dqn(gradient_norm_max=0.5)
    metrics = bounded.update(batch)
    assert metrics["critic_loss"] == pytest.approx(loss.item(), rel=1e-5)
    assert metrics["critic_gradient_norm"] == pytest.approx(norm.item(), rel=1e-5) and norm > 0.5
    torch.testing.assert_close(bounded.network.flat, twin.network.flat, rtol=1e-4, atol=1e-6)
    assert dqn.update(batch)["critic_loss"] == metrics["critic_loss"]


def test_the_target_becomes_the_network_after_its_lag() -> None:
    dqn, batch = make_dqn(target_lag_updates=3), make_batch()
    before = dqn.target_network.flat.clone()
    for _ in range(2):
        dqn.update(batch)
    assert torch.equal(dqn.target_network.flat, before)
    dqn.update(batch)
    assert torch.equal(dqn.target_network.flat, dqn.network.flat)


def test_priorities_are_the_sizes_of_the_errors() -> None:
    dqn, batch = make_dqn(), make_batch()
    assert dqn.priorities() is None
    chosen = values(dqn, dqn.network, batch.inputs)[np.arange(8), batch.actions[:, 0].astype(int)]
    expected = np.abs(chosen - target(dqn, batch))
    dqn.update(batch)
    np.testing.assert_allclose(dqn.priorities(), expected, rtol=1e-4, atol=1e-6)


def test_a_resumed_learner_goes_on_bit_for_bit() -> None:
    dqn, other = (make_dqn(seed, target_lag_updates=4) for seed in (0, 99))
    assert_resumes_bit_for_bit(dqn, other, make_batch)
