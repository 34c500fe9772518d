"""A critic as a policy: the action of highest value, by the cross-entropy method, in NumPy."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np

from robot_learning.networks.layers import Layers, copy_layers, dense, name_layers, read_layers
from robot_learning.networks.policy import Float32, Policy

_ONE = np.float32(1.0)
_NOISE = "search.noise"


@dataclass(frozen=True, kw_only=True)
class CemPolicy(Policy):
    """argmax over actions of MLP((input - mean) / std, action), searched as QT-Opt does.

    The noise of the search is part of the policy, so the same input gives the same action, in
    every version of NumPy.

    Attributes:
        weights: of each layer of the critic, shape (fan_in, fan_out).
        biases: of each layer of the critic, shape (fan_out,).
        noise: standard normal, shape (rounds, samples, a).
        elites: candidates of each round that the next is fitted to.
    """

    kind: ClassVar[str] = "cem"

    weights: tuple[Float32, ...]
    biases: tuple[Float32, ...]
    noise: Float32
    elites: int

    def choose(self, inputs: Float32) -> Float32:
        """One search for each input."""
        if inputs.ndim == 1:
            return self.to_action(self._search(inputs))
        found = np.array([self._search(row) for row in inputs.reshape(-1, inputs.shape[-1])])
        return self.to_action(found.reshape(*inputs.shape[:-1], self.action_size))

    def tensors(self) -> dict[str, Float32]:
        """The critic's layers and the noise."""
        return name_layers(self._layers) | {_NOISE: self.noise}

    def description(self) -> dict[str, Any]:
        """How many elites."""
        return {"elites": self.elites}

    @classmethod
    def read(cls, tensors: dict[str, Float32], description: dict[str, Any], **common: Any) -> Self:
        """See `Policy.read`."""
        size, elites = len(common["action_low"]), description.get("elites")
        noise = tensors.get(_NOISE)
        if noise is None or noise.ndim != 3 or noise.shape[2] != size or not noise.size:
            raise ValueError(f"{_NOISE} does not fit the action's size {size}")
        if not isinstance(elites, int) or not 1 <= elites <= noise.shape[1]:
            raise ValueError(f"elites {elites!r} are not among {noise.shape[1]} samples")
        layers = {name: tensor for name, tensor in tensors.items() if name != _NOISE}
        weights, biases = read_layers(layers, len(common["mean"]) + size, 1)
        return cls(weights=weights, biases=biases, noise=noise, elites=elites, **common)

    def frozen(self, version: int) -> Self:
        """A copy that later learning does not change."""
        weights, biases = copy_layers(self._layers)
        return replace(super().frozen(version), weights=weights, biases=biases)

    def _search(self, inputs: Float32) -> Float32:
        """The best action in units of [-1, 1] for one normalised input, (o + g,) -> (a,)."""
        # The part of the first layer that sees the input is the same for every candidate.
        first, rest = self.weights[0], (self.weights[1:], self.biases[1:])
        seen = inputs @ first[: len(inputs)] + self.biases[0]
        mean, std = np.zeros(self.action_size, np.float32), np.ones(self.action_size, np.float32)
        best, best_value = mean, -np.inf
        for drawn in self.noise:
            candidates = np.clip(mean + std * drawn, -_ONE, _ONE)
            hidden = seen + candidates @ first[len(inputs) :]
            if rest[0]:
                hidden = dense(np.maximum(hidden, np.float32(0.0)), rest, "relu")
            values = hidden[:, 0]
            order = np.argsort(-values, kind="stable")[: self.elites]
            if values[order[0]] > best_value:
                best, best_value = candidates[order[0]], values[order[0]]
            mean, std = candidates[order].mean(0), candidates[order].std(0)
        return best

    @property
    def _layers(self) -> Layers:
        return self.weights, self.biases
