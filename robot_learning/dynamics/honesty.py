"""How far a model can be believed: errors over horizons, and what it says of its own noise.

A model that is good for one step may be worthless after ten. Played open loop from states of
episodes that it never saw, with the actions that were done there, its error against the horizon
says how far a plan may look ahead; and how often the truth lies within the deviation that it
predicts says whether that deviation means anything.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from robot_learning.dynamics.model import DynamicsError, DynamicsModel
from robot_learning.dynamics.transitions import Transitions

SHARES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
_SHOWN = (0.5, 0.8, 0.95)  # of these in the metrics
ERROR_MAX = 0.5
_WORST = 1e3  # an error beyond says no more, and a model that blew up has a finite one
STARTS_MAX = 300  # so many tell an error well, and a fit every few steps can afford them


class Ahead(NamedTuple):
    """How far a method trusts its model.

    Attributes:
        setting: name of the hyper-parameter.
        steps: its value.
    """

    setting: str
    steps: int


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
        coverage: for each of `SHARES`: of the one-step truths that lie within the interval that
            should hold so many.
    """

    horizons: tuple[int, ...]
    error: tuple[float, ...]
    still: tuple[float, ...]
    starts: tuple[int, ...]
    coverage: dict[float, float]

    def honest_horizon(self, error_max: float = ERROR_MAX) -> int:
        """The longest horizon up to which every error is at most this; 0 for none."""
        found = 0
        for horizon, error in zip(self.horizons, self.error, strict=True):
            if error > error_max:
                break
            found = horizon
        return found

    def beyond(self, ahead: Ahead) -> str:
        """What to say of a method that looks further ahead than this; empty where none does.

        A horizon that no held-out episode is long enough for is not judged.
        """
        honest = self.honest_horizon()
        if honest >= min(ahead.steps, len(self.horizons)):
            return ""
        return (
            f"{ahead.setting} is {ahead.steps}, the model is honest for {honest} of these steps "
            f"(then its error is above {ERROR_MAX:g} of the spread): lower {ahead.setting} or "
            "gather more"
        )

    def figures(self) -> dict[str, float]:
        """For the run's metrics; always the same names, so that none is left from before."""
        return {
            "model_error_1": self.error[0],
            "model_error_at_horizon": self.error[-1],
            "model_horizon": float(self.horizons[-1]),
            "model_honest_horizon": float(self.honest_horizon()),
            **{f"model_coverage_{share:g}": self.coverage[share] for share in _SHOWN},
        }


@torch.no_grad()
def examine(
    model: DynamicsModel, held: Transitions, horizon: int, *, starts_max: int = STARTS_MAX
) -> Honesty:
    """Plays a model on episodes that it was not fitted to.

    Args:
        model: its members' mean is what is judged; each goes on from its own prediction.
        held: whole episodes; starts whose episode is shorter than a horizon are left out of it.
        horizon: longest, at least 1.
        starts_max: of more states so many are played from, spread evenly.

    Raises:
        DynamicsError: no episode is as long as one step.
    """
    if not len(held):
        raise DynamicsError("there are no held-out transitions to judge the model by: gather more")
    spread = held.next_observations.std(0, correction=0)
    spread = torch.where(spread > 1e-6, spread, torch.ones_like(spread))
    count = min(len(held), starts_max)
    begun = torch.arange(count) * len(held) // count
    states = held.observations[begun].expand(model.members, -1, -1)
    errors, still, starts = list[float](), list[float](), list[int]()
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
    error = float(((predicted - truth) / spread).square().mean(0).sqrt().mean())
    return min(error, _WORST) if math.isfinite(error) else _WORST


def _coverage(model: DynamicsModel, held: Transitions) -> dict[float, float]:
    """Of the mixture of the members: its mean, and the variance within and between them."""
    shape = (model.members, -1, -1)
    mean, std = model.predict(held.observations.expand(shape), held.actions.expand(shape))
    variance = std.square().mean(0) + mean.var(0, correction=0)
    away = (held.next_observations - mean.mean(0)).abs() / variance.sqrt().clamp_min(1e-12)
    # A Gaussian has this share of itself within so many deviations.
    bounds = math.sqrt(2.0) * torch.erfinv(torch.tensor(SHARES))
    return {
        share: float((away <= bound).float().mean())
        for share, bound in zip(SHARES, bounds, strict=True)
    }
