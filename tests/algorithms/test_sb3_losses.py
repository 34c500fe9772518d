"""Losses and steps of SAC and TD3 against Stable-Baselines3, from the same weights and noise."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from made_up_batches import make_batch

from robot_learning.algorithms import SAC, TD3, SACHyperParameters, Spaces, TD3HyperParameters
from robot_learning.networks import Mlp
from robot_learning.replay import Batch

sb3 = pytest.importorskip("stable_baselines3")

N, HIDDEN, GAMMA, TAU, RATE = 32, (8, 8), 0.95, 0.01, 1e-3
SPACES = Spaces(3, 0, (-1.0, -1.0), (1.0, 1.0))
COMMON = {"gamma": GAMMA, "polyak": TAU, "hidden_sizes": HIDDEN, "actor_learning_rate": RATE}


class Empty(gymnasium.Env[Any, Any]):
    """Nothing but spaces."""

    observation_space = gymnasium.spaces.Box(-10, 10, (3,), np.float32)
    action_space = gymnasium.spaces.Box(-1, 1, (2,), np.float32)


def theirs(kind: Any, batch: Batch, **more: Any) -> Any:
    from stable_baselines3.common.logger import configure
    from stable_baselines3.common.type_aliases import ReplayBufferSamples

    torch.manual_seed(0)
    model = kind(
        "MlpPolicy", Empty(), learning_rate=RATE, gamma=GAMMA, tau=TAU, batch_size=N, device="cpu",
        policy_kwargs={"net_arch": list(HIDDEN)}, **more,
    )  # fmt: skip
    model.set_logger(configure(None, []))
    samples = ReplayBufferSamples(
        torch.from_numpy(batch.inputs),
        torch.from_numpy(batch.actions),
        torch.from_numpy(batch.next_inputs),
        torch.from_numpy(batch.terminated).unsqueeze(1),
        torch.from_numpy(batch.rewards).unsqueeze(1),
    )
    model.replay_buffer.sample = lambda *_, **__: samples
    return model


def linears(*modules: Any) -> list[Any]:
    return [m for module in modules for m in module.modules() if isinstance(m, torch.nn.Linear)]


@torch.no_grad()
def copy_to(network: Mlp, *members: list[Any]) -> None:
    """Their layers into ours; several lists where ours has members."""
    for index, layers in enumerate(members):
        for weight, bias, layer in zip(network.weights, network.biases, layers, strict=True):
            (weight if network.members is None else weight[index]).copy_(layer.weight.T)
            (bias if network.members is None else bias[index]).copy_(layer.bias.expand(1, -1)[0])


def as_ours(network: Mlp, *members: list[Any]) -> torch.Tensor:
    twin = network.copy()
    copy_to(twin, *members)
    return twin.flat


def mixed_batch() -> Batch:
    return make_batch(N, terminated=(np.arange(N) % 3 == 0).astype(np.float32))


def test_td3() -> None:
    batch = mixed_batch()
    model = theirs(sb3.TD3, batch, policy_delay=1, target_policy_noise=0.0)
    td3 = TD3(
        SPACES,
        TD3HyperParameters(
            **COMMON, critic_learning_rate=RATE, policy_delay=1, target_noise_std=0.0
        ),
        0,
    )
    # Target networks that differ from the learned ones, so that a mix-up shows.
    with torch.no_grad():
        for parameter in [*model.actor_target.parameters(), *model.critic_target.parameters()]:
            parameter.mul_(0.9)
    critics = [linears(net) for net in model.critic.q_networks]
    slow_critics = [linears(net) for net in model.critic_target.q_networks]
    copy_to(td3.actor, linears(model.actor))
    copy_to(td3.actor_target, linears(model.actor_target))
    copy_to(td3.critic, *critics)
    copy_to(td3.critic_target, *slow_critics)
    metrics = td3.update(batch)
    model.train(1, N)
    logged = model.logger.name_to_value
    assert metrics["critic_loss"] == pytest.approx(logged["train/critic_loss"], abs=1e-5)
    assert metrics["actor_loss"] == pytest.approx(logged["train/actor_loss"], abs=1e-5)
    for network, members in (
        (td3.critic, critics),
        (td3.critic_target, slow_critics),
        (td3.actor, [linears(model.actor)]),
        (td3.actor_target, [linears(model.actor_target)]),
    ):
        torch.testing.assert_close(network.flat, as_ours(network, *members), rtol=0, atol=1e-5)


def test_sac(monkeypatch: pytest.MonkeyPatch) -> None:
    batch = mixed_batch()
    model = theirs(sb3.SAC, batch, ent_coef="auto_0.3")
    hyper = SACHyperParameters(
        **COMMON,
        critic_learning_rate=RATE,
        temperature_learning_rate=RATE,
        temperature=0.3,
    )
    sac = SAC(SPACES, hyper, 0)
    actor = [*linears(model.actor.latent_pi), model.actor.mu]
    heads = torch.nn.Linear(HIDDEN[-1], 4)
    with torch.no_grad():
        for parameter in model.critic_target.parameters():
            parameter.mul_(0.9)

    def their_actor() -> list[Any]:
        with torch.no_grad():
            heads.weight.copy_(torch.cat((model.actor.mu.weight, model.actor.log_std.weight)))
            heads.bias.copy_(torch.cat((model.actor.mu.bias, model.actor.log_std.bias)))
        return [*actor[:-1], heads]

    critics = [linears(net) for net in model.critic.q_networks]
    slow_critics = [linears(net) for net in model.critic_target.q_networks]
    copy_to(sac.actor, their_actor())
    copy_to(sac.critic, *critics)
    copy_to(sac.critic_target, *slow_critics)

    # We draw for the target first, they for the actor.
    twin = torch.Generator()
    twin.set_state(sac._generator.get_state())
    for_target, for_actor = (torch.empty(N, 2).normal_(generator=twin) for _ in range(2))
    draws = iter((for_actor, for_target))
    monkeypatch.setattr("torch.distributions.normal._standard_normal", lambda *_, **__: next(draws))
    metrics = sac.update(batch)
    model.train(1, N)
    logged = model.logger.name_to_value
    assert metrics["critic_loss"] == pytest.approx(logged["train/critic_loss"], abs=1e-5)
    assert metrics["actor_loss"] == pytest.approx(logged["train/actor_loss"], abs=1e-5)
    assert metrics["temperature"] == pytest.approx(logged["train/ent_coef"], abs=1e-5)
    torch.testing.assert_close(sac.log_temperature, model.log_ent_coef.detach(), rtol=0, atol=1e-5)
    for network, members in (
        (sac.critic, critics),
        (sac.critic_target, slow_critics),
        (sac.actor, [their_actor()]),
    ):
        torch.testing.assert_close(network.flat, as_ours(network, *members), rtol=0, atol=1e-5)
