"""A linear model by least squares: o' = o + A o + B a + c."""

from __future__ import annotations

import torch
from torch import Tensor

from robot_learning.dynamics.model import DynamicsError
from robot_learning.dynamics.transitions import Transitions


class LinearDynamics:
    """What a regression finds (it is a `DynamicsModel`); the baseline of every other model.

    Attributes:
        weights: of observation, action and a constant, shape (o + a + 1, o).
        std: of what it leaves unexplained, shape (o,).
    """

    members = 1

    def __init__(self, observation_size: int, action_size: int) -> None:
        """Knows nothing yet: everything stays where it is."""
        self.weights = torch.zeros(observation_size + action_size + 1, observation_size)
        self.std = torch.zeros(observation_size)
        self.fitted = False

    def fit(self, data: Transitions, *, ridge: float = 1e-6) -> None:
        """Solves for the weights.

        Args:
            data: at least as many transitions as there are weights in a column.
            ridge: added to the diagonal, as a share of its mean, so that dimensions which never
                change do no harm.

        Raises:
            DynamicsError: there are fewer.
        """
        wanted = len(self.weights)
        if len(data) < wanted:
            raise DynamicsError(
                f"{len(data)} transitions are too few for a linear model of {wanted} weights a "
                "dimension: gather more"
            )
        rows = _with_one(data.inputs).double()
        changes = data.changes.double()
        squares = rows.T @ rows
        squares += ridge * squares.diagonal().mean() * torch.eye(len(squares), dtype=rows.dtype)
        weights = torch.linalg.solve(squares, rows.T @ changes)
        self.std = (changes - rows @ weights).std(0, correction=0).float()
        self.weights, self.fitted = weights.float(), True

    def predict(self, observations: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
        """See `DynamicsModel`."""
        if not self.fitted:
            raise DynamicsError("the model was asked before it was fitted: gather data and fit it")
        rows = _with_one(torch.cat((observations, actions), -1))
        moved = observations + rows @ self.weights
        return moved, self.std.expand_as(moved)

    @property
    def matrices(self) -> tuple[Tensor, Tensor, Tensor]:
        """A, (o, o), B, (o, a), and c, (o,), of o' = A o + B a + c; what LQR takes."""
        size = self.weights.shape[1]
        across = self.weights.T
        return torch.eye(size) + across[:, :size], across[:, size:-1], across[:, -1]


def _with_one(rows: Tensor) -> Tensor:
    return torch.cat((rows, torch.ones(*rows.shape[:-1], 1)), -1)
