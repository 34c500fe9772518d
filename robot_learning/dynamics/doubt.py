"""Whether a model doubts where it is wrong: its members' disagreement beside its error."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from robot_learning.dynamics.model import DynamicsModel
from robot_learning.dynamics.transitions import Transitions

_ROWS_MAX = 2_000


@dataclass(frozen=True)
class Doubt:
    """Of held-out transitions, one step ahead, in units of the changes' spread.

    Attributes:
        disagreement: root mean square over dimensions of the deviation of the members' means;
            of a model without members that of its own noise; shape (n,).
        error: of the mean prediction, the same over dimensions, shape (n,).
    """

    disagreement: Tensor
    error: Tensor

    @property
    def correlation(self) -> float:
        """Spearman's rank correlation of the two; 0 where either is constant.

        1: the model knows where it is wrong. 0: its disagreement says nothing.
        """
        ranks = torch.stack((_ranks(self.disagreement), _ranks(self.error)))
        return float(torch.corrcoef(ranks)[0, 1].nan_to_num(0.0))


@torch.no_grad()
def doubt(model: DynamicsModel, held: Transitions) -> Doubt:
    """Asks a model about transitions that it was not fitted to; of many, evenly spread ones."""
    count = min(len(held), _ROWS_MAX)
    held = held.take(torch.arange(count) * len(held) // count)
    spread = held.changes.std(0, correction=0)
    spread = torch.where(spread > 1e-6, spread, torch.ones_like(spread))
    shape = (model.members, -1, -1)
    mean, std = model.predict(held.observations.expand(shape), held.actions.expand(shape))
    apart = mean.std(0, correction=0) if model.members > 1 else std[0]
    return Doubt(_size(apart / spread), _size((mean.mean(0) - held.next_observations) / spread))


def _size(rows: Tensor) -> Tensor:
    return rows.square().mean(-1).sqrt()


def _ranks(values: Tensor) -> Tensor:
    """Ranks from 0; those of equal values are their mean."""
    _, where, counts = torch.unique(values, return_inverse=True, return_counts=True)
    below = counts.cumsum(0) - counts
    ranks: Tensor = below + 0.5 * (counts - 1.0)
    return ranks[where].double()
