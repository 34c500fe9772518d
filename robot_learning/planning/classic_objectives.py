"""Rewards of classic problems of control, as formulas: cart-pole and pendulum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from robot_learning.envs.cart_pole import LEAN_RAD, TRACK_M
from robot_learning.planning.objective import KnownObjective


@dataclass(frozen=True)
class Balance(KnownObjective):
    """`envs.cart_pole`: 1 for every step after which the pole stands, which ends when it falls.

    Attributes:
        centring: taken off at the ends of the track and of the leaning, quadratic in both. All
            plans that keep the pole up over a horizon are worth the same otherwise, and between
            them the cart drifts to where no plan keeps it on the track.
    """

    name: ClassVar[str] = "balance"

    centring: float = 0.1

    def reward(self, observations: Tensor, actions: Tensor, next_observations: Tensor) -> Tensor:
        """See `Objective`."""
        position, lean = next_observations[..., 0] / TRACK_M, next_observations[..., 2] / LEAN_RAD
        away = 0.5 * self.centring * (position.square() + lean.square())
        return (1.0 - away) * (~self.terminated(next_observations))

    def terminated(self, next_observations: Tensor) -> Tensor:
        """Beyond the track, or fallen."""
        off = next_observations[..., 0].abs() > TRACK_M
        return off | (next_observations[..., 2].abs() > LEAN_RAD)


@dataclass(frozen=True)
class SwingUp(KnownObjective):
    """Gymnasium's Pendulum-v1: observation cosine, sine, angular velocity; torque 2 Nm at 1."""

    name: ClassVar[str] = "swing_up"

    def reward(self, observations: Tensor, actions: Tensor, next_observations: Tensor) -> Tensor:
        """See `Objective`."""
        angle = torch.atan2(observations[..., 1], observations[..., 0])
        torque = 2.0 * actions[..., 0].clamp(-1.0, 1.0)
        turning = observations[..., 2]
        return -(angle.square() + 0.1 * turning.square() + 0.001 * torque.square())
