"""Weighted regression: imitate what went well, more than what did not.

With `weighting` "return" it is L = ||f(s) - a||^2 R(s, a), reward-weighted regression (Peters and
Schaal 2007); with "advantage", advantage-weighted regression (Peng et al. 2019, arXiv 1910.00177,
algorithm 1), where the weight is exp((R - V) / beta). Both learn from a fixed data set, or in
rounds from what their own policy does.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
import torch
from pydantic import Field

from robot_learning.algorithms.base import Count, Spaces, Unit
from robot_learning.algorithms.bc import BC, BCHyperParameters
from robot_learning.algorithms.imitation import ImitationHyperParameters, OnEpoch
from robot_learning.algorithms.learned_state import LearnedState
from robot_learning.algorithms.returns import generalised_advantages
from robot_learning.contract.base import Positive
from robot_learning.networks import Adam, InputNormaliser, Mlp
from robot_learning.replay.dataset import Dataset
from robot_learning.replay.step import Float32


class AWRHyperParameters(BCHyperParameters):
    """Peng et al. 2019, section 5 and appendix, where no other source is given."""

    loss: Literal["mse", "gaussian"] = Field("gaussian", description="As behaviour cloning's.")
    weighting: Literal["advantage", "return"] = Field(
        "advantage", description="exp(advantage / temperature), or the return from the lowest up."
    )
    temperature: Positive = Field(
        1.0, description="Beta, for advantages divided by their deviation."
    )
    weight_max: Positive = Field(20.0, description="Bound of a weight.")
    return_lambda: Unit = Field(0.95, description="Lambda of the returns, TD(lambda).")
    value_learning_rate: Positive = Field(1e-3, description="Adam, values.")
    value_epochs: Count = Field(10, description="Passes over the data per fit of the values.")
    epochs: Count = Field(5, description="Passes over the data per fit of the policy.")
    batch_size: Count = Field(256, description="Samples per gradient step.")
    validation_share: Unit = Field(0.0, description="As behaviour cloning's.")
    data_capacity: Count = Field(50_000, description="Newest transitions that are fitted.")
    rounds: Count = Field(1, description="Rounds of gathering and fitting.")
    episodes_per_round: Count = Field(
        10, description="Episodes of the own policy in each round without demonstrations."
    )


class AWR(BC):
    """Behaviour cloning of its own and others' actions, each weighted by what came of it."""

    name: ClassVar[str] = "awr"
    source: ClassVar[str] = "Peng et al. 2019, algorithm 1; Peters and Schaal 2007"
    hyper_parameters: ClassVar[type[ImitationHyperParameters]] = AWRHyperParameters
    learns_alone: ClassVar[bool] = True

    def __init__(self, spaces: Spaces, hyper: AWRHyperParameters, seed: int) -> None:
        super().__init__(spaces, hyper, seed)
        self._awr = hyper
        self._value = Mlp((spaces.input_size, *hyper.hidden_sizes, 1), self._generator)
        self._value_adam = Adam(self._value.flat, hyper.value_learning_rate)

    @property
    def rounds(self) -> int:
        """See `ImitationAlgorithm.rounds`."""
        return self._awr.rounds

    def expert_share(self, number: int) -> float:
        """An expert, where there is one, acts in the first round."""
        return 1.0 if number == 0 else 0.0

    def episodes(self, number: int, *, alone: bool) -> int:
        """See `ImitationAlgorithm.episodes`."""
        return self._awr.episodes_per_round if alone else super().episodes(number, alone=alone)

    def fit(self, data: Dataset, on_epoch: OnEpoch | None = None) -> dict[str, float]:
        """Fits values, weighs the samples, and fits the policy; both go on from where they were."""
        data = data.take(slice(-self._awr.data_capacity, None))
        self._normalise = InputNormaliser(self._spaces.input_size, self._hyper.input_clip)
        self._normalise.update(data.inputs)
        value_loss = self._fit_values(data)
        weights = self.weights(data)
        figures = self._descend(data, weights, on_epoch)
        return figures | {"value_loss": value_loss, "weight_max": float(weights.max())}

    def weights(self, data: Dataset) -> Float32:
        """The weight of each row, shape (n,); their mean is 1."""
        returns, values = self.returns(data)
        if self._awr.weighting == "return":
            weights = returns - returns.min()  # a negative weight would push away without bound
        else:
            advantages = returns - values
            scaled = (advantages - advantages.mean()) / (advantages.std() + 1e-5)
            exponents = np.minimum(scaled / self._awr.temperature, np.log(self._awr.weight_max))
            weights = np.exp(exponents)
        mean = weights.mean()
        # Of returns that are all the same there is nothing to tell: plain cloning.
        even: Float32 = np.ones(len(data), np.float32)
        return (weights / mean).astype(np.float32) if mean > 0 else even

    def returns(self, data: Dataset) -> tuple[Float32, Float32]:
        """The TD(lambda) return and the value of each row, each (n,)."""
        with torch.inference_mode():
            values = self._value(self._normalise(data.inputs)).squeeze(1).numpy()
            next_values = self._value(self._normalise(data.next_inputs)).squeeze(1).numpy()
        advantages = generalised_advantages(
            data.rewards[:, None],
            values[:, None],
            next_values[:, None],
            data.terminated[:, None],
            data.cuts[:, None],
            self._hyper.gamma,
            self._awr.return_lambda,
        )
        return values + advantages[:, 0], values

    def _fit_values(self, data: Dataset) -> float:
        hyper, inputs = self._awr, self._normalise(data.inputs)
        targets = torch.from_numpy(self.returns(data)[0])
        total = 0.0
        for _ in range(hyper.value_epochs):
            total, order = 0.0, self._rng.permutation(len(data))
            for start in range(0, len(order), hyper.batch_size):
                rows = order[start : start + hyper.batch_size]
                loss = (self._value(inputs[rows]).squeeze(1) - targets[rows]).square().mean()
                self._value_adam.step(self._value.gradient(loss))
                total += loss.item() * len(rows)
        return total / len(data)

    def _learned(self) -> LearnedState:
        networks = {"network": self.network, "value": self._value}
        optimisers = {"adam": self._adam, "value_adam": self._value_adam}
        return LearnedState(networks, optimisers, self._normalise, self._generator)
