"""Methods of planning on a problem whose best plan is known."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from robot_learning.planning.search import Plan, Search, moved_on, plan
from robot_learning.planning.searches import (
    Cem,
    ICem,
    Mppi,
    RandomShooting,
    coloured_noise,
)

HORIZON, SIZE = 6, 2
WANTED = torch.linspace(-0.7, 0.7, HORIZON * SIZE).view(HORIZON, SIZE)
METHODS: dict[str, Callable[[], Search]] = {
    "random": lambda: RandomShooting(HORIZON, SIZE, population=2_000),
    "cem": lambda: Cem(HORIZON, SIZE, population=200, rounds=8),
    "icem": lambda: ICem(HORIZON, SIZE, population=200, rounds=8, colour=0.5),
    "mppi": lambda: Mppi(HORIZON, SIZE, population=400, rounds=12, std=0.3, colour=0.0),
}
# What is left of the squared distance of the plan that does nothing.
SHARES = {"random": 0.6, "cem": 0.02, "icem": 0.02, "mppi": 0.1}


def score(plans: Tensor) -> Tensor:
    return -(plans - WANTED).square().sum((1, 2))


def searched(name: str, seed: int = 0, **options: float) -> tuple[Plan, Search]:
    search = METHODS[name]()
    return plan(search, score, torch.Generator().manual_seed(seed), **options), search


@pytest.mark.parametrize("name", METHODS)
def test_it_comes_near_the_best_plan_and_stays_within_the_limits(name: str) -> None:
    found, _ = searched(name)
    assert found.complete and found.actions.shape == (HORIZON, SIZE)
    assert found.actions.abs().max() <= 1.0
    nothing = score(torch.zeros(1, HORIZON, SIZE)).item()
    assert score(found.actions[None]).item() > SHARES[name] * nothing


@pytest.mark.parametrize("name", METHODS)
def test_the_same_generator_gives_the_same_plan(name: str) -> None:
    (one, _), (other, _) = searched(name), searched(name)
    assert torch.equal(one.actions, other.actions)


@pytest.mark.parametrize("name", METHODS)
def test_what_is_best_outside_is_looked_for_at_the_limit(name: str) -> None:
    def outside(plans: Tensor) -> Tensor:
        return plans.sum((1, 2))

    found = plan(METHODS[name](), outside, torch.Generator().manual_seed(0))
    assert found.actions.max() <= 1.0
    assert found.actions.mean() > (0.2 if name == "random" else 0.5)


@pytest.mark.parametrize("name", METHODS)
def test_it_begins_with_the_rest_of_the_plan_before_and_forgets_it_when_told(name: str) -> None:
    found, search = searched(name)
    torch.testing.assert_close(search._mean[:-1], found.actions[1:])
    torch.testing.assert_close(search._mean[-1], found.actions[-1])
    first = search.candidates(0, torch.Generator().manual_seed(1))[0]
    torch.testing.assert_close(first, search._mean)
    search.forget()
    assert not search._mean.any()


def test_elites_go_on_into_the_next_plan() -> None:
    _, search = searched("icem")
    assert isinstance(search, ICem)
    again = search.candidates(0, torch.Generator().manual_seed(1))
    assert len(again) > 200 and torch.equal(again[200:], search._kept)
    search.forget()
    assert len(search.candidates(0, torch.Generator().manual_seed(1))) == 200


def test_values_that_are_not_finite_are_never_chosen() -> None:
    def broken(plans: Tensor) -> Tensor:
        values = score(plans)
        return torch.where(plans[:, 0, 0] > 0, torch.tensor(-torch.inf), values)

    for name in METHODS:
        found = plan(METHODS[name](), broken, torch.Generator().manual_seed(0))
        assert found.actions.isfinite().all() and found.value > -torch.inf


@pytest.mark.parametrize("colour", [0.0, 1.0, 2.0, 3.5])
@pytest.mark.parametrize("horizon", [1, 2, 15, 16])
def test_coloured_noise_has_variance_one_whatever_its_colour(colour: float, horizon: int) -> None:
    drawn = coloured_noise(6_000, horizon, 2, colour, torch.Generator().manual_seed(0))
    assert drawn.shape == (6_000, horizon, 2)
    torch.testing.assert_close(drawn.var((0, 2)), torch.ones(horizon), atol=0.08, rtol=0.0)


def test_the_more_colour_the_more_alike_are_neighbours() -> None:
    def alike(colour: float) -> float:
        drawn = coloured_noise(2_000, 16, 1, colour, torch.Generator().manual_seed(0))[..., 0]
        return float((drawn[:, 1:] * drawn[:, :-1]).mean())

    likeness = [alike(colour) for colour in (0.0, 1.0, 2.0)]
    assert abs(likeness[0]) < 0.05 and likeness[0] + 0.2 < likeness[1] < likeness[2] - 0.1


def test_a_plan_moves_on_by_the_steps_that_were_carried_out_and_repeats_its_last_action() -> None:
    plans = torch.arange(10.0).view(1, 5, 2)
    left = moved_on(plans, 2)
    assert left[0].tolist() == [[4, 5], [6, 7], [8, 9], [8, 9], [8, 9]]
    assert moved_on(plans[0], 5)[:, 0].tolist() == [8.0] * 5
