from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from learner_checks import assert_resumes_bit_for_bit, assert_truncation_adds, target
from made_up_batches import SPACES, make_batch
from networks_by_hand import by_hand, first_gradient, shake

from robot_learning.algorithms import DDPG, DDPGfD, DDPGHyperParameters
from robot_learning.algorithms.ddpgfd import DDPGfDHyperParameters
from robot_learning.replay import Batch

SMALL: dict[str, Any] = {"hidden_sizes": (8, 8), "gamma": 0.9, "quantiles": 1}


def make_ddpgfd(seed: int = 0, **changes: Any) -> DDPGfD:
    learner = DDPGfD(SPACES, DDPGfDHyperParameters(**(SMALL | changes)), seed)
    shake(learner.actor_target, learner.critic_target)
    return learner


def joined(batch: Batch) -> Any:
    return np.concatenate([batch.inputs, batch.actions], 1)


def value_by_hand(learner: DDPGfD, batch: Batch) -> Any:
    """Q'(o', pi'(o'))."""
    actions = np.tanh(by_hand(learner.actor_target, batch.next_inputs))
    inputs = np.concatenate([batch.next_inputs, actions], 1)
    return by_hand(learner.critic_target, inputs, 0)[:, 0]


def squared_slopes(learner: DDPGfD, batch: Batch, step: float = 1e-6) -> Any:
    """|grad_a Q(o, pi(o))|^2 by finite differences."""
    chosen = np.tanh(by_hand(learner.actor, batch.inputs))
    total = np.zeros(len(chosen))
    for column in range(chosen.shape[1]):
        moved = np.zeros_like(chosen)
        moved[:, column] = step
        ends = [
            by_hand(learner.critic, np.concatenate([batch.inputs, actions], 1), 0)[:, 0]
            for actions in (chosen - moved, chosen + moved)
        ]
        total += ((ends[1] - ends[0]) / (2 * step)) ** 2
    return total


@pytest.mark.parametrize("lambda_3", [0.0, 1.0, 2.5])
@pytest.mark.parametrize("priority", ["td_error", "target_error"])
def test_priorities_are_squared_errors_and_what_the_actor_still_has_to_climb(
    priority: str, lambda_3: float
) -> None:
    """delta^2 + lambda_3 |grad_a Q(o, pi(o))|^2 (section 3), of the networks before the update."""
    learner = make_ddpgfd(replay_priority=priority, actor_priority=lambda_3)
    shake(learner.actor, learner.critic)
    batch = make_batch(32)
    judge = learner.critic if priority == "td_error" else learner.critic_target
    errors = batch.rewards + 0.9 * value_by_hand(learner, batch)
    errors = errors - by_hand(judge, joined(batch), 0)[:, 0]
    slopes = squared_slopes(learner, batch)
    assert slopes.max() > 0.1
    learner.update(batch)
    expected = errors**2 + lambda_3 * slopes
    np.testing.assert_allclose(learner.priorities(), expected, rtol=1e-3, atol=1e-5)


def test_a_terminated_step_is_worth_its_reward_and_a_truncated_one_more() -> None:
    """If termination and truncation were confused, the target would be off by gamma Q."""
    learner, batch = make_ddpgfd(), make_batch()
    assert_truncation_adds(0.9 * value_by_hand(learner, batch), learner, batch)


def test_a_row_over_several_steps_discounts_its_last_value_as_often() -> None:
    """Also of a row that was cut short: what its end counts, the replay says."""
    counts = np.array([0.9**10, 0.9, 0.9**4, 0.0] * 2, np.float32)
    learner, batch = make_ddpgfd(), make_batch(discounts=counts)
    expected = batch.rewards + counts * value_by_hand(learner, batch)
    np.testing.assert_allclose(target(learner, batch), expected, rtol=1e-4, atol=1e-6)


def test_both_networks_are_kept_small_by_half_their_squared_weights() -> None:
    """The gradient of l2 |w|^2 / 2 is l2 w."""
    without, kept = (make_ddpgfd(l2=l2) for l2 in (0.0, 0.5))
    before = {"critic_adam": kept.critic.flat.clone(), "actor_adam": kept.actor.flat.clone()}
    for learner in (without, kept):
        learner._critic_adam.learning_rate = 0.0  # so that the actor climbs the same critic
        learner.update(make_batch())
    for optimiser, weights in before.items():
        found = first_gradient(kept, optimiser) - first_gradient(without, optimiser)
        torch.testing.assert_close(found, 0.5 * weights, rtol=1e-4, atol=1e-6)


def test_rows_count_by_their_weights_in_the_replay() -> None:
    weights = np.linspace(0.0, 1.0, 8).astype(np.float32)
    learner, batch = make_ddpgfd(), make_batch(weights=weights)
    errors = batch.rewards + 0.9 * value_by_hand(learner, batch)
    errors = errors - by_hand(learner.critic, joined(batch), 0)[:, 0]
    expected = (weights * errors**2).mean()
    assert learner.update(batch)["critic_loss"] == pytest.approx(expected, rel=1e-4)


def test_but_for_its_replay_it_is_ddpg_with_small_weights() -> None:
    learner = DDPGfD(SPACES, DDPGfDHyperParameters(**SMALL, l2=1e-3), 0)
    ddpg = DDPG(SPACES, DDPGHyperParameters(**SMALL, l2=1e-3), 0)
    for seed in range(5):
        assert learner.update(make_batch(seed=seed)) == ddpg.update(make_batch(seed=seed))
    assert torch.equal(learner.actor.flat, ddpg.actor.flat)


def test_telling_who_acted_is_part_of_the_loss_and_none_of_the_value() -> None:
    who = np.array([1, 0] * 4, np.float32)
    learner, batch = make_ddpgfd(demonstrator_weight=0.5), make_batch(demonstrated=who)
    outputs = by_hand(learner.critic, joined(batch), 0)
    assert outputs.shape == (8, 2)
    errors = batch.rewards + 0.9 * value_by_hand(learner, batch) - outputs[:, 0]
    chance = 1 / (1 + np.exp(-outputs[:, 1]))
    surprise = -np.log(np.where(who == 1, chance, 1 - chance))
    expected = (errors**2).mean() + 0.5 * surprise.mean()
    metrics = learner.update(batch)
    assert metrics["critic_loss"] == pytest.approx(expected, rel=1e-4)
    assert metrics["q_mean"] == pytest.approx(outputs[:, 0].mean(), rel=1e-4)


def test_a_resumed_learner_goes_on_bit_for_bit() -> None:
    assert_resumes_bit_for_bit(make_ddpgfd(), make_ddpgfd(99))


def test_uniform_draws_are_another_method() -> None:
    with pytest.raises(ValueError, match="replay_priority"):
        DDPGfDHyperParameters(replay_priority="uniform")  # type: ignore[arg-type]
