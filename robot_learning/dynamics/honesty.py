"""How far a model can be believed: errors over horizons, and what it says of its own noise.

A model that is good for one step may be worthless after ten. Played open loop from states of
episodes that it never saw, with the actions that were done there, its error against the horizon
says how far a plan may look ahead; and how often the truth lies within the deviation that it
predicts says whether that deviation means anything.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from robot_learning.dynamics.model import DynamicsError, DynamicsModel
from robot_learning.dynamics.transitions import Transitions

# Shares of a Gaussian within so many deviations.
_WITHIN = {0.5: 0.6745, 0.8: 1.2816, 0.95: 1.9600}


@dataclass(frozen=True)
class Honesty:
    """What was found on held-out episodes.

    Attributes:
        horizons: 1 to the longest, in steps.
        error: root mean squared error of the prediction after so many steps, in units of each
            dimension's spread over the episodes, mean over dimensions; shape (horizons,). 1 is
            no better than to say the mean.
        still: the same for a model that says that nothing changes, shape (horizons,).
        starts: from how many states each horizon was played.
        coverage: for the shares 0.5, 0.8 and 0.95: of the one-step truths that lie within the
            interval that should hold so many.
    """

    horizons: tuple[int, ...]
    error: tuple[float, ...]
    still: tuple[float, ...]
    starts: tuple[int, ...]
    coverage: dict[float, float]

    def honest_horizon(self, error_max: float = 0.5) -> int:
        """The longest horizon up to which every error is at most this; 0 for none."""
        found = 0
        for horizon, error in zip(self.horizons, self.error, strict=True):
            if error > error_max:
                break
            found = horizon
        return found

    def figures(self) -> dict[str, float]:
        """For the run's metrics."""
        return {
            "model_error_1": self.error[0],
            f"model_error_{self.horizons[-1]}": self.error[-1],
            "model_honest_horizon": float(self.honest_horizon()),
            **{f"model_coverage_{share:g}": found for share, found in self.coverage.items()},
        }


@torch.no_grad()
def examine(model: DynamicsModel, held: Transitions, horizon: int) -> Honesty:
    """Plays a model on episodes that it was not fitted to.

    Args:
        model: its members' mean is what is judged; each goes on from its own prediction.
        held: whole episodes; starts whose episode is shorter than a horizon are left out of it.
        horizon: longest, at least 1.

    Raises:
        DynamicsError: no episode is as long as one step.
    """
    if not len(held):
        raise DynamicsError("there are no held-out transitions to judge the model by: gather more")
    spread = held.next_observations.std(0, correction=0)
    spread = torch.where(spread > 1e-6, spread, torch.ones_like(spread))
    rows = torch.arange(len(held))
    states = held.observations.expand(model.members, -1, -1)
    errors, still, starts = list[float](), list[float](), list[int]()
    begun = rows.clone()
    for step in range(horizon):
        now = begun + step
        # Rows whose episode goes on as far as this.
        fits = now < len(held)
        fits[fits.clone()] = held.episodes[now[fits]] == held.episodes[begun[fits]]
        if not fits.any():
            break
        begun, now, states = begun[fits], now[fits], states[:, fits]
        actions = held.actions[now].expand(model.members, -1, -1)
        states, _ = model.predict(states, actions)
        truth = held.next_observations[now]
        errors.append(_error(states.mean(0), truth, spread))
        still.append(_error(held.observations[begun], truth, spread))
        starts.append(len(now))
    horizons = tuple(range(1, len(errors) + 1))
    return Honesty(horizons, tuple(errors), tuple(still), tuple(starts), _coverage(model, held))


def _error(predicted: Tensor, truth: Tensor, spread: Tensor) -> float:
    return float(((predicted - truth) / spread).square().mean(0).sqrt().mean())


def _coverage(model: DynamicsModel, held: Transitions) -> dict[float, float]:
    """Of the mixture of the members: its mean, and the variance within and between them."""
    shape = (model.members, -1, -1)
    mean, std = model.predict(held.observations.expand(shape), held.actions.expand(shape))
    variance = std.square().mean(0) + mean.var(0, correction=0)
    away = (held.next_observations - mean.mean(0)).abs() / variance.sqrt().clamp_min(1e-12)
    return {share: float((away <= bound).float().mean()) for share, bound in _WITHIN.items()}
