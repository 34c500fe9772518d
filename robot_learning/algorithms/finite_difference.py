"""Finite-difference policy gradient (Peters and Schaal 2008, section 3.1; Kohl and Stone 2004).

No gradient of the policy is needed, only what episodes of disturbed parameters return: along each
random direction one set of parameters is tried forwards and one backwards, and the gradient is the
one that explains the differences best.
"""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
import torch
from pydantic import Field, model_validator
from torch import Tensor

from robot_learning.algorithms.base import Actions, Count, Sizes, Spaces
from robot_learning.algorithms.learned_state import LearnedState
from robot_learning.algorithms.on_policy import (
    OnPolicyAlgorithm,
    OnPolicyHyperParameters,
    Rollout,
    deployable,
)
from robot_learning.contract.base import Positive
from robot_learning.networks import Adam, InputNormaliser, Mlp, Policy
from robot_learning.replay.step import Float32


class FiniteDifferenceHyperParameters(OnPolicyHyperParameters):
    """How many directions, how far, how fast."""

    hidden_sizes: Sizes = Field(
        (8,), description="Hidden layers, tanh; directions are needed by the number of weights."
    )
    environments: Count = Field(
        16, description="Sets of parameters tried per update: two to a direction."
    )
    rollout_steps: Count = Field(
        1, description="Least steps of each set; the episode then running is played to its end."
    )
    perturbation_std: Positive = Field(0.1, description="Of each weight along a direction.")
    learning_rate: Positive = Field(0.05, description="Adam.")
    normalise_observations: bool = Field(
        True, description="Inputs by running mean and deviation, clipped to `input_clip`."
    )

    @model_validator(mode="after")
    def _pairs(self) -> Self:
        if self.environments % 2:
            raise ValueError(f"environments must come in pairs, {self.environments} is odd")
        return self


class FiniteDifference(OnPolicyAlgorithm):
    """Central differences of the return along random directions of the parameters.

    Environment 2k runs the parameters along direction k, environment 2k + 1 those against it.
    """

    name: ClassVar[str] = "finite_difference"
    source: ClassVar[str] = "Peters and Schaal 2008, section 3.1"
    hyper_parameters: ClassVar[type[FiniteDifferenceHyperParameters]] = (
        FiniteDifferenceHyperParameters
    )
    actions: ClassVar[Actions] = "either"
    whole_episodes: ClassVar[bool] = True

    def __init__(self, spaces: Spaces, hyper: FiniteDifferenceHyperParameters, seed: int) -> None:
        self._spaces, self._hyper = spaces, hyper
        self._generator = torch.Generator().manual_seed(seed)
        sizes = (spaces.input_size, *hyper.hidden_sizes, spaces.choices or spaces.action_size)
        self.actor = Mlp(sizes, self._generator, activation="tanh", output_gain=0.01)
        self._adam = Adam(self.actor.flat, hyper.learning_rate)
        self._normalise = InputNormaliser(spaces.input_size, hyper.input_clip)
        self._tried = [self.actor.copy() for _ in range(hyper.environments)]
        self._disturb()

    def act(self, inputs: Float32) -> tuple[Float32, Float32]:
        """Each environment's own parameters choose; nothing else is random."""
        with torch.inference_mode():
            rows = torch.split(self._normalise(inputs), 1)
            outputs = torch.cat([net(row) for net, row in zip(self._tried, rows, strict=True)])
        if self._spaces.choices:
            outputs = outputs.argmax(1, keepdim=True).float()
        return outputs.numpy(), np.zeros(len(inputs), np.float32)

    def update(self, rollout: Rollout) -> dict[str, float]:
        """One step along the estimated gradient of the mean return of an episode."""
        returns = torch.from_numpy(mean_returns(rollout))
        gradient = self.gradient(returns)
        self._adam.step(-gradient)
        if self._hyper.normalise_observations:
            self._normalise.update(rollout.inputs[rollout.counted])
        self._disturb()
        return {"gradient_norm": gradient.norm().item(), "mean_return": returns.mean().item()}

    def gradient(self, returns: Tensor) -> Tensor:
        """The least-squares gradient for `actor.flat`; `returns` (n,) of each set of parameters.

        With fewer directions than weights it is the part of the gradient that lies along them.
        """
        halves = (returns[0::2] - returns[1::2]) / 2.0
        solved = torch.linalg.lstsq(self._directions, halves[:, None], driver="gelsd")
        gradient: Tensor = solved.solution[:, 0]
        return gradient

    def policy(self) -> Policy:
        """The undisturbed parameters."""
        head = "argmax" if self._spaces.choices else "clip"
        return deployable(self.actor, self._normalise, self._spaces, head)

    def state_dict(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Parameters, directions, moments, normaliser and random state."""
        return self._learned().tensors() | {"directions": self._directions.clone()}, {}

    def load_state_dict(self, tensors: dict[str, Tensor], values: dict[str, Any]) -> None:
        """Goes on from a `state_dict`."""
        self._learned().restore(tensors)
        self._try(tensors["directions"].clone())

    def _disturb(self) -> None:
        shape = (self._hyper.environments // 2, len(self.actor.flat))
        directions = torch.empty(shape).normal_(generator=self._generator)
        self._try(directions.mul_(self._hyper.perturbation_std))

    def _try(self, directions: Tensor) -> None:
        self._directions = directions
        for k, direction in enumerate(directions):
            self._tried[2 * k].flat.copy_(self.actor.flat + direction)
            self._tried[2 * k + 1].flat.copy_(self.actor.flat - direction)

    def _learned(self) -> LearnedState:
        return LearnedState(
            {"actor": self.actor}, {"adam": self._adam}, self._normalise, self._generator
        )


def mean_returns(rollout: Rollout) -> Float32:
    """Mean undiscounted return of the episodes of each environment, (n,).

    There is no value function here: an episode that was cut off counts as far as it went.
    """
    totals = (rollout.rewards * rollout.counted).sum(axis=0)
    ends = (rollout.terminated | rollout.truncated) & rollout.counted
    means: Float32 = (totals / ends.sum(axis=0)).astype(np.float32)
    return means
