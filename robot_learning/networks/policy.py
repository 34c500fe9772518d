"""The deployable part of a learner: a deterministic network with its normaliser, in NumPy.

For one observation NumPy is two to three times faster than torch (the call overhead is the
cost), and an actor that only acts needs no torch at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]


@dataclass(frozen=True)
class Policy:
    """tanh(MLP((input - mean) / std)), scaled to the action bounds.

    Attributes:
        weights: of each layer, shape (fan_in, fan_out).
        biases: of each layer, shape (fan_out,).
        mean: of the input (observation, then goal), shape (o + g,).
        std: shape (o + g,).
        clip: normalised inputs stay within [-clip, clip].
        action_low: shape (a,), in the environment's units.
        action_high: shape (a,).
        goal_size: g; 0 for tasks without goals.
        version: counts up from 1 as the learner publishes; 0 before.
    """

    weights: tuple[Float32, ...]
    biases: tuple[Float32, ...]
    mean: Float32
    std: Float32
    clip: float
    action_low: Float32
    action_high: Float32
    goal_size: int
    version: int = 0

    @property
    def observation_size(self) -> int:
        """Length of the observation vector."""
        return len(self.mean) - self.goal_size

    @property
    def action_size(self) -> int:
        """Length of the action vector."""
        return len(self.action_low)

    def act(
        self,
        observation: NDArray[np.floating] | Mapping[str, NDArray[np.floating]],
        goal: NDArray[np.floating] | None = None,
    ) -> Float32:
        """Chooses an action; the same input always gives the same action.

        Args:
            observation: shape (o,) or (n, o); or the mapping of a goal environment with
                `observation` and `desired_goal`.
            goal: shape (g,) or (n, g); not given with a mapping or for tasks without goals.

        Returns:
            shape (a,) or (n, a), in the environment's units.

        Raises:
            ValueError: sizes are not those that the policy was trained for.
        """
        if isinstance(observation, np.ndarray):
            inputs = observation if goal is None else np.concatenate((observation, goal), axis=-1)
        else:
            parts = (observation["observation"], observation["desired_goal"])
            inputs = np.concatenate(parts, axis=-1)
        if inputs.shape[-1] != len(self.mean):
            raise ValueError(
                f"the policy takes {self.observation_size} observations and {self.goal_size} goal "
                f"values, was given {inputs.shape[-1]} in all"
            )
        x = (inputs.astype(np.float32, copy=False) - self.mean) / self.std
        x = np.minimum(np.maximum(x, -self.clip), self.clip)
        last = len(self.weights) - 1
        for index, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            x = x @ weight + bias
            if index < last:
                x = np.maximum(x, 0.0)
        half = (self.action_high - self.action_low) * np.float32(0.5)
        action: Float32 = self.action_low + half * (np.tanh(x) + np.float32(1.0))
        return action

    def frozen(self, version: int) -> Policy:
        """A copy that later learning does not change."""
        return replace(
            self,
            weights=tuple(w.copy() for w in self.weights),
            biases=tuple(b.copy() for b in self.biases),
            mean=self.mean.copy(),
            std=self.std.copy(),
            version=version,
        )
