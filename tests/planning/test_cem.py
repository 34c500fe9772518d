from __future__ import annotations

import pytest
import torch
from torch import Tensor

from robot_learning.planning import cross_entropy_method


def quadratics(n: int, d: int) -> tuple[Tensor, Tensor]:
    """Centres within the bounds and positive definite curvatures of n problems."""
    generator = torch.Generator().manual_seed(0)
    centres = torch.empty(n, d).uniform_(-0.7, 0.7, generator=generator)
    factors = torch.empty(n, d, d).normal_(generator=generator)
    return centres, factors @ factors.mT + torch.eye(d)


def search(
    n: int, d: int, rounds: int, samples: int, elites: int, seed: int = 1
) -> tuple[Tensor, Tensor]:
    centres, curvatures = quadratics(n, d)

    def score(candidates: Tensor) -> Tensor:
        away = candidates - centres.unsqueeze(1)
        return -torch.einsum("nsi,nij,nsj->ns", away, curvatures, away)

    noise = torch.empty(rounds, n, samples, d).normal_(
        generator=torch.Generator().manual_seed(seed)
    )
    found = cross_entropy_method(score, torch.zeros(n, d), torch.ones(n, d), noise, elites=elites)
    torch.testing.assert_close(found.score, score(found.best.unsqueeze(1))[:, 0])
    return found.best, centres


def test_it_converges_to_the_optimum_of_a_quadratic() -> None:
    best, centres = search(20, 3, rounds=30, samples=200, elites=20)
    assert (best - centres).abs().max() < 1e-3


def test_two_rounds_of_64_come_near_the_optimum_in_four_dimensions() -> None:
    """As QT-Opt searches. The mean start, 0, is on average 0.8 away."""
    best, centres = search(200, 4, rounds=2, samples=64, elites=6)
    assert (best - centres).norm(dim=1).mean() < 0.45
    assert centres.norm(dim=1).mean() > 0.7


def test_problems_side_by_side_do_not_mix() -> None:
    """Three rows alone give what they give among twenty."""
    centres, curvatures = quadratics(20, 3)
    noise = torch.empty(4, 20, 50, 3).normal_(generator=torch.Generator().manual_seed(1))

    def solve(rows: slice) -> Tensor:
        def score(candidates: Tensor) -> Tensor:
            away = candidates - centres[rows].unsqueeze(1)
            return -torch.einsum("nsi,nij,nsj->ns", away, curvatures[rows], away)

        start = torch.zeros(len(centres[rows]), 3)
        return cross_entropy_method(
            score, start, torch.ones_like(start), noise[:, rows], elites=5
        ).best

    torch.testing.assert_close(solve(slice(4, 7)), solve(slice(None))[4:7])


def test_candidates_stay_within_the_bounds_and_a_bound_can_be_the_best() -> None:
    def score(candidates: Tensor) -> Tensor:
        assert candidates.min() >= -0.5 and candidates.max() <= 0.25
        return candidates.sum(-1)

    noise = torch.empty(3, 1, 40, 2).normal_(generator=torch.Generator().manual_seed(0))
    start = torch.zeros(2, 2)
    found = cross_entropy_method(
        score, start, torch.ones(2, 2), noise, elites=4, low=-0.5, high=0.25
    )
    assert torch.equal(found.best, torch.full((2, 2), 0.25))


@pytest.mark.parametrize("seed", range(3))
def test_the_best_of_an_early_round_is_not_forgotten(seed: int) -> None:
    """A score that only one candidate of the first round has."""
    noise = torch.empty(5, 1, 30, 1).normal_(generator=torch.Generator().manual_seed(seed))
    needle = noise[0, 0, 7].clamp(-1, 1)

    def score(candidates: Tensor) -> Tensor:
        return (candidates[..., 0] == needle).float()

    found = cross_entropy_method(score, torch.zeros(1, 1), torch.ones(1, 1), noise, elites=10)
    assert found.score.item() == 1.0
    assert torch.equal(found.best[0], needle)
