from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from rollout_samples import CHOICES, CONTINUOUS, make_rollout

from robot_learning.algorithms import PPO, PPOHyperParameters, Spaces
from robot_learning.algorithms.on_policy import Rollout
from robot_learning.algorithms.policy_gradient import normalised
from robot_learning.algorithms.ppo import Samples
from robot_learning.algorithms.returns import generalised_advantages

SMALL: dict[str, Any] = {"hidden_sizes": (8, 8), "batch_size": 24, "epochs": 1}


def make_ppo(spaces: Spaces = CONTINUOUS, **changes: Any) -> PPO:
    return PPO(spaces, PPOHyperParameters(**(SMALL | changes)), 0)


def samples(ppo: PPO, seed: int = 0, m: int = 24) -> Samples:
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=generator)

    inputs = normal(m, 3)
    with torch.no_grad():
        actions, logs = ppo.actor.sample(inputs, generator)
        values = ppo.critic(inputs).squeeze(1)
    logs = logs + 0.3 * normal(m)
    return Samples(inputs, actions, logs, normal(m), normal(m), values + 0.1 * normal(m))


def stable_baselines_twin(ppo: PPO, spaces: Spaces) -> Any:
    """An SB3 PPO of the same weights."""
    sb3 = pytest.importorskip("stable_baselines3")

    class Space(gymnasium.Env[Any, Any]):
        observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (3,), np.float32)
        action_space = (
            gymnasium.spaces.Discrete(2)
            if spaces.choices
            else gymnasium.spaces.Box(-1.0, 1.0, (2,), np.float32)
        )

        def reset(self, **_: Any) -> Any:
            return np.zeros(3, np.float32), {}

    twin = sb3.PPO(
        "MlpPolicy", Space(), n_steps=24, batch_size=24, n_epochs=1, ent_coef=0.01,
        learning_rate=3e-4, policy_kwargs={"net_arch": [8, 8]}, device="cpu",
    )  # fmt: skip
    policy = twin.policy
    ours = [
        (ppo.actor.network, [*policy.mlp_extractor.policy_net[::2], policy.action_net]),
        (ppo.critic, [*policy.mlp_extractor.value_net[::2], policy.value_net]),
    ]
    with torch.no_grad():
        for network, layers in ours:
            for weight, bias, layer in zip(network.weights, network.biases, layers, strict=True):
                layer.weight.copy_(weight.T)
                layer.bias.copy_(bias)
    return twin


@pytest.mark.parametrize("spaces", [CONTINUOUS, CHOICES], ids=["continuous", "discrete"])
def test_losses_and_one_step_are_those_of_stable_baselines(spaces: Spaces) -> None:
    ppo = make_ppo(spaces, entropy_coefficient=0.01)
    batch = samples(ppo)
    twin = stable_baselines_twin(ppo, spaces)
    buffer = twin.rollout_buffer
    buffer.reset()
    shape = (24, 1)
    buffer.observations[:] = batch.inputs.numpy().reshape(24, 1, 3)
    buffer.actions[:] = batch.actions.numpy().reshape(24, 1, -1)
    buffer.log_probs[:] = batch.log_probabilities.numpy().reshape(shape)
    buffer.advantages[:] = batch.advantages.numpy().reshape(shape)
    buffer.returns[:] = batch.targets.numpy().reshape(shape)
    buffer.values[:] = batch.values.numpy().reshape(shape)
    buffer.full = True
    logger = pytest.importorskip("stable_baselines3.common.logger").configure(None, [])
    twin.set_logger(logger)
    twin.train()
    theirs = logger.name_to_value

    actor_loss, critic_loss, metrics = ppo.losses(batch, 0.2)
    assert metrics["policy_loss"] == pytest.approx(theirs["train/policy_gradient_loss"], abs=1e-5)
    assert metrics["value_loss"] == pytest.approx(theirs["train/value_loss"], abs=1e-5)
    assert metrics["entropy"] == pytest.approx(-theirs["train/entropy_loss"], abs=1e-5)
    assert metrics["kl"] == pytest.approx(theirs["train/approx_kl"], abs=1e-5)
    assert metrics["clip_fraction"] == pytest.approx(theirs["train/clip_fraction"])
    loss = actor_loss + 0.5 * critic_loss
    assert loss.item() == pytest.approx(theirs["train/loss"], abs=1e-5)
    ppo._step(actor_loss, 0.5 * critic_loss)
    layers = [*twin.policy.mlp_extractor.policy_net[::2], twin.policy.action_net]
    for weight, layer in zip(ppo.actor.network.weights, layers, strict=True):
        torch.testing.assert_close(weight.detach(), layer.weight.detach().T, atol=1e-5, rtol=0)
    if not spaces.choices:
        torch.testing.assert_close(
            ppo.actor.log_std.detach(), twin.policy.log_std.detach(), atol=1e-5, rtol=0
        )


def test_a_ratio_beyond_the_range_has_no_gradient_where_it_would_gain() -> None:
    ppo = make_ppo(normalise_advantages=False)
    batch = samples(ppo, m=2)
    with torch.no_grad():
        logs, _ = ppo.actor.judge(batch.inputs, batch.actions)
    gaining = batch._replace(log_probabilities=logs - 1.0, advantages=torch.ones(2))
    loss, _, _ = ppo.losses(gaining, 0.2)
    assert loss.item() == pytest.approx(-1.2)
    assert not ppo.actor.gradient(loss)[0].any()
    losing = gaining._replace(advantages=-torch.ones(2))
    assert ppo.losses(losing, 0.2)[0].item() == pytest.approx(np.e)


def test_clipped_values_count_their_greater_error() -> None:
    ppo = make_ppo(value_clip_range=0.1)
    batch = samples(ppo)
    with torch.no_grad():
        now = ppo.critic(batch.inputs).squeeze(1)
    batch = batch._replace(values=now - 1.0, targets=now)  # moved by 1: only 0.1 is believed
    assert ppo.losses(batch, 0.2)[1].item() == pytest.approx(0.81, abs=1e-5)
    assert make_ppo().losses(batch, 0.2)[1].item() == 0.0


def test_a_truncated_rollout_is_worth_more_than_a_terminated_one_by_what_follows() -> None:
    """Confusing the two moves the last target by exactly gamma V(what follows)."""
    seen: list[torch.Tensor] = []

    class Spy(PPO):
        def losses(self, batch: Samples, clip_range: float) -> Any:
            order = batch.inputs[:, 0].argsort()
            seen.append(batch.targets[order])
            return super().losses(batch, clip_range)

    truncated = make_rollout(n=1, t=4)
    terminated = make_rollout(
        n=1, t=4, terminated=truncated.truncated, truncated=truncated.terminated
    )
    hyper = PPOHyperParameters(**(SMALL | {"gamma": 0.9, "gae_lambda": 1.0}))
    for rollout in (truncated, terminated):
        ppo = Spy(CONTINUOUS, hyper, 0)
        with torch.no_grad():
            value = ppo.critic(torch.from_numpy(rollout.next_inputs[-1])).item()
        ppo.update(rollout)
    order = np.argsort(truncated.inputs[:, 0, 0])
    expected = 0.9 ** np.arange(4, 0, -1) * value
    assert abs(value) > 1e-3
    np.testing.assert_allclose((seen[0] - seen[1]).numpy(), expected[order], rtol=1e-4, atol=1e-6)


def test_constraints_shrink_the_discount_of_what_follows() -> None:
    """A violation at its running maximum ends the episode with its greatest probability."""
    constraints = np.zeros((4, 1, 1), np.float32)
    constraints[1] = 3.0
    rollout = make_rollout(n=1, t=4, constraints=constraints)
    ppo = make_ppo(constraint_probabilities=(0.25,))
    made = ppo._prepare(rollout)
    np.testing.assert_allclose(made.terminated[:, 0], [0.0, 0.25, 0.0, 0.0])
    found = generalised_advantages(
        made.rewards, made.values, made.next_values, made.terminated, rollout.truncated, 0.9, 0.0
    )
    free = generalised_advantages(
        made.rewards, made.values, made.next_values, np.zeros((4, 1)), rollout.truncated, 0.9, 0.0
    )
    np.testing.assert_allclose(
        found - free, -0.25 * 0.9 * made.next_values * (made.terminated > 0), atol=1e-6
    )


def test_learning_rate_and_clip_range_go_to_zero_over_the_annealing() -> None:
    ppo = make_ppo(anneal_steps=48, anneal_clip_range=True, learning_rate=1e-2)
    rates = []
    for seed in range(3):
        before = ppo.actor.network.flat.clone()
        ppo.update(make_rollout(seed=seed))
        rates.append(ppo._optimisers["actor"].learning_rate)
    assert rates == [1e-2, 0.5e-2, 0.0]
    assert torch.equal(before, ppo.actor.network.flat)


def test_passes_end_once_the_policy_has_moved_too_far() -> None:
    """The first batch of a rollout drawn by another policy is already too far."""
    ppo = make_ppo(target_kl=1e-6)
    before = ppo.actor.network.flat.clone()
    ppo.update(make_rollout())
    assert torch.equal(before, ppo.actor.network.flat)


def test_advantages_are_normalised_by_batch() -> None:
    advantages = normalised(torch.tensor([1.0, 2.0, 6.0]))
    assert advantages.mean().item() == pytest.approx(0.0, abs=1e-6)
    assert advantages.std().item() == pytest.approx(1.0)
    assert normalised(torch.tensor([3.0])).tolist() == [3.0]


def test_inputs_are_normalised_by_what_was_seen_before_the_update_learns() -> None:
    ppo = make_ppo(normalise_observations=True)
    rollout = make_rollout(inputs=make_rollout().inputs * 100 + 7)
    made = ppo._prepare(rollout)
    torch.testing.assert_close(made.inputs.mean(0), torch.zeros(3), atol=1e-4, rtol=0)
    np.testing.assert_allclose(ppo.policy().mean, rollout.inputs.mean((0, 1)), rtol=1e-4)


def rewards_of(ppo: PPO, rollout: Rollout) -> Any:
    return ppo._prepare(rollout).rewards


def test_rewards_are_scaled_by_the_deviation_of_the_discounted_return() -> None:
    rollout = make_rollout(truncated=np.zeros((12, 2), bool))
    earned = np.zeros((12, 2))
    running = np.zeros(2)
    for t, reward in enumerate(rollout.rewards):
        running = 0.99 * running + reward
        earned[t] = running
    found = rewards_of(make_ppo(normalise_rewards=True), rollout)
    np.testing.assert_allclose(found, rollout.rewards / earned.std(), rtol=1e-5)
    outlier = make_rollout(rewards=np.eye(12, 2, dtype=np.float32) * 0.0)
    outlier.rewards[5] = 1e6
    assert rewards_of(make_ppo(normalise_rewards=True), outlier).max() <= 10.0
