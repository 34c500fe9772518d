"""The discriminator against a known density ratio, and the learner under its reward."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from imitation_samples import make_dataset
from numpy.testing import assert_allclose, assert_array_equal

from robot_learning.algorithms import AMP, GAIL, TD3, Spaces
from robot_learning.algorithms.adversarial import AMPHyperParameters, GAILHyperParameters
from robot_learning.algorithms.discriminator import Discriminator
from robot_learning.replay import Batch

SPACES = Spaces(1, 0, (-1.0,), (1.0,))
SMALL = {"hidden_sizes": (8,), "discriminator_sizes": (8,), "batch_size": 16}


def make_batch(inputs: Any, actions: Any, **changes: Any) -> Batch:
    inputs, actions = np.asarray(inputs, np.float32), np.asarray(actions, np.float32)
    zeros = np.zeros(len(inputs), np.float32)
    fields = {"inputs": inputs, "actions": actions, "next_inputs": inputs}
    return Batch(**({"rewards": zeros, "terminated": zeros} | fields | changes))


def make_discriminator(**changes: Any) -> Discriminator:
    options = {
        "hidden_sizes": (32,),
        "features": "state_action",
        "loss": "logistic",
        "learning_rate": 0.02,
        "gradient_penalty": 0.0,
        "input_clip": 5.0,
        "generator": torch.Generator().manual_seed(0),
    }
    return Discriminator(1, 1, **(options | changes))


def tell_apart(discriminator: Discriminator) -> tuple[Any, Any]:
    """Demonstrated actions are 1 with chance 0.8, own ones with 0.25; the rest are -1."""
    real = np.where(np.arange(100) < 80, 1.0, -1.0)[:, None]
    fake = np.where(np.arange(100) < 25, 1.0, -1.0)[:, None]
    own, shown = make_batch(np.zeros((100, 1)), fake), make_dataset(np.zeros((100, 1)), real)
    for _ in range(400):
        discriminator.update(own, shown)
    both = make_batch(np.zeros((2, 1)), [[1.0], [-1.0]])
    return discriminator.rewards(both), both


def test_the_logistic_optimum_is_the_log_of_the_density_ratio() -> None:
    rewards, _ = tell_apart(make_discriminator())
    ratios = np.array([0.8 / 0.25, 0.2 / 0.75])
    assert_allclose(rewards, np.log1p(ratios), atol=1e-2)  # -log(1 - D), D = ratio / (1 + ratio)


def test_the_least_squares_optimum_is_the_difference_over_the_sum() -> None:
    rewards, _ = tell_apart(make_discriminator(loss="least_squares"))
    scores = np.array([(0.8 - 0.25) / (0.8 + 0.25), (0.2 - 0.75) / (0.2 + 0.75)])
    assert_allclose(rewards, 1 - 0.25 * (scores - 1) ** 2, atol=1e-2)


def test_the_penalty_flattens_the_discriminator_where_the_demonstrations_are() -> None:
    def slope(weight: float) -> float:
        discriminator = make_discriminator(gradient_penalty=weight)
        tell_apart(discriminator)
        shown = make_dataset(np.zeros((4, 1)), np.ones((4, 1)))
        return discriminator.update(make_batch([[0.0]], [[-1.0]]), shown)["discriminator_slope"]

    # The network of weight 0 computes no slope; a tiny weight shows what it would have been.
    assert slope(10.0) < 0.1 * slope(1e-6)


def test_transitions_are_told_apart_without_actions() -> None:
    discriminator = make_discriminator(features="transition")
    states = np.linspace(-1, 1, 50)[:, None].astype(np.float32)
    forward = make_dataset(states, np.zeros((50, 1)), next_inputs=states + 0.2)
    backward = make_batch(states, np.zeros((50, 1)), next_inputs=states - 0.2)
    for _ in range(300):
        discriminator.update(backward, forward)
    assert discriminator.rewards(forward).mean() > 5 * discriminator.rewards(backward).mean()


def make_gail(**changes: Any) -> GAIL:
    gail = GAIL(SPACES, GAILHyperParameters(**(SMALL | changes)), 0)
    gail.take_demonstrations(make_dataset(np.zeros((10, 1)), np.full((10, 1), 0.5)))
    return gail


def test_the_learner_sees_the_mixed_reward_in_place_of_the_task_s() -> None:
    batch = make_batch(np.zeros((3, 1)), [[0.1], [0.2], [0.3]], rewards=np.full(3, 7, np.float32))
    style = make_gail().discriminator.rewards(batch)
    assert_allclose(make_gail().rewards(batch), style)
    assert_allclose(make_gail(style_weight=0.5, task_weight=2.0).rewards(batch), style / 2 + 14)


@pytest.mark.parametrize(("terminated", "rest"), [(1.0, 0.0), (0.0, 0.99 * 10.0)])
def test_a_style_goes_on_behind_a_truncation_and_ends_with_a_termination(
    terminated: float, rest: float
) -> None:
    """Confused, the learner's target would be wrong by gamma Q = 9.9."""
    gail = make_gail(target_noise_std=0.0)
    learner = gail._learner
    assert isinstance(learner, TD3)
    learner.critic_target.flat.zero_()
    with torch.no_grad():
        learner.critic_target.biases[-1].fill_(10.0)
    ends = np.full(1, terminated, np.float32)
    batch = make_batch([[0.0]], [[0.1]], terminated=ends)
    rewards = gail.rewards(batch)
    target = learner.target(batch._replace(rewards=rewards), torch.zeros(1, 1))
    assert_allclose(target.numpy(), rewards + rest, rtol=1e-6)


def test_it_learns_the_demonstrated_action_without_a_reward() -> None:
    rng = np.random.default_rng(0)
    quick = {"actor_learning_rate": 3e-3, "critic_learning_rate": 3e-3, "gradient_penalty": 1.0}
    judge = {"discriminator_learning_rate": 3e-3, "discriminator_interval": 1}
    sizes = {"hidden_sizes": (32,), "discriminator_sizes": (32,)}
    gail = GAIL(SPACES, GAILHyperParameters(gamma=0.0, batch_size=64, **quick, **judge, **sizes), 0)
    gail.take_demonstrations(make_dataset(np.zeros((100, 1)), rng.normal(0.5, 0.05, (100, 1))))
    states = np.zeros((64, 1), np.float32)
    for _ in range(600):
        noise = rng.normal(0, 0.5, (64, 1)).astype(np.float32)
        gail.update(make_batch(states, np.clip(gail.act(states, True) + noise, -1, 1)))
    assert gail.policy().act(states[0])[0] == pytest.approx(0.5, abs=0.2)


def test_how_far_its_rewards_are_from_the_environments_is_told_to_whoever_judges_values() -> None:
    """Else values of likeness would look like divergence where the task's rewards are small."""
    gail = make_gail()
    batch = make_batch(np.zeros((8, 1)), np.zeros((8, 1)))
    batch = batch._replace(rewards=np.linspace(-0.01, 0.0, 8, dtype=np.float32))
    bonus = gail.update(batch)["reward_bonus"]
    assert bonus == pytest.approx(np.abs(gail.rewards(batch) - batch.rewards).max()) and bonus > 0.1


def test_a_restored_one_goes_on_alike() -> None:
    batch = make_batch(np.zeros((16, 1)), np.zeros((16, 1)))
    one = make_gail()
    for _ in range(5):
        one.update(batch)
    two = GAIL(SPACES, GAILHyperParameters(**SMALL), 9)
    two.load_state_dict(*one.state_dict())
    two.take_demonstrations(make_dataset(np.zeros((10, 1)), np.full((10, 1), 0.5)))
    for _ in range(5):
        assert one.update(batch) == two.update(batch)
    assert_array_equal(one.policy().act(batch.inputs), two.policy().act(batch.inputs))


def test_without_demonstrations_it_says_what_to_give() -> None:
    amp = AMP(SPACES, AMPHyperParameters(**SMALL), 0)
    with pytest.raises(ValueError, match="amp needs demonstrations: give --demonstrations"):
        amp.update(make_batch([[0.0]], [[0.0]]))
