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
from networks_by_hand import by_hand, first_gradient, shake
from torch.nn import functional

from robot_learning.algorithms import QTOpt, QTOptHyperParameters
from robot_learning.networks import Mlp
from robot_learning.planning import cross_entropy_method
from robot_learning.replay import Batch

SMALL: dict[str, Any] = {"hidden_sizes": (8, 8), "gamma": 0.9}
BEST = (0.5, -0.3)


def make_qt_opt(seed: int = 0, **changes: Any) -> QTOpt:
    learner = QTOpt(SPACES, QTOptHyperParameters(**(SMALL | changes)), seed)
    shake(learner.average, learner.lagged)
    return learner


def make_known(network: Mlp, top: float = 0.0) -> None:
    """Q = top - |a - BEST|, the sum of both distances, out of four hidden units."""
    with torch.no_grad():
        network.flat.zero_()
        for unit, (action, sign) in enumerate(((0, 1.0), (0, -1.0), (1, 1.0), (1, -1.0))):
            network.weights[0][3 + action, unit] = sign
            network.biases[0][unit] = -sign * BEST[action]
        network.weights[1].fill_(-1.0)
        network.biases[1].fill_(top)


def searched(learner: QTOpt, batch: Batch) -> Any:
    """o' and the action that the next search will find there."""
    state = learner._generator.get_state()
    actions = learner.best_actions(torch.from_numpy(batch.next_inputs)).numpy()
    learner._generator.set_state(state)
    return np.concatenate([batch.next_inputs, actions], 1)


def lower_value(learner: QTOpt, batch: Batch) -> Any:
    joined = searched(learner, batch)
    both = [by_hand(slow, joined)[:, 0] for slow in (learner.average, learner.lagged)]
    assert (both[0] < both[1]).any() and (both[1] < both[0]).any()
    return np.minimum(*both)


def test_the_search_finds_the_best_action_of_a_known_critic() -> None:
    learner = make_qt_opt(hidden_sizes=(4,), cem_rounds=8)
    make_known(learner.average)
    inputs = make_batch(50).inputs
    found = learner.best_actions(torch.from_numpy(inputs)).numpy()
    np.testing.assert_allclose(found, np.tile(BEST, (50, 1)), atol=0.02)
    np.testing.assert_allclose(learner.act(inputs, explore=False), found, atol=0.04)


def test_two_rounds_come_nearer_than_the_best_of_as_many_drawn_alike() -> None:
    """The defaults: 64 actions, the best 6, twice."""
    learner = make_qt_opt(hidden_sizes=(4,))
    make_known(learner.average)
    found = learner.best_actions(torch.from_numpy(make_batch(200).inputs)).numpy()
    drawn = np.random.default_rng(0).uniform(-1, 1, (200, 128, 2))
    alike = np.abs(drawn - BEST).sum(2).min(1).mean()
    assert np.abs(found - BEST).sum(1).mean() < alike


def test_the_target_is_the_smaller_of_both_slow_values_of_the_averages_best_action() -> None:
    learner, batch = make_qt_opt(), make_batch(64)
    expected = batch.rewards + 0.9 * lower_value(learner, batch)
    np.testing.assert_allclose(target(learner, batch), expected, rtol=1e-5, atol=1e-6)


def test_it_is_the_average_that_is_searched_and_not_the_lagged_copy() -> None:
    learner, batch = make_qt_opt(hidden_sizes=(4,), cem_rounds=8), make_batch()
    make_known(learner.average, top=10.0)
    learner.lagged.flat.zero_()
    learner.lagged.weights[0].data[3, 0] = 1.0  # relu(first action)
    learner.lagged.weights[1].data[0] = 1.0
    expected = batch.rewards + 0.9 * BEST[0]
    np.testing.assert_allclose(target(learner, batch), expected, atol=0.02)


def test_a_terminated_step_is_worth_its_reward_and_a_truncated_one_more() -> None:
    """If termination and truncation were confused, the target would be off by gamma Q."""
    learner, batch = make_qt_opt(), make_batch(16)
    assert_truncation_adds(0.9 * lower_value(learner, batch), learner, batch)


def test_the_average_follows_every_update_and_the_lagged_copy_after_its_lag() -> None:
    learner = make_qt_opt(target_lag_updates=3, polyak=0.25)
    lagged = learner.lagged.flat.clone()
    for number in range(1, 7):
        average = learner.average.flat.clone()
        learner.update(make_batch(seed=number))
        expected = 0.75 * average + 0.25 * learner.critic.flat
        torch.testing.assert_close(learner.average.flat, expected)
        if number % 3 == 0:
            lagged = learner.average.flat.clone()
        assert torch.equal(learner.lagged.flat, lagged)


def loss_by_hand(loss: str, outputs: torch.Tensor, aims: torch.Tensor) -> torch.Tensor:
    """Of each row; a probability's aim is its share of the way from -2 to 1."""
    if loss == "huber":
        return functional.huber_loss(outputs, aims, reduction="none")
    if loss == "squared":
        return (outputs - aims).square()
    share = (aims + 2.0) / 3.0
    chance = torch.sigmoid(outputs)
    return -(share * chance.log() + (1 - share) * (1 - chance).log())


@pytest.mark.parametrize("loss", ["huber", "squared", "cross_entropy"])
def test_an_update_is_a_step_on_the_loss_that_was_asked_for(loss: str) -> None:
    settings: dict[str, Any] = {"loss": loss, "replay_priority": "td_error"}
    if loss == "cross_entropy":
        settings |= {"return_min": -2.0, "return_max": 1.0}
    learner = make_qt_opt(**settings)
    weights = np.linspace(0.1, 1.0, 8).astype(np.float32)
    batch = make_batch(weights=weights, rewards=np.linspace(-4, 4, 8).astype(np.float32))
    state = learner._generator.get_state()
    aims = torch.from_numpy(target(learner, batch))
    learner._generator.set_state(state)
    critic = learner.critic.copy()
    outputs = critic(torch.from_numpy(np.concatenate([batch.inputs, batch.actions], 1)))[:, 0]
    expected = (loss_by_hand(loss, outputs, aims) * torch.from_numpy(weights)).mean()
    assert learner.update(batch)["critic_loss"] == pytest.approx(expected.item(), rel=1e-4)
    gradient = critic.gradient(expected)
    torch.testing.assert_close(first_gradient(learner, "adam"), gradient, rtol=1e-4, atol=1e-6)
    values = outputs if loss != "cross_entropy" else -2.0 + 3.0 * torch.sigmoid(outputs)
    distances = (values - aims).abs().detach().numpy()
    np.testing.assert_allclose(learner.priorities(), distances, rtol=1e-4, atol=1e-5)


def test_a_probabilitys_targets_lie_within_the_possible_returns() -> None:
    learner = make_qt_opt(loss="cross_entropy", return_min=-2.0, return_max=1.0)
    for slow in (learner.average, learner.lagged):
        slow.biases[-1].data.add_(100.0)
    nothing = np.zeros(8, np.float32)
    np.testing.assert_allclose(target(learner, make_batch(rewards=nothing)), 0.9, atol=1e-5)
    far = make_batch(rewards=np.array([-50, 50] * 4, np.float32))
    assert set(target(learner, far)) == {-2.0, 1.0}
    assert np.isfinite(list(learner.update(far).values())).all()


@pytest.mark.parametrize(
    ("bounds", "value"), [({}, 0.25), ({"return_min": -4.0, "return_max": 2.0}, -2.5)]
)
def test_a_probability_is_learned_as_a_share_of_the_possible_returns(
    bounds: dict[str, float], value: float
) -> None:
    """Of those in [0, 1] where nothing else is said."""
    learner = make_qt_opt(loss="cross_entropy", learning_rate=3e-2, cem_samples=6, **bounds)
    batch = make_batch(8, terminated=np.ones(8, np.float32), rewards=np.full(8, value, np.float32))
    for _ in range(150):
        found = learner.update(batch)["q_mean"]
    assert found == pytest.approx(value, abs=0.05)


def test_the_policy_file_searches_the_running_average_of_the_normalised_inputs() -> None:
    learner = QTOpt(UNEVEN, QTOptHyperParameters(**SMALL), 0)
    shake(learner.average, learner.lagged)

    def act(inputs: Any) -> Any:
        seen = learner._normalise(inputs).unsqueeze(1).expand(-1, 64, -1)

        def score(actions: torch.Tensor) -> torch.Tensor:
            rows = torch.cat((seen, actions), 2).flatten(0, 1)
            return torch.from_numpy(by_hand(learner.average, rows.numpy())).view(-1, 64)

        noise, start = learner._policy_noise.unsqueeze(1), torch.zeros(len(inputs), 2)
        found = cross_entropy_method(score, start, torch.ones_like(start), noise, elites=6)
        return found.best.numpy()

    assert_the_policy_acts_as(learner, act)


def test_the_deployed_search_does_not_change_with_what_was_drawn_for_targets() -> None:
    learner, batch = make_qt_opt(), make_batch()
    before = learner.act(batch.inputs, explore=False)
    target(learner, batch)
    np.testing.assert_array_equal(learner.act(batch.inputs, explore=False), before)


def test_a_resumed_learner_goes_on_bit_for_bit() -> None:
    learner, other = (make_qt_opt(seed, target_lag_updates=4) for seed in (0, 99))
    assert_resumes_bit_for_bit(learner, other)
    inputs = make_batch().inputs
    np.testing.assert_array_equal(learner.act(inputs, False), other.act(inputs, False))


def test_more_elites_than_samples_are_refused() -> None:
    with pytest.raises(ValueError, match="cem_elites 65 is above cem_samples 64"):
        QTOptHyperParameters(cem_elites=65)
