"""The linear-quadratic regulator (Kalman 1960), on a model that is linear or was made so."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from robot_learning.dynamics.model import DynamicsModel


class Linear(NamedTuple):
    """o' = A o + B a + c.

    Attributes:
        a: shape (o, o).
        b: shape (o, a).
        c: shape (o,).
    """

    a: Tensor
    b: Tensor
    c: Tensor


class Regulator(NamedTuple):
    """a = -K o - k, of one step.

    Attributes:
        gain: K, shape (a, o).
        bias: k, shape (a,).
    """

    gain: Tensor
    bias: Tensor

    def act(self, observation: Tensor) -> Tensor:
        """The action, shape (a,), not clipped."""
        return -(self.gain @ observation) - self.bias


def linearised(model: DynamicsModel, observation: Tensor, action: Tensor) -> Linear:
    """The model around a point, by central differences of the mean over its members.

    Args:
        model: asked for 2 (o + a) + 1 predictions at once.
        observation: shape (o,).
        action: shape (a,).
    """
    point = torch.cat((observation, action)).double()
    step = 1e-3 * torch.ones_like(point)
    moved = torch.cat((point + torch.diag(step), point - torch.diag(step), point[None])).float()
    size = len(observation)
    shape = (model.members, *moved.shape)
    asked = moved.expand(shape)
    mean = model.predict(asked[..., :size], asked[..., size:])[0].mean(0).double()
    count = len(point)
    slopes = ((mean[:count] - mean[count : 2 * count]) / (2.0 * step[:, None])).T
    a, b = slopes[:, :size], slopes[:, size:]
    c = mean[-1] - a @ observation.double() - b @ action.double()
    return Linear(a, b, c)


def regulate(
    linear: Linear, state_cost: Tensor, action_cost: Tensor, goal: Tensor, horizon: int
) -> list[Regulator]:
    """Minimises sum (o - goal)' Q (o - goal) + a' R a by the Riccati recursion backwards.

    Args:
        linear: the dynamics.
        state_cost: Q, shape (o, o), symmetric, not negative.
        action_cost: R, shape (a, a), symmetric, positive.
        goal: shape (o,).
        horizon: steps.

    Returns:
        A regulator for each step, the first step's first; with a long horizon that one is the
        stationary one.
    """
    a, b, c = (part.double() for part in linear)
    q, r, goal = state_cost.double(), action_cost.double(), goal.double()
    # About the goal: e' = A e + B a + d.
    drift = a @ goal + c - goal
    value, slope = q.clone(), torch.zeros_like(goal)
    found: list[Regulator] = []
    for _ in range(horizon):
        curvature = r + b.T @ value @ b
        gain = torch.linalg.solve(curvature, b.T @ value @ a)
        bias = torch.linalg.solve(curvature, b.T @ (value @ drift + slope))
        closed = a - b @ gain
        slope = closed.T @ (value @ (drift - b @ bias) + slope) + gain.T @ r @ bias
        value = q + gain.T @ r @ gain + closed.T @ value @ closed
        value = 0.5 * (value + value.T)
        found.append(Regulator(gain, bias - gain @ goal))
    return found[::-1]
