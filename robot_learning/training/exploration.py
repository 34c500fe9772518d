"""What an actor adds to its policy to find out more; used in process and by the policy node."""

from __future__ import annotations

from typing import Any

import numpy as np

from robot_learning.algorithms.base import HyperParameters, Spaces
from robot_learning.replay.step import Float32


class Exploration:
    """Random actions during the warm-up, then Gaussian noise and a share of random actions."""

    def __init__(self, spaces: Spaces, hyper: HyperParameters, seed: int) -> None:
        self._low = np.array(spaces.action_low, np.float32)
        self._high = np.array(spaces.action_high, np.float32)
        self._hyper = hyper
        self._rng = np.random.default_rng(seed)

    def is_random(self, steps: int) -> bool:
        """True during the warm-up, when the policy is not asked. `steps`: training steps so far."""
        return steps < self._hyper.warmup_steps

    def noise_std(self, steps: int) -> float:
        """Standard deviation of the noise after `steps`, in units of [-1, 1]."""
        hyper = self._hyper
        share = (steps - hyper.warmup_steps) / hyper.exploration_decay_steps
        share = min(max(share, 0.0), 1.0)
        return hyper.exploration_std + share * (hyper.exploration_std_final - hyper.exploration_std)

    def random_action(self) -> Float32:
        """Uniform within the bounds, shape (a,), in the environment's units."""
        return self._rng.uniform(self._low, self._high).astype(np.float32)

    def disturb(self, action: Float32, steps: int) -> Float32:
        """The action to take where the policy chose `action`, both in the environment's units."""
        if self._rng.random() < self._hyper.random_action_fraction:
            return self.random_action()
        half = (self._high - self._low) / 2
        noise = self._rng.standard_normal(len(half)) * half * self.noise_std(steps)
        return np.clip(action + noise, self._low, self._high).astype(np.float32)

    def state(self) -> dict[str, Any]:
        """The random state, as JSON can hold it."""
        return dict(self._rng.bit_generator.state)

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a `state`."""
        self._rng.bit_generator.state = state
