from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from learner_checks import (
    UNEVEN,
    assert_resumes_bit_for_bit,
    assert_the_policy_acts_as,
    assert_truncation_adds,
    target,
)
from made_up_batches import SPACES, make_batch
from networks_by_hand import by_hand, first_gradient, members_by_hand, shake
from scipy import stats
from torch.distributions import Normal
from torch.distributions.transforms import TanhTransform

from robot_learning.algorithms import SAC, SACHyperParameters
from robot_learning.replay import Batch
from robot_learning.training.guarded_updates import GuardedUpdates

SMALL: dict[str, Any] = {"hidden_sizes": (8, 8), "gamma": 0.9, "temperature": 0.3}


def make_sac(seed: int = 0, **changes: Any) -> SAC:
    sac = SAC(SPACES, SACHyperParameters(**(SMALL | changes)), seed)
    shake(sac.critic_target)
    return sac


def twin_generator(sac: SAC) -> torch.Generator:
    """Draws what the learner will draw next."""
    twin = torch.Generator()
    twin.set_state(sac._generator.get_state())
    return twin


def value_by_hand(
    sac: SAC, batch: Batch, temperature: float, critics: list[int] | None = None
) -> Any:
    """min_i Q_i'(o', a') - temperature log pi(a'), for the noise that is drawn next."""
    noise = torch.empty(len(batch.rewards), 2).normal_(generator=twin_generator(sac)).numpy()
    mean, log_std = np.split(by_hand(sac.actor, batch.next_inputs), 2, axis=1)
    drawn = mean + np.exp(log_std) * noise
    densities = stats.norm.logpdf(drawn, mean, np.exp(log_std)) - np.log(1 - np.tanh(drawn) ** 2)
    joined = np.concatenate([batch.next_inputs, np.tanh(drawn)], 1)
    values = members_by_hand(sac.critic_target, joined)[..., 0]
    lowest = (values if critics is None else values[critics]).min(0)
    return lowest - temperature * densities.sum(1)


@pytest.mark.parametrize(("backup", "temperature"), [(True, 0.3), (False, 0.0)])
def test_the_target_is_the_smallest_value_and_the_entropy_to_come(
    backup: bool, temperature: float
) -> None:
    """Without the entropy in the backup, of the actions' values alone."""
    sac, batch = make_sac(entropy_backup=backup, critics=3), make_batch(32)
    expected = batch.rewards + 0.9 * value_by_hand(sac, batch, temperature)
    np.testing.assert_allclose(target(sac, batch), expected, rtol=1e-4, atol=1e-5)


def test_of_many_critics_a_subset_drawn_anew_gives_the_target() -> None:
    sac, batch = make_sac(critics=5, target_critics=2), make_batch(32)
    subsets = set()
    for _ in range(6):
        twin = twin_generator(sac)
        torch.empty(32, 2).normal_(generator=twin)
        drawn = torch.randperm(5, generator=twin)[:2].tolist()
        expected = batch.rewards + 0.9 * value_by_hand(sac, batch, 0.3, drawn)
        np.testing.assert_allclose(target(sac, batch), expected, rtol=1e-4, atol=1e-5)
        subsets.add(frozenset(drawn))
    assert len(subsets) > 2


def test_a_terminated_step_is_worth_its_reward_and_a_truncated_one_more() -> None:
    """If termination and truncation were confused, the target would be off by gamma V."""
    sac, batch = make_sac(), make_batch()
    off = 0.9 * value_by_hand(sac, batch, 0.3)
    assert np.abs(off).max() > 0.5
    assert_truncation_adds(off, sac, batch, atol=1e-5)


def test_rows_over_several_steps_discount_what_comes_after_them() -> None:
    discounts = np.array([0.9**3, 0.9, 0.0, 0.9**2] * 2, np.float32)
    sac, batch = make_sac(), make_batch(discounts=discounts)
    expected = batch.rewards + discounts * value_by_hand(sac, batch, 0.3)
    np.testing.assert_allclose(target(sac, batch), expected, rtol=1e-4, atol=1e-5)


def test_targets_stay_within_possible_returns() -> None:
    sac = make_sac(return_min=-0.1, return_max=0.0)
    found = target(sac, make_batch(rewards=np.linspace(-5, 5, 8).astype(np.float32)))
    assert (found.min(), found.max()) == (np.float32(-0.1), 0.0)


@pytest.mark.parametrize("layer_norm", [False, True])
def test_the_critics_gradient_is_that_of_half_their_weighted_squared_errors(
    layer_norm: bool,
) -> None:
    weights = np.linspace(0.1, 1.0, 8).astype(np.float32)
    sac, batch = make_sac(critic_layer_norm=layer_norm), make_batch(weights=weights)
    twin = make_sac(critic_layer_norm=layer_norm)
    errors = twin.critic(torch.from_numpy(np.concatenate([batch.inputs, batch.actions], 1)))
    errors = errors[..., 0] - torch.from_numpy(target(twin, batch))
    loss = 0.5 * (errors.square() * torch.from_numpy(weights)).mean(1).sum()
    assert sac.update(batch)["critic_loss"] == pytest.approx(loss.item(), rel=1e-5)
    expected = twin.critic.gradient(loss)
    torch.testing.assert_close(first_gradient(sac, "critic_adam"), expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("actor_value", ["min", "mean"])
def test_the_actors_gradient_is_autograds(actor_value: str) -> None:
    """Of alpha log pi(a) - Q(o, a) through the drawn action; also where log std is at a bound."""
    sac, batch = make_sac(actor_value=actor_value, critics=3), make_batch(64)
    shake(sac.actor)
    with torch.no_grad():  # half the rows are above the bound, half below
        log_std = sac.actor(torch.from_numpy(batch.inputs))[:, 2]
        sac.actor.biases[-1][2] += 2.0 - log_std.median()
    twin = twin_generator(sac)
    for_target, noise = (torch.empty(64, 2).normal_(generator=twin) for _ in range(2))
    del for_target
    actor, inputs = sac.actor.copy(), torch.from_numpy(batch.inputs)
    found = sac.update(batch)

    mean, raw = actor(inputs).chunk(2, 1)
    assert 20 < (raw > 2.0).sum() < 44
    log_std = raw.clamp(-20.0, 2.0)
    before = mean + log_std.exp() * noise
    actions = torch.tanh(before)
    squash = TanhTransform().log_abs_det_jacobian(before, actions)
    log_probabilities = (Normal(mean, log_std.exp()).log_prob(before) - squash).sum(1)
    values = sac.critic(torch.cat((inputs, actions), 1))[..., 0]  # the critics after their step
    value = values.amin(0) if actor_value == "min" else values.mean(0)
    loss = (0.3 * log_probabilities - value).mean()
    assert found["actor_loss"] == pytest.approx(loss.item(), rel=1e-4)
    assert found["entropy"] == pytest.approx(-log_probabilities.mean().item(), rel=1e-4)
    expected = actor.gradient(loss)
    torch.testing.assert_close(first_gradient(sac, "actor_adam"), expected, rtol=1e-3, atol=1e-5)


def test_the_temperatures_gradient_is_the_gap_between_entropy_and_its_target() -> None:
    sac = make_sac(target_entropy=-0.7)
    entropy = sac.update(make_batch())["entropy"]
    assert first_gradient(sac, "temperature_adam").item() == pytest.approx(entropy + 0.7, rel=1e-4)


def test_the_temperature_falls_while_entropy_is_above_its_target_and_rises_below() -> None:
    for aim, sign in ((-100.0, -1.0), (100.0, 1.0)):
        sac = make_sac(target_entropy=aim, temperature_learning_rate=0.01)
        for seed in range(5):
            sac.update(make_batch(seed=seed))
        assert sac.log_temperature.item() == pytest.approx(np.log(0.3) + sign * 0.05, abs=1e-4)


def test_the_target_entropy_is_minus_one_a_dimension() -> None:
    given, default = make_sac(target_entropy=-2.0), make_sac()
    for seed in range(3):
        assert given.update(make_batch(seed=seed)) == default.update(make_batch(seed=seed))


def test_the_entropys_part_of_the_value_is_told_to_whoever_judges_values() -> None:
    """Else values of small rewards, where the bonus is most of it, would look like divergence."""
    assert make_sac(entropy_backup=False).update(make_batch())["reward_bonus"] == 0.0
    sac = make_sac(temperature=1.0, hidden_sizes=(16,), polyak=0.5, critic_learning_rate=1e-2)
    guarded = GuardedUpdates(sac, gamma=0.9)
    for seed in range(300):
        nothing = make_batch(16, seed, rewards=np.full(16, -1e-2, np.float32))
        figures = guarded.update(nothing)
    assert figures["q_mean"] > 1.0
    assert guarded.lines() == []


def test_a_temperature_without_a_learning_rate_stays() -> None:
    sac = make_sac(temperature_learning_rate=0.0)
    assert [sac.update(make_batch(seed=seed))["temperature"] for seed in range(3)] == [
        pytest.approx(0.3)
    ] * 3


def test_it_finds_the_best_action_of_a_bandit_at_the_entropy_asked_for() -> None:
    best = np.array([0.5, -0.3], np.float32)
    rates = {f"{part}_learning_rate": 5e-3 for part in ("actor", "critic", "temperature")}
    sac = make_sac(**rates, hidden_sizes=(32,), temperature=0.05, target_entropy=-2.0)
    entropies = []
    for seed in range(800):
        batch = make_batch(32, seed, terminated=np.ones(32, np.float32))
        rewards = -4 * ((batch.actions - best) ** 2).sum(1)
        entropies.append(sac.update(batch._replace(rewards=rewards))["entropy"])
    assert np.mean(entropies[-100:]) == pytest.approx(-2.0, abs=0.2)
    found = sac.act(make_batch(200, 1).inputs, explore=False)
    np.testing.assert_allclose(found.mean(0), best, atol=0.1)


def test_the_slow_critics_follow_every_update_and_the_actor_waits_for_its_delay() -> None:
    sac, batch = make_sac(policy_delay=3, polyak=0.25), make_batch()
    actor = sac.actor.flat.clone()
    for _ in range(2):
        slow = sac.critic_target.flat.clone()
        assert "actor_loss" not in sac.update(batch)
        torch.testing.assert_close(sac.critic_target.flat, 0.75 * slow + 0.25 * sac.critic.flat)
    assert torch.equal(sac.actor.flat, actor)
    assert "actor_loss" in sac.update(batch)
    assert not torch.equal(sac.actor.flat, actor)


@pytest.mark.parametrize("priority", ["td_error", "target_error"])
def test_priorities_are_the_mean_distance_of_the_critics_from_the_target(priority: str) -> None:
    sac, batch = make_sac(replay_priority=priority), make_batch()
    assert sac.priorities() is None
    expected = batch.rewards + 0.9 * value_by_hand(sac, batch, 0.3)
    judge = sac.critic if priority == "td_error" else sac.critic_target
    values = members_by_hand(judge, np.concatenate([batch.inputs, batch.actions], 1))[..., 0]
    sac.update(batch)
    found = sac.priorities()
    np.testing.assert_allclose(found, np.abs(values - expected).mean(0), rtol=1e-4, atol=1e-5)


def test_exploring_draws_from_the_distribution_whose_mean_is_deployed() -> None:
    sac = make_sac()
    inputs = np.repeat(make_batch(1).inputs, 20_000, 0)
    mean, log_std = np.split(by_hand(sac.actor, inputs[:1]), 2, axis=1)
    np.testing.assert_allclose(sac.act(inputs[:1], explore=False), np.tanh(mean), atol=1e-6)
    drawn = np.arctanh(sac.act(inputs, explore=True).astype(np.float64))
    policy = sac.policy()
    rng = np.random.default_rng(0)
    outside = np.arctanh(policy.explore(inputs[:, :2], inputs[:, 2:], rng).astype(np.float64))
    for found in (drawn, outside):
        for column in range(2):
            gaussian = stats.norm(mean[0, column], np.exp(log_std[0, column]))
            assert stats.kstest(found[:, column], gaussian.cdf).pvalue > 0.001


def test_the_policy_file_acts_as_the_actors_mean() -> None:
    assert_the_policy_acts_as(SAC(UNEVEN, SACHyperParameters(**SMALL), 0))


def test_a_resumed_learner_goes_on_bit_for_bit() -> None:
    sac, other = (make_sac(seed, critics=4, target_critics=2) for seed in (0, 99))
    assert_resumes_bit_for_bit(sac, other)


def test_more_critics_in_the_target_than_there_are_is_refused() -> None:
    with pytest.raises(ValueError, match="target_critics 3 is above critics 2"):
        SACHyperParameters(target_critics=3)
