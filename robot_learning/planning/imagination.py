"""Plans played in a model: trajectory sampling (Chua et al. 2018, section 5.1).

Particles of a plan go through the members of an ensemble with the noise that these predict. In
`ts1` a particle asks another member at every step; in `tsinf` it stays with one, and where the
members disagree its fate does too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from robot_learning.dynamics.model import DynamicsModel
from robot_learning.planning.objective import Objective

Sampling = Literal["ts1", "tsinf", "mean"]


@dataclass(frozen=True)
class Imagination:
    """Plays plans and sums up what they are worth.

    Attributes:
        model: of the dynamics.
        objective: of the task.
        particles: of each plan and member.
        sampling: who is asked; `mean` leaves the noise out, each particle with its member.
        discount: of rewards a step later.
        pessimism: lambda: so many deviations between particles are taken off the mean.
        disagreement_cost: so much a step for each unit by which the members' predictions lie
            apart; in `tsinf` those of states that have been apart before.
    """

    model: DynamicsModel
    objective: Objective
    particles: int = 4
    sampling: Sampling = "tsinf"
    discount: float = 1.0
    pessimism: float = 0.0
    disagreement_cost: float = 0.0

    @torch.no_grad()
    def value(self, start: Tensor, plans: Tensor, generator: torch.Generator) -> Tensor:
        """What plans are worth: the mean over particles, less what pessimism takes.

        Args:
            start: the observation they begin in, shape (o,).
            plans: actions in units of [-1, 1], shape (n, horizon, a).
            generator: of particles' noise.

        Returns:
            shape (n,); minus infinity where the model's prediction is not finite.
        """
        returns = self.returns(start, plans, generator)
        value = returns.mean(0)
        if self.pessimism and len(returns) > 1:
            value = value - self.pessimism * returns.std(0)
        return torch.where(value.isfinite(), value, torch.full_like(value, -torch.inf))

    @torch.no_grad()
    def returns(self, start: Tensor, plans: Tensor, generator: torch.Generator) -> Tensor:
        """Returns of the particles of plans, shape (members x particles, n)."""
        members, count = self.model.members, len(plans)
        rows = self.particles * count  # of each member
        states = start.expand(members, rows, -1)
        totals, alive = torch.zeros(members, rows), torch.ones(members, rows, dtype=torch.bool)
        discount = 1.0
        played = plans.repeat(self.particles, 1, 1) if self.particles > 1 else plans
        for step in range(plans.shape[1]):
            actions = played[:, step].expand(members, rows, -1)
            if self.sampling == "ts1":
                states, totals, alive = _redealt(states, totals, alive, generator)
            mean, std = self.model.predict(states, actions)
            after = mean
            if self.sampling != "mean":
                after = mean + std * torch.empty_like(mean).normal_(generator=generator)
            reward = self.objective.reward(states, actions, after)
            if self.disagreement_cost:
                apart = mean.std(0, correction=0).square().mean(-1).sqrt()
                reward = reward - self.disagreement_cost * apart
            totals = totals + discount * torch.where(alive, reward, torch.zeros_like(reward))
            alive = alive & ~self.objective.terminated(after)
            states, discount = after, discount * self.discount
        return totals.view(members * self.particles, count)


def _redealt(
    states: Tensor, totals: Tensor, alive: Tensor, generator: torch.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """The particles of a row change places among the members, with all that is theirs."""
    order = torch.rand(totals.shape, generator=generator).argsort(0)
    index = order.unsqueeze(-1).expand_as(states)
    return states.gather(0, index), totals.gather(0, order), alive.gather(0, order)
