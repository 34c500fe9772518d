from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from learner_checks import (
    UNEVEN,
    assert_resumes_bit_for_bit,
    assert_the_policy_acts_as,
    assert_truncation_adds,
)
from made_up_batches import SPACES, make_batch
from networks_by_hand import by_hand, first_gradient

from robot_learning.algorithms import (
    ALGORITHMS,
    DDPG,
    TD3,
    DDPGHyperParameters,
    TD3HyperParameters,
    named_algorithm,
)
from robot_learning.algorithms.value_learner import polyak
from robot_learning.replay import Batch


def make_td3(seed: int = 0, **changes: Any) -> TD3:
    return TD3(SPACES, TD3HyperParameters(**({"hidden_sizes": (8, 8)} | changes)), seed)


def target_by_hand(td3: TD3, batch: Batch, gamma: float) -> Any:
    actions = np.tanh(by_hand(td3.actor_target, batch.next_inputs))
    joined = np.concatenate([batch.next_inputs, actions], 1)
    lowest = np.minimum(
        by_hand(td3.critic_target, joined, 0), by_hand(td3.critic_target, joined, 1)
    )[:, 0]
    return batch.rewards + gamma * (1 - batch.terminated) * lowest


def test_the_target_is_the_smaller_critics_value_of_the_target_action() -> None:
    td3, batch = make_td3(target_noise_std=0.0, gamma=0.9), make_batch()
    found = td3.target(batch, torch.from_numpy(batch.next_inputs)).numpy()
    np.testing.assert_allclose(found, target_by_hand(td3, batch, 0.9), rtol=1e-5, atol=1e-6)


def test_a_terminated_step_is_worth_its_reward_and_a_truncated_one_more() -> None:
    """If termination and truncation were confused, the target would be off by gamma Q."""
    td3, batch = make_td3(target_noise_std=0.0, gamma=0.9), make_batch()
    assert_truncation_adds(target_by_hand(td3, batch, 0.9) - batch.rewards, td3, batch)


def test_target_noise_is_bounded_and_keeps_actions_in_range() -> None:
    td3, batch = make_td3(target_noise_std=5.0, target_noise_clip=0.3), make_batch(200)
    noisy = td3.target_actions(torch.from_numpy(batch.next_inputs)).numpy()
    moved = noisy - np.tanh(by_hand(td3.actor_target, batch.next_inputs))
    assert np.abs(moved).max() <= 0.3 + 1e-6
    assert np.abs(noisy).max() <= 1.0
    assert np.abs(moved).mean() > 0.2


def test_targets_stay_within_possible_returns() -> None:
    td3 = make_td3(return_min=-0.1, return_max=0.0)
    batch = make_batch(rewards=np.linspace(-5, 5, 8).astype(np.float32))
    target = td3.target(batch, torch.from_numpy(batch.next_inputs))
    assert target.min() == pytest.approx(-0.1)
    assert target.max() == 0.0


@pytest.mark.parametrize("layer_norm", [False, True])
def test_one_critic_step_is_adams_on_the_sum_of_squared_errors(layer_norm: bool) -> None:
    settings = {"target_noise_std": 0.0, "policy_delay": 2, "critic_layer_norm": layer_norm}
    td3, batch = make_td3(**settings), make_batch()
    twin = make_td3(**settings)
    optimiser = torch.optim.Adam(twin.critic.parts, 1e-3)
    joined = torch.from_numpy(np.concatenate([batch.inputs, batch.actions], 1))
    target = twin.target(batch, torch.from_numpy(batch.next_inputs))
    values = twin.critic(joined).squeeze(-1)
    loss = sum(torch.nn.functional.mse_loss(values[i], target) for i in range(2))
    assert isinstance(loss, torch.Tensor)
    loss.backward()
    optimiser.step()
    metrics = td3.update(batch)
    assert metrics["critic_loss"] == pytest.approx(loss.item(), rel=1e-5)
    torch.testing.assert_close(td3.critic.flat, twin.critic.flat)


def test_the_actor_climbs_the_first_critic_and_leaves_the_critics_alone() -> None:
    td3, batch = make_td3(policy_delay=1, actor_learning_rate=1e-4), make_batch()
    critic = td3.critic.copy()

    def value() -> float:
        actions = np.tanh(by_hand(td3.actor, batch.inputs))
        return float(by_hand(critic, np.concatenate([batch.inputs, actions], 1), 0).mean())

    before = value()
    metrics = td3.update(batch)
    after_critic = td3.critic.flat.clone()
    assert value() > before
    assert "actor_loss" in metrics
    # Only the critic's own step may have changed it: repeat that step without an actor step.
    alone = make_td3(policy_delay=2, actor_learning_rate=1e-4)
    alone.update(batch)
    torch.testing.assert_close(alone.critic.flat, after_critic, rtol=0, atol=0)


@pytest.mark.parametrize("layer_norm", [False, True])
def test_the_actors_gradient_is_that_of_the_first_critics_value(layer_norm: bool) -> None:
    td3, batch = make_td3(policy_delay=1, critic_layer_norm=layer_norm), make_batch()
    actor, inputs = td3.actor.copy(), torch.from_numpy(batch.inputs)
    td3.update(batch)
    actions = torch.tanh(actor(inputs))
    loss = -td3.critic(torch.cat((inputs, actions), 1))[0].mean()  # the critics after their step
    expected = actor.gradient(loss)
    torch.testing.assert_close(first_gradient(td3, "actor_adam"), expected, rtol=1e-4, atol=1e-7)


def test_actor_and_targets_wait_for_the_policy_delay() -> None:
    td3, batch = make_td3(policy_delay=3), make_batch()
    actor, targets = td3.actor.flat.clone(), td3.critic_target.flat.clone()
    for _ in range(2):
        assert "actor_loss" not in td3.update(batch)
    assert torch.equal(td3.actor.flat, actor)
    assert torch.equal(td3.critic_target.flat, targets)
    assert "actor_loss" in td3.update(batch)
    assert not torch.equal(td3.actor.flat, actor)
    assert not torch.equal(td3.critic_target.flat, targets)


def test_polyak_moves_targets_by_the_share() -> None:
    td3 = make_td3()
    before, source = td3.actor_target.flat.clone(), td3.critic.flat
    td3.actor.flat.add_(1.0)
    polyak(td3.actor_target, td3.actor, 0.25)
    torch.testing.assert_close(td3.actor_target.flat, before + 0.25)
    polyak(td3.critic_target, td3.critic, 1.0)
    assert torch.equal(td3.critic_target.flat, source)


def test_the_deployed_actor_is_a_running_average() -> None:
    td3 = make_td3(policy_delay=1, average_share=0.1)
    expected = td3.actor.flat.clone()
    for seed in range(4):
        td3.update(make_batch(seed=seed))
        expected = 0.9 * expected + 0.1 * td3.actor.flat
    torch.testing.assert_close(td3.deployed.flat, expected)
    inputs = make_batch().inputs
    np.testing.assert_allclose(
        td3.act(inputs, explore=False), np.tanh(by_hand(td3.deployed, inputs)), atol=1e-5
    )


def test_without_averaging_the_deployed_actor_is_the_actor() -> None:
    td3 = make_td3(policy_delay=1)
    td3.update(make_batch())
    assert torch.equal(td3.deployed.flat, td3.actor.flat)


def test_ddpg_is_td3_with_one_critic_no_delay_and_no_noise() -> None:
    settings: dict[str, Any] = {"critics": 1, "policy_delay": 1, "target_noise_std": 0.0}
    td3 = make_td3(**settings)
    ddpg = DDPG(SPACES, DDPGHyperParameters(hidden_sizes=(8, 8)), 0)
    for seed in range(5):
        assert td3.update(make_batch(seed=seed)) == ddpg.update(make_batch(seed=seed))
    assert torch.equal(td3.actor.flat, ddpg.actor.flat)


def test_ddpgs_fixed_settings_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="critics"):
        DDPGHyperParameters(critics=2)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="target_noise_std"):
        DDPGHyperParameters(target_noise_std=0.1)


def test_the_policy_file_acts_as_the_actor_does() -> None:
    assert_the_policy_acts_as(TD3(UNEVEN, TD3HyperParameters(hidden_sizes=(8, 8)), 0))


def test_a_resumed_learner_goes_on_bit_for_bit() -> None:
    assert_resumes_bit_for_bit(make_td3(), make_td3(99))


def test_a_state_dict_is_a_copy() -> None:
    td3 = make_td3()
    tensors, _ = td3.state_dict()
    kept = {name: tensor.clone() for name, tensor in tensors.items()}
    td3.update(make_batch())
    assert all(torch.equal(kept[name], tensors[name]) for name in kept)


@pytest.mark.parametrize(
    "wrong",
    [{"gamma": 1.0}, {"gamma": math.nan}, {"polyak": 0.0}, {"batch_size": 0}, {"tau": 0.1}],
)
def test_impossible_hyper_parameters_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        TD3HyperParameters(**wrong)


def test_every_hyper_parameter_is_described() -> None:
    for algorithm in ALGORITHMS.values():
        for name, field in algorithm.hyper_parameters.model_fields.items():
            assert field.description, name


def test_an_unknown_algorithm_names_the_nearest() -> None:
    with pytest.raises(LookupError, match="did you mean td3"):
        named_algorithm("tdd3")
