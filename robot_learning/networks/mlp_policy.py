"""A multi-layer perceptron as a policy: what most methods deploy."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np

from robot_learning.networks.layers import (
    ACTIVATIONS,
    Layers,
    copy_layers,
    dense,
    name_layers,
    read_layers,
)
from robot_learning.networks.policy import Float32, Policy

HEADS = ("tanh", "clip", "argmax")


@dataclass(frozen=True, kw_only=True)
class MlpPolicy(Policy):
    """head(MLP((input - mean) / std)).

    Attributes:
        weights: of each layer, shape (fan_in, fan_out).
        biases: of each layer, shape (fan_out,).
        head: `tanh` squashes the output into the action bounds; `clip` takes it as an action in
            units of [-1, 1] and clips it to them (mean of a Gaussian policy); `argmax` takes the
            largest output's number as the choice.
        activation: between the layers.
    """

    kind: ClassVar[str] = "mlp"

    weights: tuple[Float32, ...]
    biases: tuple[Float32, ...]
    head: str = "tanh"
    activation: str = "relu"

    def choose(self, inputs: Float32) -> Float32:
        """One pass through the network."""
        outputs = dense(inputs, self._layers, self.activation)
        if self.head == "argmax":
            choice: Float32 = outputs.argmax(axis=-1, keepdims=True).astype(np.float32)
            return choice
        if self.head == "tanh":
            return self.to_action(np.tanh(outputs))
        return self.to_action(np.clip(outputs, np.float32(-1.0), np.float32(1.0)))

    def tensors(self) -> dict[str, Float32]:
        """The layers."""
        return name_layers(self._layers)

    def description(self) -> dict[str, Any]:
        """Head and activation."""
        return {"activation": self.activation, "head": self.head}

    @classmethod
    def read(cls, tensors: dict[str, Float32], description: dict[str, Any], **common: Any) -> Self:
        """See `Policy.read`."""
        head, activation = description.get("head"), description.get("activation")
        if head not in HEADS or activation not in ACTIVATIONS:
            raise ValueError(f"unknown head {head!r} or activation {activation!r}")
        size = len(common["action_low"])
        if head == "argmax":
            size = int(common["action_high"][0]) + 1
        weights, biases = read_layers(tensors, len(common["mean"]), size)
        return cls(weights=weights, biases=biases, head=head, activation=activation, **common)

    def frozen(self, version: int) -> Self:
        """A copy that later learning does not change."""
        weights, biases = copy_layers(self._layers)
        return replace(super().frozen(version), weights=weights, biases=biases)

    @property
    def _layers(self) -> Layers:
        return self.weights, self.biases
