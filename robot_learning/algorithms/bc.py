"""Behaviour cloning: imitation as regression (Pomerleau 1989; Bain and Sammut 1995).

Three losses: squared error, the likelihood of a Gaussian whose deviation is learned too, and
cross-entropy where actions are choices. A part of the episodes is set aside; the weights that
were best on it are kept.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional

from robot_learning.algorithms.base import Actions, Spaces
from robot_learning.algorithms.imitation import (
    ImitationAlgorithm,
    ImitationHyperParameters,
    OnEpoch,
)
from robot_learning.algorithms.learned_state import LearnedState
from robot_learning.networks import Adam, InputNormaliser, Mlp, MlpPolicy, Policy
from robot_learning.replay.dataset import Dataset
from robot_learning.replay.step import Float32

LOG_STD_RANGE = (-5.0, 2.0)


class BCHyperParameters(ImitationHyperParameters):
    """Behaviour cloning's."""

    loss: Literal["mse", "gaussian"] = Field(
        "mse",
        description="Squared error, or the negative log-likelihood of a Gaussian; choices have "
        "cross-entropy.",
    )


class BC(ImitationAlgorithm):
    """A network fitted to somebody's actions.

    Attributes:
        network: gives an action, or mean and log deviation, or a logit for each choice.
    """

    name: ClassVar[str] = "bc"
    source: ClassVar[str] = "Pomerleau 1989; Ross, Gordon, Bagnell 2011, section 2"
    hyper_parameters: ClassVar[type[ImitationHyperParameters]] = BCHyperParameters
    actions: ClassVar[Actions] = "either"

    def __init__(self, spaces: Spaces, hyper: BCHyperParameters, seed: int) -> None:
        self._spaces, self._hyper = spaces, hyper
        self._gaussian = hyper.loss == "gaussian" and not spaces.choices
        self._generator = torch.Generator().manual_seed(seed)
        self._rng = np.random.default_rng([seed, 3])
        self._restart()

    @property
    def hyper(self) -> ImitationHyperParameters:
        """See `ImitationAlgorithm.hyper`."""
        return self._hyper

    def act(self, inputs: Float32, explore: bool) -> Float32:
        """See `ImitationAlgorithm.act`."""
        with torch.inference_mode():
            outputs = self.network(self._normalise(inputs))
            if self._spaces.choices:
                if explore:
                    chance = outputs.softmax(1)
                    choice = torch.multinomial(chance, 1, generator=self._generator)
                else:
                    choice = outputs.argmax(1, keepdim=True)
                return choice.float().numpy()
            actions, log_std = self._gaussian_of(outputs)
            if explore and log_std is not None:
                noise = torch.empty_like(actions).normal_(generator=self._generator)
                actions = actions + log_std.exp() * noise
            chosen: Float32 = actions.clamp(-1.0, 1.0).numpy()
            return chosen

    def fit(self, data: Dataset, on_epoch: OnEpoch | None = None) -> dict[str, float]:
        """Fits a new network to `data` until the validation loss no longer falls."""
        self._restart()
        self._normalise.update(data.inputs)
        self._normalise.widen(data.inputs)
        return self._descend(data, np.ones(len(data), np.float32), on_epoch)

    def observe(self, inputs: Float32) -> None:
        """Takes inputs, shape (n, o + g), into the normaliser, for who goes on by `descend`."""
        self._normalise.update(inputs)

    def descend(self, inputs: Float32, actions: Tensor, weights: Tensor) -> float:
        """One gradient step on rows of raw inputs, with their weights; the loss before it."""
        return self._step(self._normalise(inputs), actions, weights)

    def _step(self, inputs: Tensor, actions: Tensor, weights: Tensor) -> float:
        loss = (weights * self._losses(inputs, actions)).mean()
        self._adam.step(self.network.gradient(loss))
        return loss.item()

    def loss_on(self, data: Dataset) -> float:
        """Mean loss of the network on `data`."""
        return self._mean_loss(*self._tensors(data, np.ones(len(data), np.float32)))

    def _descend(
        self, data: Dataset, weights: Float32, on_epoch: OnEpoch | None
    ) -> dict[str, float]:
        """Minimises the mean of weight times loss; each row of `data` has its weight."""
        hyper, samples = self._hyper, self._tensors(data, weights)
        rows, aside = data.split(hyper.validation_share, self._rng)
        judged = [part[aside if len(aside) else rows] for part in samples]
        kept, lowest, waited, epoch = self.network.flat.clone(), math.inf, 0, 0
        while epoch < hyper.epochs and waited < hyper.patience:
            epoch, total, order = epoch + 1, 0.0, self._rng.permutation(rows)
            for start in range(0, len(order), hyper.batch_size):
                chosen = order[start : start + hyper.batch_size]
                total += self._step(*(part[chosen] for part in samples)) * len(chosen)
            validation, fitted = self._mean_loss(*judged), total / len(rows)
            if not math.isfinite(validation):
                raise FloatingPointError(
                    f"the loss of {self.name} is {validation} after {epoch} passes over the "
                    "data; use a lower learning_rate"
                )
            if on_epoch:
                on_epoch({"epoch": epoch, "fit_loss": fitted, "validation_loss": validation})
            if validation < lowest:
                kept, lowest, waited = self.network.flat.clone(), validation, 0
            else:
                waited += 1
        self.network.flat.copy_(kept)
        return {"epochs": epoch, "fit_loss": fitted, "validation_loss": lowest}

    def _tensors(self, data: Dataset, weights: Float32) -> tuple[Tensor, Tensor, Tensor]:
        """Normalised inputs, actions and weights."""
        actions = torch.from_numpy(data.actions)
        return self._normalise(data.inputs), actions, torch.from_numpy(weights)

    def _losses(self, inputs: Tensor, wanted: Tensor) -> Tensor:
        """The loss of each sample, shape (n,); `inputs` are normalised."""
        outputs = self.network(inputs)
        if self._spaces.choices:
            return functional.cross_entropy(outputs, wanted[:, 0].long(), reduction="none")
        mean, log_std = self._gaussian_of(outputs)
        if log_std is None:
            return (mean - wanted).square().sum(1)
        scaled = (wanted - mean) * (-log_std).exp()
        return (0.5 * scaled.square() + log_std + 0.5 * math.log(2.0 * math.pi)).sum(1)

    def _mean_loss(self, inputs: Tensor, wanted: Tensor, weights: Tensor) -> float:
        with torch.inference_mode():
            return float((weights * self._losses(inputs, wanted)).mean())

    def _gaussian_of(self, outputs: Tensor) -> tuple[Tensor, Tensor | None]:
        """Mean and log deviation, each (n, a); no deviation where it is not learned."""
        if not self._gaussian:
            return outputs, None
        mean, log_std = outputs.chunk(2, 1)
        return mean, log_std.clamp(*LOG_STD_RANGE)

    def policy(self) -> Policy:
        """The mean, or the likeliest choice."""
        return self._policy_of(self.network, self._normalise)

    def _policy_of(self, network: Mlp, normalise: InputNormaliser) -> Policy:
        weights = [weight.detach().numpy() for weight in network.weights]
        biases = [bias.detach().numpy() for bias in network.biases]
        size = self._spaces.choices or self._spaces.action_size
        weights[-1], biases[-1] = weights[-1][:, :size], biases[-1][:size]  # without deviations
        return MlpPolicy(
            weights=tuple(weights),
            biases=tuple(biases),
            head="argmax" if self._spaces.choices else "clip",
            mean=normalise.mean_now,
            std=normalise.std_now,
            clip=normalise.clip,
            action_low=np.array(self._spaces.action_low, np.float32),
            action_high=np.array(self._spaces.action_high, np.float32),
            goal_size=self._spaces.goal_size,
        )

    def state_dict(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Network, moments, normaliser and both random states."""
        return self._learned().tensors(), {"rng": dict(self._rng.bit_generator.state)}

    def load_state_dict(self, tensors: dict[str, Tensor], values: dict[str, Any]) -> None:
        """Goes on from a `state_dict`."""
        self._learned().restore(tensors)
        self._rng.bit_generator.state = values["rng"]

    def _learned(self) -> LearnedState:
        networks, optimisers = {"network": self.network}, {"adam": self._adam}
        return LearnedState(networks, optimisers, self._normalise, self._generator)

    def _restart(self) -> None:
        """A new network, with nothing known."""
        spaces = self._spaces
        outputs = spaces.choices or spaces.action_size * (2 if self._gaussian else 1)
        sizes = (spaces.input_size, *self._hyper.hidden_sizes, outputs)
        self.network = Mlp(sizes, self._generator)
        self._adam = Adam(self.network.flat, self._hyper.learning_rate)
        self._normalise = InputNormaliser(spaces.input_size, self._hyper.input_clip)
