from __future__ import annotations

import math

import numpy as np
import pytest

from robot_learning.algorithms import TD3, Spaces, TD3HyperParameters
from robot_learning.replay import Batch
from robot_learning.training.guarded_updates import DivergedError, GuardedUpdates
from robot_learning.training.health import Health

SPACES = Spaces(observation_size=1, goal_size=0, action_low=(-1.0,), action_high=(1.0,))


def td3(critic_learning_rate: float = 1e-3) -> TD3:
    hyper = TD3HyperParameters(
        hidden_sizes=(16,), batch_size=8, critic_learning_rate=critic_learning_rate, polyak=0.5
    )
    return TD3(SPACES, hyper, seed=0)


def batch(reward: float = -1.0) -> Batch:
    rng = np.random.default_rng(1)
    inputs = rng.normal(size=(8, 1)).astype(np.float32)
    return Batch(
        inputs=inputs,
        actions=rng.uniform(-1, 1, (8, 1)).astype(np.float32),
        rewards=np.full(8, reward, np.float32),
        next_inputs=inputs,
        terminated=np.zeros(8, np.float32),
    )


def test_good_updates_pass_unchanged() -> None:
    plain, guarded = td3(), td3()
    guard = GuardedUpdates(guarded, gamma=0.99, keep_every=3)
    for _ in range(10):
        assert guard.update(batch()) == plain.update(batch())
    assert guard.lines() == [] and guard.rollbacks == 0


def test_a_divergence_brings_the_last_good_state_back_bit_for_bit() -> None:
    algorithm = td3()
    guard = GuardedUpdates(algorithm, gamma=0.99, keep_every=4)
    for _ in range(4):
        guard.update(batch())
    kept = algorithm.actor.flat.clone(), algorithm.critic.flat.clone()
    guard.update(batch())
    assert not (algorithm.critic.flat == kept[1]).all()
    algorithm.critic.flat.mul_(1e6)  # something went terribly wrong
    assert guard.update(batch()) == {}
    assert guard.health.level is Health.DIVERGED and guard.rollbacks == 1
    assert (algorithm.actor.flat == kept[0]).all() and (algorithm.critic.flat == kept[1]).all()
    assert "went back 1 time(s)" in guard.lines()[0]


def test_weights_that_are_not_finite_never_reach_the_policy() -> None:
    algorithm = td3()
    guard = GuardedUpdates(algorithm, gamma=0.99)
    guard.update(batch())
    algorithm.critic.flat[0] = math.nan
    guard.update(batch())
    assert all(np.isfinite(weight).all() for weight in algorithm.policy().weights)


def test_a_run_that_diverges_again_and_again_ends_and_says_why() -> None:
    """A step size of 100 is a diverging run in earnest: the guard gives up after its tries."""
    algorithm = td3(critic_learning_rate=100.0)
    guard = GuardedUpdates(algorithm, gamma=0.99, rollbacks_max=2)
    with pytest.raises(DivergedError, match=r"diverged 3 times.*rewards and discount allow"):
        for _ in range(200):
            guard.update(batch())
    assert np.isfinite(algorithm.critic.flat.numpy()).all()
