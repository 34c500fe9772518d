"""Q-learning with linear function approximation (Sutton and Barto 2018, sections 9.4 and 11.2).

With states as one-hot features and no constant feature it is tabular Q-learning.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from robot_learning.algorithms.base import Actions, OffPolicyAlgorithm, Spaces
from robot_learning.algorithms.q_learning import QLearningHyperParameters, linear_policy
from robot_learning.contract.base import Fraction
from robot_learning.networks import Policy
from robot_learning.replay import Batch
from robot_learning.replay.step import Float32


class LinearQHyperParameters(QLearningHyperParameters):
    """Tabular Q-learning's, with smaller steps: features share weights."""

    learning_rate: Fraction = Field(0.01, description="Alpha.")
    constant_feature: bool = Field(
        True, description="A feature that is always 1; not needed where observations are states."
    )


class LinearQ(OffPolicyAlgorithm):
    """Q(o, a) = w_a . features(o), by semi-gradients; features are the inputs as they are.

    Function approximation, bootstrapping and off-policy data together may diverge: this is the
    smallest method in which they do.

    Attributes:
        weights: shape (features, choices).
    """

    name: ClassVar[str] = "linear_q"
    source: ClassVar[str] = "Sutton and Barto 2018, sections 9.4 and 11.2"
    hyper_parameters: ClassVar[type[LinearQHyperParameters]] = LinearQHyperParameters
    actions: ClassVar[Actions] = "discrete"

    def __init__(self, spaces: Spaces, hyper: LinearQHyperParameters, seed: int) -> None:
        del seed  # nothing in it is random
        self._spaces, self._hyper = spaces, hyper
        features = spaces.input_size + hyper.constant_feature
        self.weights = np.zeros((features, spaces.choices), np.float32)
        if hyper.constant_feature:
            self.weights[-1] = hyper.initial_value
        elif hyper.initial_value:
            self.weights += hyper.initial_value

    def observe(self, inputs: Float32) -> None:
        """Features are the inputs as they are."""

    def act(self, inputs: Float32, explore: bool) -> Float32:
        """The choices of highest value; random ones are mixed in by training.exploration."""
        del explore
        values = self._features(inputs) @ self.weights
        best: Float32 = values.argmax(1)[:, None].astype(np.float32)
        return best

    def update(self, batch: Batch) -> dict[str, float]:
        """Takes in the transitions one after the other."""
        discounts = batch.discounts_at(self._hyper.gamma)
        features, following = self._features(batch.inputs), self._features(batch.next_inputs)
        choices = batch.actions[:, 0].astype(np.int64)
        values, errors = np.empty(len(choices)), np.empty(len(choices))
        for row, (x, choice, after) in enumerate(zip(features, choices, following, strict=True)):
            # A truncated episode is not terminated: what follows counts.
            target = batch.rewards[row] + discounts[row] * (after @ self.weights).max()
            values[row] = x @ self.weights[:, choice]
            errors[row] = target - values[row]
            self.weights[:, choice] += self._hyper.learning_rate * errors[row] * x
        return {"critic_loss": float((errors**2).mean()), "q_mean": float(values.mean())}

    def policy(self) -> Policy:
        """One linear layer."""
        size = self._spaces.input_size
        constant = self.weights[size:].sum(0)  # of no rows: zeros
        return linear_policy(self._spaces, self.weights[:size], constant)

    def state_dict(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """The weights."""
        return {"weights": torch.from_numpy(self.weights.copy())}, {}

    def load_state_dict(self, tensors: dict[str, Tensor], values: dict[str, Any]) -> None:
        """Goes on from a `state_dict`."""
        del values
        self.weights[:] = tensors["weights"].numpy()

    def _features(self, inputs: Float32) -> Float32:
        if not self._hyper.constant_feature:
            return inputs
        return np.concatenate((inputs, np.ones((len(inputs), 1), np.float32)), axis=1)
