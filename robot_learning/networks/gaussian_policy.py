"""A Gaussian squashed into the action bounds: deployed it takes the mean, exploring it draws."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np

from robot_learning.networks.layers import Layers, copy_layers, dense, name_layers, read_layers
from robot_learning.networks.policy import Float32, Policy

LOG_STD_MIN, LOG_STD_MAX = -20.0, 2.0
"""Bounds of the logarithm of the deviation (Haarnoja et al. 2018, their published code)."""


@dataclass(frozen=True, kw_only=True)
class GaussianPolicy(Policy):
    """tanh(N(mean, std)) with mean and log std from MLP((input - mean) / std).

    Attributes:
        weights: of each layer, shape (fan_in, fan_out); the last gives a means, then a log stds.
        biases: of each layer, shape (fan_out,).
    """

    kind: ClassVar[str] = "gaussian"

    weights: tuple[Float32, ...]
    biases: tuple[Float32, ...]

    def choose(self, inputs: Float32) -> Float32:
        """The squashed mean."""
        outputs = dense(inputs, self._layers, "relu")
        return self.to_action(np.tanh(outputs[..., : self.action_size]))

    def draw(self, inputs: Float32, rng: np.random.Generator) -> Float32:
        """A sample of the distribution for each input."""
        outputs = dense(inputs, self._layers, "relu")
        mean, log_std = outputs[..., : self.action_size], outputs[..., self.action_size :]
        std = np.exp(np.clip(log_std, np.float32(LOG_STD_MIN), np.float32(LOG_STD_MAX)))
        noise = rng.standard_normal(mean.shape, np.float32)
        return self.to_action(np.tanh(mean + std * noise))

    def tensors(self) -> dict[str, Float32]:
        """The layers."""
        return name_layers(self._layers)

    def description(self) -> dict[str, Any]:
        """Nothing."""
        return {}

    @classmethod
    def read(cls, tensors: dict[str, Float32], description: dict[str, Any], **common: Any) -> Self:
        """See `Policy.read`."""
        weights, biases = read_layers(tensors, len(common["mean"]), 2 * len(common["action_low"]))
        return cls(weights=weights, biases=biases, **common)

    def frozen(self, version: int) -> Self:
        """A copy that later learning does not change."""
        weights, biases = copy_layers(self._layers)
        return replace(super().frozen(version), weights=weights, biases=biases)

    @property
    def _layers(self) -> Layers:
        return self.weights, self.biases
