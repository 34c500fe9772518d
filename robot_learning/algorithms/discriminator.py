"""A reward out of demonstrations: how much does this look like them?

A network tells the demonstrator's transitions from the learner's own; what fools it is rewarded.
It knows no learner: whoever has transitions, from a replay or from rollouts, calls `update` with
them and `rewards` on them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Protocol

import torch
from torch import Tensor
from torch.nn import functional

from robot_learning.algorithms.learned_state import LearnedState
from robot_learning.networks import Adam, InputNormaliser, Mlp
from robot_learning.replay.step import Float32

Features = Literal["state_action", "transition"]
Loss = Literal["logistic", "least_squares"]


class Transitions(Protocol):
    """Rows of transitions: a `Batch`, a `Dataset`."""

    @property
    def inputs(self) -> Float32:
        """Shape (n, o + g)."""

    @property
    def actions(self) -> Float32:
        """Shape (n, a), in units of [-1, 1]."""

    @property
    def next_inputs(self) -> Float32:
        """Shape (n, o + g)."""


class Discriminator:
    """D(s, a) or D(s, s'), with a penalty on its slope at the demonstrations.

    Attributes:
        network: its last layer's output is D, before any squashing.
    """

    def __init__(
        self,
        input_size: int,
        action_size: int,
        *,
        hidden_sizes: Sequence[int],
        features: Features,
        loss: Loss,
        learning_rate: float,
        gradient_penalty: float,
        input_clip: float,
        generator: torch.Generator,
    ) -> None:
        other = action_size if features == "state_action" else input_size
        self.network = Mlp((input_size + other, *hidden_sizes, 1), generator)
        self._adam = Adam(self.network.flat, learning_rate)
        self._normalise = InputNormaliser(input_size, input_clip)
        self._features, self._loss = features, loss
        self._gradient_penalty, self._generator = gradient_penalty, generator

    def observe(self, inputs: Float32) -> None:
        """Takes inputs, shape (n, o + g), into the normaliser."""
        self._normalise.update(inputs)

    def rewards(self, transitions: Transitions) -> Float32:
        """The reward of each transition, shape (n,), never negative.

        For the logistic loss -log(1 - sigmoid(D)) (Ho and Ermon 2016); for least squares
        max(0, 1 - (D - 1)^2 / 4) (Peng et al. 2021, equation 7).
        """
        with torch.inference_mode():
            scores = self.network(self._seen(transitions)).squeeze(1)
            if self._loss == "logistic":
                rewards = functional.softplus(scores)
            else:
                rewards = (1.0 - 0.25 * (scores - 1.0).square()).clamp_min(0.0)
            found: Float32 = rewards.numpy()
            return found

    def update(self, own: Transitions, demonstrated: Transitions) -> dict[str, float]:
        """One gradient step to tell the two apart; returns metrics by name."""
        fake, real = self._seen(own), self._seen(demonstrated).requires_grad_()
        fake_scores, real_scores = self.network(fake), self.network(real)
        if self._loss == "logistic":
            loss = (
                functional.softplus(fake_scores).mean() + functional.softplus(-real_scores).mean()
            )
        else:
            loss = (fake_scores + 1.0).square().mean() + (real_scores - 1.0).square().mean()
        penalty = self._slope(real, real_scores) if self._gradient_penalty else torch.zeros(())
        total = loss + 0.5 * self._gradient_penalty * penalty
        self._adam.step(self.network.gradient(total))
        return {
            "discriminator_loss": loss.item(),
            "discriminator_slope": penalty.item(),
            "score_own": fake_scores.mean().item(),
            "score_demonstrated": real_scores.mean().item(),
        }

    def state_dict(self) -> dict[str, Tensor]:
        """Network, moments and normaliser."""
        return self._learned().tensors()

    def load_state_dict(self, tensors: dict[str, Tensor]) -> None:
        """Goes on from a `state_dict`."""
        self._learned().restore(tensors)

    def _learned(self) -> LearnedState:
        networks, optimisers = {"network": self.network}, {"adam": self._adam}
        return LearnedState(networks, optimisers, self._normalise, self._generator)

    def _seen(self, transitions: Transitions) -> Tensor:
        if self._features == "state_action":
            other = torch.from_numpy(transitions.actions)
        else:
            other = self._normalise(transitions.next_inputs)
        return torch.cat((self._normalise(transitions.inputs), other), 1)

    @staticmethod
    def _slope(inputs: Tensor, scores: Tensor) -> Tensor:
        """Mean squared slope of the scores: without it D becomes a cliff nobody can climb."""
        slopes: Any = torch.autograd.grad(scores.sum(), inputs, create_graph=True)[0]
        mean: Tensor = slopes.square().sum(1).mean()
        return mean
