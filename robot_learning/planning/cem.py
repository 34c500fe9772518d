"""The cross-entropy method (Rubinstein and Kroese 2004), for many problems at once.

Sample, keep the best few, fit a Gaussian to them, sample again. As QT-Opt uses it (Kalashnikov et
al. 2018, section 4.2) it needs no gradient and finds the better of several maxima.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

Score = Callable[[Tensor], Tensor]
"""Candidates (n, samples, d) to what is to be large, (n, samples)."""


class Found(NamedTuple):
    """Where the search ended, for each of n problems.

    Attributes:
        best: the best candidate of all rounds, shape (n, d).
        score: its score, shape (n,).
        mean: of the last round's elites, shape (n, d); where a next search may begin.
        std: of the same, shape (n, d).
    """

    best: Tensor
    score: Tensor
    mean: Tensor
    std: Tensor


@torch.no_grad()
def cross_entropy_method(
    score: Score,
    mean: Tensor,
    std: Tensor,
    noise: Tensor,
    *,
    elites: int,
    low: float | Tensor = -1.0,
    high: float | Tensor = 1.0,
) -> Found:
    """Looks for the candidates of highest score.

    Args:
        score: called once a round with the candidates of all problems.
        mean: of the first round's candidates, shape (n, d).
        std: of the same, shape (n, d).
        noise: standard normal, shape (rounds, n or 1, samples, d): what is drawn is the caller's,
            so that the same noise gives the same answer.
        elites: candidates of each round that the next is fitted to.
        low: candidates are clipped to this from below.
        high: and to this from above.
    """
    best, best_score = mean, torch.full(mean.shape[:1], -torch.inf)
    for drawn in noise:
        candidates = (mean.unsqueeze(1) + std.unsqueeze(1) * drawn).clamp(low, high)
        scores = score(candidates)
        top, chosen = scores.topk(elites, dim=1)
        kept = candidates.gather(1, chosen.unsqueeze(-1).expand(-1, -1, mean.shape[1]))
        better = top[:, 0] > best_score
        best = torch.where(better.unsqueeze(1), kept[:, 0], best)
        best_score = torch.where(better, top[:, 0], best_score)
        mean, std = kept.mean(1), kept.std(1, correction=0)
    return Found(best, best_score, mean, std)
