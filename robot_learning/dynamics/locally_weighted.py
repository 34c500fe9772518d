"""Locally weighted regression (Atkeson, Moore, Schaal 1997, "Locally weighted learning").

For every question a linear model of its own, from the nearest points, the nearer the more. There
is nothing to fit but the scaling; the data is the model.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from robot_learning.contract.base import Positive
from robot_learning.dynamics.model import (
    NOT_FITTED,
    DynamicsError,
    FitSettings,
    require_enough,
    tensor_of,
)
from robot_learning.dynamics.scaling import Scaling
from robot_learning.dynamics.transitions import Transitions

_PIECE = 512  # rows predicted at once
_PER_WEIGHT = 4  # neighbours for each weight of a local model, where nobody says
_FREEDOM_MIN = 0.1  # of the neighbours' weight, left over for the noise


class LocallyWeightedSettings(FitSettings):
    """How local the models are."""

    neighbours: Annotated[int, Field(ge=2)] | None = Field(
        None,
        description="Points of each local model of a locally weighted regression; none: 4 for each "
        "of its weights, observation, action and a constant.",
    )
    ridge: Positive = Field(
        1e-4, description="Its slopes' penalty, as a share of the neighbours' weight."
    )


class LocallyWeighted:
    """A linear model around every question (it is a `StoredModel`).

    A neighbour's weight falls with the square of its distance, to exp(-2) at the furthest.

    Attributes:
        settings: of its fit.
        inputs: scaling of observation and action, in which distances are measured.
        changes: scaling of what is predicted.
    """

    kind: ClassVar[str] = "locally_weighted"
    members = 1

    def __init__(
        self,
        observation_size: int,
        action_size: int,
        settings: LocallyWeightedSettings | None = None,
        generator: torch.Generator | None = None,
    ) -> None:
        """Knows nothing yet. Nothing is drawn."""
        del generator
        self.settings = settings or LocallyWeightedSettings.model_validate({})
        self._sizes = inputs, outputs = observation_size + action_size, observation_size
        self._neighbours = self.settings.neighbours or _PER_WEIGHT * (inputs + 1)
        self.inputs, self.changes = Scaling.none(inputs), Scaling.none(outputs)
        self._points, self._targets = torch.zeros(0, inputs), torch.zeros(0, outputs)

    @property
    def fitted(self) -> bool:
        """It has points."""
        return len(self._points) > 0

    def fit_pieces(self, data: Transitions) -> Iterator[None]:
        """See `SolvedModel`; there is but one.

        Raises:
            DynamicsError: there are fewer transitions than neighbours.
        """
        yield from ()
        require_enough(
            len(data), self._neighbours, "a model of so many neighbours", ", or lower neighbours"
        )
        self.inputs, self.changes = Scaling.of_inputs(data.inputs), Scaling.of_outputs(data.changes)
        self._points = self.inputs.scale(data.inputs)
        self._targets = self.changes.scale(data.changes)

    def predict(self, observations: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
        """See `DynamicsModel`; the deviation is that of the neighbours, and of the mean."""
        rows = torch.cat((observations, actions), -1)
        mean, variance, share = self._asked(rows.reshape(-1, rows.shape[-1]))
        std = (variance * (1.0 + share)).sqrt().float() * self.changes.std
        moved = observations + self.changes.unscale(mean.float()).view(observations.shape)
        return moved, std.view(observations.shape)

    def disagreement(self, observations: Tensor, actions: Tensor) -> Tensor:
        """See `StoredModel`: the standard error of the local regression."""
        _, variance, share = self._asked(torch.cat((observations, actions), -1))
        return (variance * share).mean(-1).sqrt().float()

    def state_dict(self) -> dict[str, Tensor]:
        """See `StoredModel`."""
        return {
            "points": self._points.clone(),
            "targets": self._targets.clone(),
            **self.inputs.state_dict("inputs"),
            **self.changes.state_dict("changes"),
        }

    def load_state_dict(self, tensors: dict[str, Tensor]) -> None:
        """See `StoredModel`; one without points was not fitted."""
        inputs, outputs = self._sizes
        points = tensor_of(tensors, "points", None, inputs)
        if 0 < len(points) < self._neighbours:
            raise DynamicsError(
                f"{len(points)} points are fewer than {self._neighbours} neighbours"
            )
        self._targets = tensor_of(tensors, "targets", len(points), outputs)
        self.inputs = Scaling.read(tensors, "inputs", inputs)
        self.changes = Scaling.read(tensors, "changes", outputs)
        self._points = points

    @torch.no_grad()
    def _asked(self, rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Of local models at rows, (n, o + a), in scaled units.

        Returns:
            Mean and variance of what is left, (n, o), and the share of that variance that the mean
            has, (n, 1).
        """
        if not self.fitted:
            raise DynamicsError(NOT_FITTED)
        found = [self._local(part) for part in torch.split(self.inputs.scale(rows), _PIECE)]
        mean, variance, share = (torch.cat(part) for part in zip(*found, strict=True))
        return mean, variance, share

    def _local(self, rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        apart = torch.cdist(rows, self._points, compute_mode="donot_use_mm_for_euclid_dist")
        distances, nearest = apart.topk(self._neighbours, largest=False)
        width = distances[:, -1:, None].clamp_min(1e-6).double()
        # Offsets from the question, in units of the furthest neighbour's, and a one.
        offsets = (self._points[nearest] - rows[:, None]).double() / width
        design = torch.cat((torch.ones_like(offsets[..., :1]), offsets), -1)
        weights = (-2.0 * (distances[..., None].double() / width).square()).exp()
        total = weights.sum(1)
        weighted = weights * design
        penalty = torch.eye(design.shape[-1], dtype=design.dtype)
        penalty[0, 0] = 0.0
        squares = design.mT @ weighted + self.settings.ridge * total[..., None] * penalty
        inverse = torch.cholesky_inverse(torch.linalg.cholesky(squares))
        targets = self._targets[nearest].double()
        solution = inverse @ (weighted.mT @ targets)
        residuals = targets - design @ solution
        # Of Schaal and Atkeson 1994: what neighbours count for, less what their model takes.
        taken = ((weighted @ inverse) * weighted).sum((1, 2))[:, None]
        freedom = (total - taken).clamp_min(_FREEDOM_MIN * total)
        variance = (weights * residuals.square()).sum(1) / freedom
        # The mean is a sum of the targets; this is that of its shares' squares.
        share = (weighted @ inverse[:, :, :1]).square().sum(1)
        return solution[:, 0], variance, share
