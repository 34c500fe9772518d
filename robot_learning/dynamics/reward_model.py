"""Rewards and ends as networks, where no formula of them is known."""

from __future__ import annotations

from typing import Annotated

import numpy as np
import torch
from pydantic import Field, Strict
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from robot_learning.contract.base import NonNegative, Positive, StrictModel
from robot_learning.dynamics.model import DynamicsError, tensor_of
from robot_learning.dynamics.scaling import Scaling
from robot_learning.dynamics.transitions import Outcomes, Transitions
from robot_learning.networks import Adam, Mlp

Count = Annotated[int, Field(ge=1)]
_PROGRESS = 0.01  # a network is better for it when its error has fallen by this share
_PARTS = "reward", "end"


class RewardSettings(StrictModel):
    """Networks of rewards and ends, and how they are fitted."""

    hidden_sizes: Annotated[tuple[Count, ...], Strict(False)] = Field(
        (128, 128), description="Hidden layers of both networks."
    )
    learning_rate: Positive = Field(1e-3, description="Adam.")
    weight_decay: NonNegative = Field(1e-5, description="Weight of half the squared weights.")
    batch_size: Count = Field(64, description="Transitions of a gradient step.")
    epochs: Count = Field(60, description="Most passes over the data of one fit.")
    patience: Count = Field(10, description="Passes without progress before a fit ends.")


class RewardModel:
    """What a transition is worth towards a goal, and how likely the task ends by itself there.

    Attributes:
        settings: of the networks.
        reward_network: of observation, action, next observation and goal.
        end_network: of next observation and goal: the logit, less that of all transitions.
        inputs: scaling of observation, action, next observation, goal, one behind the other.
        rewards: scaling of rewards.
        fitted: it has learned something.
    """

    def __init__(
        self,
        observation_size: int,
        action_size: int,
        goal_size: int,
        settings: RewardSettings,
        generator: torch.Generator,
    ) -> None:
        """Draws the first weights."""
        self.settings = settings
        self._before = observation_size + action_size
        size = self._before + observation_size + goal_size
        hidden = settings.hidden_sizes
        self.reward_network = Mlp((size, *hidden, 1), generator, activation="silu")
        self.end_network = Mlp((size - self._before, *hidden, 1), generator, activation="silu")
        self.inputs, self.rewards = Scaling.none(size), Scaling.none(1)
        self._end_logit = torch.zeros(1)
        self._seen = torch.zeros(2)  # the lowest and the highest reward
        self.fitted = False

    @torch.no_grad()
    def reward(
        self, observations: Tensor, actions: Tensor, next_observations: Tensor, goals: Tensor
    ) -> Tensor:
        """Rewards of transitions, all (..., size), to (...); none beyond those that were seen."""
        rows = self._rows(observations, actions, next_observations, goals)
        found = self.rewards.unscale(self.reward_network(rows.flatten(0, -2)))
        # A planner looks for what is best, and would find where the network is wrong.
        return found.clamp(self._seen[0], self._seen[1]).view(rows.shape[:-1])

    @torch.no_grad()
    def ends(self, next_observations: Tensor, goals: Tensor) -> Tensor:
        """Probability that the task ends by itself there, (..., size) to (...)."""
        self._require_fitted()
        rows = torch.cat((next_observations, goals), -1)
        rows = (rows - self.inputs.mean[self._before :]) / self.inputs.std[self._before :]
        logits = self.end_network(rows.flatten(0, -2)) + self._end_logit
        return logits.sigmoid().view(rows.shape[:-1])

    def adapt(self, data: Transitions) -> None:
        """Takes scaling, range, and how often tasks end from what is about to be learned from.

        Where no end was ever seen a network that has hardly learned expects none.
        """
        outcomes = outcomes_of(data)
        self.inputs = Scaling.of_inputs(inputs_of(data))
        self.rewards = Scaling.of_outputs(outcomes.rewards[:, None])
        self._seen = torch.stack(outcomes.rewards.aminmax())
        ended = outcomes.terminated.sum() + 0.5
        self._end_logit = (ended / (len(data) + 1.0)).logit().view(1)

    def losses(self, rows: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor]:
        """Squared error of scaled rewards, and cross-entropy of ends in nats, means over rows.

        Args:
            rows: scaled inputs, shape (n, size).
            wanted: scaled reward and whether it ended, shape (n, 2).
        """
        error = (self.reward_network(rows)[:, 0] - wanted[:, 0]).square().mean()
        logits = self.end_network(rows[:, self._before :])[:, 0] + self._end_logit
        return error, binary_cross_entropy_with_logits(logits, wanted[:, 1])

    def scaled(self, data: Transitions) -> tuple[Tensor, Tensor]:
        """What `losses` takes."""
        outcomes = outcomes_of(data)
        rewards = self.rewards.scale(outcomes.rewards[:, None])
        return self.inputs.scale(inputs_of(data)), torch.cat(
            (rewards, outcomes.terminated[:, None]), 1
        )

    def state_dict(self) -> dict[str, Tensor]:
        """Everything needed to predict, and to go on; copies."""
        return {
            "reward": self.reward_network.flat.clone(),
            "end": self.end_network.flat.clone(),
            "end_logit": self._end_logit.clone(),
            "seen": self._seen.clone(),
            "fitted": torch.tensor([self.fitted], dtype=torch.int64),
            **self.inputs.state_dict("inputs"),
            **self.rewards.state_dict("rewards"),
        }

    def load_state_dict(self, tensors: dict[str, Tensor]) -> None:
        """Goes on from a `state_dict`.

        Raises:
            DynamicsError, KeyError: they do not fit together.
        """
        for name, network in zip(_PARTS, (self.reward_network, self.end_network), strict=True):
            network.flat.copy_(tensor_of(tensors, name, len(network.flat)))
        self.inputs = Scaling.read(tensors, "inputs", len(self.inputs.mean))
        self.rewards = Scaling.read(tensors, "rewards", 1)
        self._end_logit = tensor_of(tensors, "end_logit", 1)
        self._seen = tensor_of(tensors, "seen", 2)
        self.fitted = bool(tensors["fitted"].item())

    def _rows(self, *parts: Tensor) -> Tensor:
        self._require_fitted()
        return self.inputs.scale(torch.cat(parts, -1))

    def _require_fitted(self) -> None:
        if not self.fitted:
            raise DynamicsError(
                "the reward was asked for before it was learned: gather data and fit it"
            )


class RewardFit:
    """A fit under way of both networks, on what a model of dynamics is fitted to.

    Attributes:
        figures: once it is done, of what was held out: `reward_error`, the mean squared error in
            units of the rewards' variance (1 is no better than their mean), and
            `termination_loss`, the cross-entropy in nats.
    """

    def __init__(
        self,
        model: RewardModel,
        learned: Transitions,
        held: Transitions,
        rng: np.random.Generator,
    ) -> None:
        """Begins; weights go on from where the last fit left them.

        Raises:
            DynamicsError: nobody wrote down what the transitions were worth.
        """
        self._model, self._rng = model, rng
        model.adapt(learned)
        self._rows, self._wanted = model.scaled(learned)
        self._held = model.scaled(held)
        settings = model.settings
        self._networks = model.reward_network, model.end_network
        self._adams = [
            Adam(network.flat, settings.learning_rate, l2=settings.weight_decay)
            for network in self._networks
        ]
        self._best = [network.flat.clone() for network in self._networks]
        self._errors = self._judged()
        self._order: list[Tensor] = []
        self._epoch = self._waited = 0
        self.figures: dict[str, float] | None = None

    def advance(self) -> bool:
        """One gradient step; whether the fit is done, and has figures."""
        if self.figures is not None:
            return True
        if not self._order:
            order = torch.from_numpy(self._rng.permutation(len(self._rows)))
            self._order = list(torch.split(order, self._model.settings.batch_size))
        rows = self._order.pop()
        losses = self._model.losses(self._rows[rows], self._wanted[rows])
        for network, loss, adam in zip(self._networks, losses, self._adams, strict=True):
            adam.step(network.gradient(loss))
        if not self._order:
            self._end_epoch()
        return self.figures is not None

    @torch.no_grad()
    def _judged(self) -> list[float]:
        return [loss.item() for loss in self._model.losses(*self._held)]

    def _end_epoch(self) -> None:
        self._epoch += 1
        self._waited += 1
        for index, error in enumerate(self._judged()):
            if not np.isfinite(error):
                raise DynamicsError(
                    f"the learned {_PARTS[index]}'s error is {error} after {self._epoch} passes: "
                    "lower learning_rate of the objective"
                )
            if error < self._errors[index] * (1.0 - _PROGRESS):
                self._errors[index], self._waited = error, 0
                self._best[index] = self._networks[index].flat.clone()
        settings = self._model.settings
        if self._waited >= settings.patience or self._epoch >= settings.epochs:
            for network, best in zip(self._networks, self._best, strict=True):
                network.flat.copy_(best)
            self._model.fitted = True
            error, loss = self._errors
            self.figures = {
                "reward_epochs": float(self._epoch),
                "reward_error": error,
                "termination_loss": loss,
            }


def inputs_of(data: Transitions) -> Tensor:
    """Observation, action, next observation and goal, shape (n, o + a + o + g)."""
    goals = outcomes_of(data).goals
    return torch.cat((data.observations, data.actions, data.next_observations, goals), 1)


def outcomes_of(data: Transitions) -> Outcomes:
    """What transitions were worth.

    Raises:
        DynamicsError: nobody wrote it down.
    """
    if data.outcomes is None:
        raise DynamicsError("rewards cannot be learned: these transitions have none")
    return data.outcomes
