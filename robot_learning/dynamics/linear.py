"""A linear model by least squares: o' = o + A o + B a + c."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import ClassVar

import torch
from torch import Tensor

from robot_learning.dynamics.model import NOT_FITTED, DynamicsError, FitSettings, require_enough
from robot_learning.dynamics.scaling import Scaling
from robot_learning.dynamics.transitions import Transitions

_RIDGE = 1e-6  # of the diagonal's mean: dimensions that never change do no harm


class LinearDynamics:
    """What a regression finds (it is a `StoredModel`); the baseline of every other model.

    Attributes:
        settings: of its fit.
        weights: of observation, action and a constant, shape (o + a + 1, o).
        std: of what it leaves unexplained, shape (o,).
    """

    kind: ClassVar[str] = "linear"
    members = 1

    def __init__(
        self,
        observation_size: int,
        action_size: int,
        settings: FitSettings | None = None,
        generator: torch.Generator | None = None,
    ) -> None:
        """Knows nothing yet: everything stays where it is. Nothing is drawn."""
        del generator
        self.settings = settings or FitSettings.model_validate({})
        rows = observation_size + action_size + 1
        self.weights = torch.zeros(rows, observation_size)
        self.std = torch.zeros(observation_size)
        self._inverse = torch.zeros(rows, rows)  # of the squares: how little directions were seen
        self._spread = torch.ones(observation_size)
        self.fitted = False

    def fit(self, data: Transitions) -> None:
        """Solves for the weights; raises as `fit_pieces`."""
        deque(self.fit_pieces(data), maxlen=0)

    def fit_pieces(self, data: Transitions) -> Iterator[None]:
        """See `SolvedModel`; there is but one.

        Raises:
            DynamicsError: there are fewer transitions than weights in a column.
        """
        yield from ()
        wanted = len(self.weights)
        require_enough(len(data), wanted, f"a linear model of {wanted} weights a dimension", "")
        rows = _with_one(data.inputs).double()
        changes = data.changes.double()
        squares = rows.T @ rows
        squares += _RIDGE * squares.diagonal().mean() * torch.eye(len(squares), dtype=rows.dtype)
        weights = torch.linalg.solve(squares, rows.T @ changes)
        self.std = (changes - rows @ weights).std(0, correction=0).float()
        # By rows, as a file wants them; a solution comes by columns.
        self._inverse = torch.linalg.inv(squares).float().contiguous()
        self._spread = Scaling.of_outputs(data.changes).std
        self.weights, self.fitted = weights.float().contiguous(), True

    def predict(self, observations: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
        """See `DynamicsModel`."""
        if not self.fitted:
            raise DynamicsError(NOT_FITTED)
        rows = _with_one(torch.cat((observations, actions), -1))
        moved = observations + rows @ self.weights
        return moved, self.std.expand_as(moved)

    def disagreement(self, observations: Tensor, actions: Tensor) -> Tensor:
        """See `StoredModel`: the standard error of the regression."""
        if not self.fitted:
            raise DynamicsError(NOT_FITTED)
        rows = _with_one(torch.cat((observations, actions), -1))
        leverage = ((rows @ self._inverse) * rows).sum(-1).clamp_min(0.0).sqrt()
        return leverage * (self.std / self._spread).square().mean().sqrt()

    def state_dict(self) -> dict[str, Tensor]:
        """See `StoredModel`."""
        return {
            "weights": self.weights.clone(),
            "std": self.std.clone(),
            "inverse": self._inverse.clone(),
            "spread": self._spread.clone(),
            "fitted": torch.tensor([self.fitted], dtype=torch.int64),
        }

    def load_state_dict(self, tensors: dict[str, Tensor]) -> None:
        """See `StoredModel`."""
        self.weights.copy_(tensors["weights"])
        self.std.copy_(tensors["std"])
        self._inverse.copy_(tensors["inverse"])
        self._spread.copy_(tensors["spread"])
        self.fitted = bool(tensors["fitted"].item())

    @property
    def matrices(self) -> tuple[Tensor, Tensor, Tensor]:
        """A, (o, o), B, (o, a), and c, (o,), of o' = A o + B a + c; what LQR takes."""
        size = self.weights.shape[1]
        across = self.weights.T
        return torch.eye(size) + across[:, :size], across[:, size:-1], across[:, -1]


def _with_one(rows: Tensor) -> Tensor:
    return torch.cat((rows, torch.ones(*rows.shape[:-1], 1)), -1)
