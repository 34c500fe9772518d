"""Attempts to grasp, one after the other, on one robot."""

from __future__ import annotations

import numpy as np

from robot_learning.grasping.episode import GraspEpisode, asked_for
from robot_learning.grasping.script import Grasper
from robot_learning.grasping.world import GraspEnvironment


def draws(seed: int, tries: int = 0) -> np.random.Generator:
    """What whoever acts in an episode draws from; another with every try after the first."""
    return np.random.default_rng([seed, 1, tries] if tries else [seed, 1])


def collect_episode(env: GraspEnvironment, grasper: Grasper, seed: int) -> GraspEpisode:
    """Lets somebody try once.

    What is kept as the action is what was executed of it.

    Args:
        env: the robot at its bin.
        grasper: who acts.
        seed: of the scene and of whatever the grasper draws.
    """
    observation, _ = env.reset(seed=seed)
    grasper.begin(draws(seed), observation["image"])
    images, states = [observation["image"]], [observation["state"]]
    actions, requested, rewards = [], [], []
    while True:
        action = grasper.act(images[-1], states[-1])
        observation, reward, terminated, truncated, info = env.step(action)
        images.append(observation["image"])
        states.append(observation["state"])
        executed = info["executed_action"]
        actions.append(executed)
        requested.append(asked_for(info["requested_action"], info["gated_action"], executed))
        rewards.append(reward)
        if terminated or truncated:
            break
    return GraspEpisode(
        np.stack(images),
        np.stack(states).astype(np.float32),
        np.stack(actions).astype(np.float32),
        np.stack(requested).astype(np.float32),
        np.array(rewards, np.float32),
        terminated,
        bool(info["is_success"]),
        grasper.name,
        seed,
    )
