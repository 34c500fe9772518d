"""Probabilistic ensembles (Chua et al. 2018, arXiv 1805.12114, sections 3 and 4; appendix A.1).

Each member is a network that says mean and variance of the change of an observation. What noise
there is, every member says; what nobody knows, they say differently. All members are one batched
product.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import torch
from pydantic import Field, Strict
from torch import Tensor
from torch.nn.functional import softplus

from robot_learning.contract.base import NonNegative, Positive
from robot_learning.dynamics.model import NOT_FITTED, DynamicsError, FitSettings
from robot_learning.dynamics.scaling import Scaling
from robot_learning.networks import Adam, Mlp

Count = Annotated[int, Field(ge=1)]
Unit = Annotated[float, Field(ge=0.0, le=1.0)]
_LOG_VAR_LOW, _LOG_VAR_HIGH = -10.0, 0.5  # at first; both are learned
_BOUNDS_WEIGHT = 0.01


class EnsembleSettings(FitSettings):
    """Networks, and how they are fitted."""

    members: Count = Field(5, description="Networks (Chua et al. 2018, appendix A.1: 5).")
    elites: Count = Field(5, description="Of them that are asked: those best on held-out data.")
    hidden_sizes: Annotated[tuple[Count, ...], Strict(False)] = Field(
        (200, 200, 200), description="Hidden layers (the same: 3 or 4 of 200)."
    )
    likelihood: Literal["gaussian", "squared_error"] = Field(
        "gaussian", description="Mean and variance, or a mean alone: a deterministic model."
    )
    variance_weight: Unit = Field(
        0.5,
        description="beta of Seitzer et al. 2022 (arXiv 2203.09168): a gaussian's loss is weighted "
        "by its variance to this power. At 0 rare large changes, as a touch is, pass for noise; "
        "1 fits the mean as a squared error does.",
    )
    diversity: Literal["bootstrap", "initialisation"] = Field(
        "bootstrap", description="Members see other draws of the data, or only begin elsewhere."
    )
    learning_rate: Positive = Field(1e-3, description="Adam.")
    weight_decay: NonNegative = Field(5e-5, description="Weight of half the squared weights.")
    batch_size: Count = Field(128, description="Transitions a member sees in a gradient step.")
    epochs: Count = Field(60, description="Most passes over the data of one fit.")
    patience: Count = Field(8, description="Passes without progress before a fit ends.")


class Ensemble:
    """Several networks that say how observations change (it is a `StoredModel`).

    Attributes:
        settings: of the networks.
        elites: numbers of the members that are asked, ascending.
        inputs: scaling of observation and action.
        changes: scaling of what is predicted.
        fitted: it has learned something.
    """

    kind: ClassVar[str] = "ensemble"

    def __init__(
        self,
        observation_size: int,
        action_size: int,
        settings: EnsembleSettings,
        generator: torch.Generator,
    ) -> None:
        """Draws the first weights.

        Raises:
            DynamicsError: more elites than members.
        """
        if settings.elites > settings.members:
            raise DynamicsError(
                f"elites {settings.elites} are more than members {settings.members}: lower elites"
            )
        self.settings = settings
        self.observation_size, self.action_size = observation_size, action_size
        self._gaussian = settings.likelihood == "gaussian"
        outputs = observation_size * (2 if self._gaussian else 1)
        sizes = (observation_size + action_size, *settings.hidden_sizes, outputs)
        self.network = Mlp(sizes, generator, members=settings.members, activation="silu")
        self.bounds = torch.tensor([[_LOG_VAR_LOW], [_LOG_VAR_HIGH]]).repeat(1, observation_size)
        self.bounds.requires_grad_()
        self.elites = torch.arange(settings.elites)
        self.inputs = Scaling.none(observation_size + action_size)
        self.changes = Scaling.none(observation_size)
        self.fitted = False
        self._copies: dict[torch.dtype, tuple[int, Tensor, Mlp]] = {}
        self.restart_optimiser()

    @property
    def members(self) -> int:
        """Those that are asked."""
        return len(self.elites)

    @torch.no_grad()
    def predict(
        self, observations: Tensor, actions: Tensor, *, dtype: torch.dtype = torch.float32
    ) -> tuple[Tensor, Tensor]:
        """See `DynamicsModel`; the members asked are the elites.

        With another `dtype` the products are of that precision; what goes in and comes out, and
        the scaling of it, is float32.
        """
        if not self.fitted:
            raise DynamicsError(NOT_FITTED)
        rows = self.inputs.scale(torch.cat((observations, actions), -1))
        mean, log_var = self._distribution(self._asked(dtype)(rows.to(dtype)).float())
        moved = observations + self.changes.unscale(mean)
        return moved, (0.5 * log_var).exp() * self.changes.std

    def disagreement(self, observations: Tensor, actions: Tensor) -> Tensor:
        """See `StoredModel`: how far the members' means lie apart."""
        shape = (self.members, *observations.shape[:1], -1)
        mean, _ = self.predict(observations.expand(shape), actions.expand(shape))
        return (mean.std(0, correction=0) / self.changes.std).square().mean(-1).sqrt()

    def losses(self, rows: Tensor, wanted: Tensor) -> Tensor:
        """Loss of each member on scaled rows, (members, n, ...) -> (members,)."""
        mean, log_var = self._distribution(self.network(rows))
        squared = (mean - wanted).square()
        if not self._gaussian:
            return squared.mean((1, 2))
        likelihood = squared * (-log_var).exp() + log_var
        if self.settings.variance_weight:
            likelihood = likelihood * (self.settings.variance_weight * log_var.detach()).exp()
        return likelihood.mean((1, 2))

    @torch.no_grad()
    def errors(self, rows: Tensor, wanted: Tensor) -> Tensor:
        """Mean squared error of each member's mean, (n, ...) -> (members,), in scaled units.

        Dimensions that never changed in what is learned from count for nothing here too.
        """
        mean, _ = self._distribution(self.network(rows))
        return ((mean - wanted).square() * self.changes.varies).mean((1, 2))

    def descend(self, rows: Tensor, wanted: Tensor) -> float:
        """One gradient step of all members on rows of their own, (members, n, ...)."""
        loss = self.losses(rows, wanted).sum()
        if self._gaussian:
            loss = loss + _BOUNDS_WEIGHT * (self.bounds[1] - self.bounds[0]).sum()
        parts = [*self.network.parts, *([self.bounds] if self._gaussian else [])]
        gradients = torch.autograd.grad(loss, parts)
        count = len(self.network.parts)
        self._adam.step(torch.cat([gradient.reshape(-1) for gradient in gradients[:count]]))
        if self._gaussian:
            self._bounds_adam.step(gradients[count].reshape(-1))
        return loss.item() / self.settings.members

    def restart_optimiser(self) -> None:
        """Forgets the moments; weights stay."""
        settings = self.settings
        self._adam = Adam(self.network.flat, settings.learning_rate, l2=settings.weight_decay)
        self._bounds_adam = Adam(self.bounds.detach().view(-1), settings.learning_rate)

    def state_dict(self) -> dict[str, Tensor]:
        """Everything needed to predict, and to go on."""
        tensors = {
            "network": self.network.flat.clone(),
            "bounds": self.bounds.detach().clone(),
            "elites": self.elites.clone(),
            "fitted": torch.tensor([self.fitted], dtype=torch.int64),
        }
        tensors |= self.inputs.state_dict("inputs") | self.changes.state_dict("changes")
        for name, adam in (("adam", self._adam), ("bounds_adam", self._bounds_adam)):
            tensors |= {f"{name}.{key}": value for key, value in adam.state_dict().items()}
        return tensors

    def load_state_dict(self, tensors: dict[str, Tensor]) -> None:
        """Goes on from a `state_dict`; where optimisers are not in it, only to predict."""
        self.network.flat.copy_(tensors["network"])
        self.bounds.detach().copy_(tensors["bounds"])
        self.elites = tensors["elites"].to(torch.int64)
        self.fitted = bool(tensors["fitted"].item())
        size = self.observation_size
        self.inputs = Scaling.read(tensors, "inputs", size + self.action_size)
        self.changes = Scaling.read(tensors, "changes", size)
        for name, adam in (("adam", self._adam), ("bounds_adam", self._bounds_adam)):
            prefix = f"{name}."
            own = {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
            if own:
                adam.load_state_dict(own)

    def _asked(self, dtype: torch.dtype) -> Mlp:
        """The networks of the elites; copies are kept until the weights change."""
        if dtype == torch.float32 and self.members == self.settings.members:
            return self.network
        now = self.network.flat._version
        version, elites, copy = self._copies.get(dtype, (-1, self.elites, self.network))
        if version != now or elites is not self.elites:
            copy = self.network.chosen(self.elites, dtype)
            self._copies[dtype] = now, self.elites, copy
        return copy

    def _distribution(self, outputs: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log variance in scaled units; the variance stays within learned bounds."""
        if not self._gaussian:
            return outputs, torch.full((), -torch.inf).expand_as(outputs)
        mean, log_var = outputs.chunk(2, -1)
        low, high = self.bounds[0], self.bounds[1]
        log_var = high - softplus(high - log_var)
        return mean, low + softplus(log_var - low)
