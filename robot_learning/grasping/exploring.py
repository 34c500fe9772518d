"""How a grasping policy explores."""

from __future__ import annotations

import numpy as np

from robot_learning.grasping.policy import GraspPolicy
from robot_learning.grasping.script import Grasper
from robot_learning.networks.action_features import motion_size
from robot_learning.replay.images import UInt8
from robot_learning.replay.step import Float32


class NoisyGrasper:
    """A policy that explores: now and then it acts at random, and always a little.

    Kalashnikov et al. 2018 mix one random action in five into their searches. Here episodes have
    three times as many steps, and differ: one in three is the policy's alone. Noise is on motions:
    on a switch that a search left near zero it would open a hand that holds, or end the attempt.
    """

    name = "noisy"

    def __init__(
        self, policy: GraspPolicy, explore: Grasper, *, random_share: float, noise: float
    ) -> None:
        """Explores.

        Args:
            policy: whose actions are disturbed.
            explore: who acts now and then instead.
            random_share: how often, in the mean.
            noise: standard deviation added to the other actions' motions, in the mean.
        """
        self._policy, self._explore = policy, explore
        self._share, self._noise = random_share, noise
        spaces = policy.spaces
        self._motions = motion_size(spaces.action_meaning, spaces.action_size)

    def begin(self, rng: np.random.Generator, image: UInt8) -> None:
        """Draws from `rng` in this episode."""
        self._rng = rng
        self._more = float(rng.integers(3))
        self._policy.begin(rng, image)
        self._explore.begin(rng, image)

    def act(self, image: UInt8, state: Float32) -> Float32:
        """The policy's action, disturbed."""
        if self._rng.random() < self._more * self._share:
            return self._explore.act(image, state)
        action = self._policy.act(image, state)
        noise = self._rng.normal(0.0, self._noise, len(action))
        noise[self._motions :] = 0.0
        noisy: Float32 = np.clip(action + self._more * noise, -1.0, 1.0)
        return noisy.astype(np.float32)
