"""Tabular Q-learning (Watkins 1989; Watkins and Dayan 1992), a value for each state and action.

It learns from the newest transition alone; with a larger `replay_capacity` and `batch_size`, from
remembered ones as well, one after the other.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from robot_learning.algorithms.base import (
    Actions,
    Count,
    OffPolicyAlgorithm,
    OffPolicyHyperParameters,
    Spaces,
    Unit,
)
from robot_learning.contract.base import Fraction
from robot_learning.networks import MlpPolicy, Policy
from robot_learning.replay import Batch
from robot_learning.replay.step import Float32


class QLearningHyperParameters(OffPolicyHyperParameters):
    """One update a step, from that step, while exploration becomes less."""

    learning_rate: Fraction = Field(
        0.1, description="Alpha; 1 forgets what was believed before (Sutton and Barto, 6.5)."
    )
    initial_value: float = Field(
        0.0, description="Of everything not tried; above what is possible it makes one curious."
    )
    batch_size: Count = Field(1, description="Transitions per update.")
    replay_capacity: Count = Field(1, description="Transitions remembered; 1: the newest.")
    warmup_steps: int = Field(0, ge=0, description="Steps of random actions before learning.")
    random_action_fraction: Unit = Field(1.0, description="Epsilon at first.")
    random_action_fraction_final: Unit | None = Field(0.05, description="Epsilon at the end.")
    exploration_decay_steps: Count = Field(10_000, description="Steps until then, linear.")


class QLearning(OffPolicyAlgorithm):
    """A table, moved towards r + gamma max Q(s', a') one transition at a time.

    Attributes:
        values: Q, shape (states, choices).
    """

    name: ClassVar[str] = "q_learning"
    source: ClassVar[str] = "Watkins and Dayan 1992, equation 1"
    hyper_parameters: ClassVar[type[QLearningHyperParameters]] = QLearningHyperParameters
    actions: ClassVar[Actions] = "discrete"
    needs_states: ClassVar[bool] = True

    def __init__(self, spaces: Spaces, hyper: QLearningHyperParameters, seed: int) -> None:
        del seed  # nothing in it is random
        self._spaces, self._hyper = spaces, hyper
        shape = (spaces.input_size, spaces.choices)
        self.values = np.full(shape, hyper.initial_value, np.float32)

    def observe(self, inputs: Float32) -> None:
        """States need no normalising."""

    def act(self, inputs: Float32, explore: bool) -> Float32:
        """The choices of highest value; random ones are mixed in by training.exploration."""
        del explore
        best: Float32 = (inputs @ self.values).argmax(1)[:, None].astype(np.float32)
        return best

    def update(self, batch: Batch) -> dict[str, float]:
        """Takes in the transitions one after the other."""
        discounts = batch.discounts_at(self._hyper.gamma)
        states, following = batch.inputs.argmax(1), batch.next_inputs.argmax(1)
        choices = batch.actions[:, 0].astype(np.int64)
        errors = np.empty(len(states))
        for row, (state, choice, after) in enumerate(zip(states, choices, following, strict=True)):
            # A truncated episode is not terminated: what follows counts.
            target = batch.rewards[row] + discounts[row] * self.values[after].max()
            errors[row] = target - self.values[state, choice]
            self.values[state, choice] += self._hyper.learning_rate * errors[row]
        return {
            "critic_loss": float((errors**2).mean()),
            "q_mean": float(self.values[states, choices].mean()),
        }

    def policy(self) -> Policy:
        """The table as one linear layer over states."""
        return linear_policy(self._spaces, self.values, np.zeros(self._spaces.choices, np.float32))

    def state_dict(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """The table."""
        return {"values": torch.from_numpy(self.values.copy())}, {}

    def load_state_dict(self, tensors: dict[str, Tensor], values: dict[str, Any]) -> None:
        """Goes on from a `state_dict`."""
        del values
        self.values[:] = tensors["values"].numpy()


def linear_policy(spaces: Spaces, weights: Float32, bias: Float32) -> Policy:
    """Chooses the largest of inputs @ weights + bias, from inputs as they are."""
    size = spaces.input_size
    return MlpPolicy(
        weights=(weights,),
        biases=(bias,),
        head="argmax",
        mean=np.zeros(size, np.float32),
        std=np.ones(size, np.float32),
        clip=float(np.finfo(np.float32).max),
        action_low=np.array(spaces.action_low, np.float32),
        action_high=np.array(spaces.action_high, np.float32),
        goal_size=spaces.goal_size,
    )
