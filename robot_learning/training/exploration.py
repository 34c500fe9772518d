"""What an actor adds to its policy to find out more; used in process and by the policy node."""

from __future__ import annotations

from typing import Any

import numpy as np

from robot_learning.algorithms.base import OffPolicyHyperParameters, Spaces
from robot_learning.networks import Policy
from robot_learning.replay.step import Float32


class Exploration:
    """Random actions during the warm-up, then Gaussian noise and a share of random actions."""

    def __init__(self, spaces: Spaces, hyper: OffPolicyHyperParameters, seed: int) -> None:
        self._low = np.array(spaces.action_low, np.float32)
        self._high = np.array(spaces.action_high, np.float32)
        self._choices = spaces.choices
        self._hyper = hyper
        self._rng = np.random.default_rng(seed)

    def is_random(self, steps: int) -> bool:
        """True during the warm-up, when the policy is not asked. `steps`: training steps so far."""
        return steps < self._hyper.warmup_steps

    def noise_std(self, steps: int) -> float:
        """Standard deviation of the noise after `steps`, in units of [-1, 1]."""
        hyper = self._hyper
        return self._between(hyper.exploration_std, hyper.exploration_std_final, steps)

    def random_fraction(self, steps: int) -> float:
        """Share of uniform actions after `steps`."""
        begins, ends = self._hyper.random_action_fraction, self._hyper.random_action_fraction_final
        return begins if ends is None else self._between(begins, ends, steps)

    def random_action(self) -> Float32:
        """Uniform within the bounds, shape (a,), in the environment's units."""
        if self._choices:
            return self._rng.integers(0, self._choices, 1).astype(np.float32)
        return self._rng.uniform(self._low, self._high).astype(np.float32)

    def explore(
        self, policy: Policy, observation: Float32, goal: Float32 | None, steps: int
    ) -> Float32:
        """The policy's action after `steps`, disturbed; in the environment's units."""
        return self.disturb(policy.explore(observation, goal, self._rng), steps)

    def disturb(self, action: Float32, steps: int) -> Float32:
        """The action to take where the policy chose `action`, both in the environment's units."""
        if self._rng.random() < self.random_fraction(steps):
            return self.random_action()
        if self._choices:
            return action
        half = (self._high - self._low) / 2
        noise = self._rng.standard_normal(len(half)) * half * self.noise_std(steps)
        return np.clip(action + noise, self._low, self._high).astype(np.float32)

    def _between(self, begins: float, ends: float, steps: int) -> float:
        share = (steps - self._hyper.warmup_steps) / self._hyper.exploration_decay_steps
        return begins + min(max(share, 0.0), 1.0) * (ends - begins)

    def state(self) -> dict[str, Any]:
        """The random state, as JSON can hold it."""
        return dict(self._rng.bit_generator.state)

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a `state`."""
        self._rng.bit_generator.state = state
