"""Probabilistic ensembles (Chua et al. 2018, arXiv 1805.12114, sections 3 and 4; appendix A.1).

Each member is a network that says mean and variance of the change of an observation. What noise
there is, every member says; what nobody knows, they say differently. All members are one batched
product.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import torch
from pydantic import Field, Strict
from torch import Tensor
from torch.nn.functional import softplus

from robot_learning.contract.base import NonNegative, Positive, StrictModel
from robot_learning.dynamics.model import DynamicsError
from robot_learning.dynamics.scaling import Scaling
from robot_learning.networks import Adam, Mlp

Count = Annotated[int, Field(ge=1)]
_LOG_VAR_LOW, _LOG_VAR_HIGH = -10.0, 0.5  # at first; both are learned
_BOUNDS_WEIGHT = 0.01


class EnsembleSettings(StrictModel):
    """Networks, and how they are fitted."""

    members: Count = Field(5, description="Networks (Chua et al. 2018, appendix A.1: 5).")
    elites: Count = Field(5, description="Of them that are asked: those best on held-out data.")
    hidden_sizes: Annotated[tuple[Count, ...], Strict(False)] = Field(
        (200, 200, 200), description="Hidden layers (the same: 3 or 4 of 200)."
    )
    likelihood: Literal["gaussian", "squared_error"] = Field(
        "gaussian", description="Mean and variance, or a mean alone: a deterministic model."
    )
    diversity: Literal["bootstrap", "initialisation"] = Field(
        "bootstrap", description="Members see other draws of the data, or only begin elsewhere."
    )
    learning_rate: Positive = Field(1e-3, description="Adam.")
    weight_decay: NonNegative = Field(5e-5, description="Weight of half the squared weights.")
    batch_size: Count = Field(128, description="Transitions a member sees in a gradient step.")
    epochs: Count = Field(60, description="Most passes over the data of one fit.")
    patience: Count = Field(8, description="Passes without progress before a fit ends.")
    held_out_share: Annotated[float, Field(gt=0.0, lt=1.0)] = Field(
        0.15, description="Of the episodes; they say when to stop, and who is asked."
    )
    transitions_min: Count = Field(50, description="Fewer are too few to begin with.")


class Ensemble:
    """Several networks that say how observations change (it is a `DynamicsModel`).

    Attributes:
        settings: of the networks.
        elites: numbers of the members that are asked, ascending.
        inputs: scaling of observation and action.
        changes: scaling of what is predicted.
        fitted: it has learned something.
    """

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
        self.restart_optimiser()

    @property
    def members(self) -> int:
        """Those that are asked."""
        return len(self.elites)

    @torch.no_grad()
    def predict(self, observations: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
        """See `DynamicsModel`; the members asked are the elites."""
        if not self.fitted:
            raise DynamicsError("the model was asked before it was fitted: gather data and fit it")
        rows = self.inputs.scale(torch.cat((observations, actions), -1))
        everyone = self.members == self.settings.members  # no weights to be gathered
        outputs = self.network(rows) if everyone else self.network.chosen(self.elites, rows)
        mean, log_var = self._distribution(outputs)
        moved = observations + self.changes.unscale(mean)
        return moved, (0.5 * log_var).exp() * self.changes.std

    def disagreement(self, observations: Tensor, actions: Tensor) -> Tensor:
        """How far the members' means lie apart, in units of the changes' spread.

        Args:
            observations: shape (n, o).
            actions: shape (n, a).

        Returns:
            shape (n,): root mean square over dimensions of the deviation over members.
        """
        shape = (self.members, *observations.shape[:1], -1)
        mean, _ = self.predict(observations.expand(shape), actions.expand(shape))
        return (mean.std(0, correction=0) / self.changes.std).square().mean(-1).sqrt()

    def losses(self, rows: Tensor, wanted: Tensor) -> Tensor:
        """Loss of each member on scaled rows, (members, n, ...) -> (members,)."""
        mean, log_var = self._distribution(self.network(rows))
        squared = (mean - wanted).square()
        if not self._gaussian:
            return squared.mean((1, 2))
        return (squared * (-log_var).exp() + log_var).mean((1, 2))

    @torch.no_grad()
    def errors(self, rows: Tensor, wanted: Tensor) -> Tensor:
        """Mean squared error of each member's mean, (n, ...) -> (members,), in scaled units."""
        mean, _ = self._distribution(self.network(rows))
        return (mean - wanted).square().mean((1, 2))

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
        for name, scaling in (("inputs", self.inputs), ("changes", self.changes)):
            tensors |= {f"{name}.mean": scaling.mean.clone(), f"{name}.std": scaling.std.clone()}
        for name, adam in (("adam", self._adam), ("bounds_adam", self._bounds_adam)):
            tensors |= {f"{name}.{key}": value for key, value in adam.state_dict().items()}
        return tensors

    def load_state_dict(self, tensors: dict[str, Tensor]) -> None:
        """Goes on from a `state_dict`; where optimisers are not in it, only to predict."""
        self.network.flat.copy_(tensors["network"])
        self.bounds.detach().copy_(tensors["bounds"])
        self.elites = tensors["elites"].to(torch.int64)
        self.fitted = bool(tensors["fitted"].item())
        self.inputs = Scaling(tensors["inputs.mean"].clone(), tensors["inputs.std"].clone())
        self.changes = Scaling(tensors["changes.mean"].clone(), tensors["changes.std"].clone())
        for name, adam in (("adam", self._adam), ("bounds_adam", self._bounds_adam)):
            prefix = f"{name}."
            own = {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
            if own:
                adam.load_state_dict(own)

    def description(self) -> dict[str, Any]:
        """Settings as JSON can hold them."""
        return self.settings.model_dump(mode="json")

    def _distribution(self, outputs: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log variance in scaled units; the variance stays within learned bounds."""
        if not self._gaussian:
            return outputs, torch.full((), -torch.inf).expand_as(outputs)
        mean, log_var = outputs.chunk(2, -1)
        low, high = self.bounds[0], self.bounds[1]
        log_var = high - softplus(high - log_var)
        return mean, low + softplus(log_var - low)
