"""The time that a search is given, kept on a clock that the test moves."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from robot_learning.planning.search import plan
from robot_learning.planning.searches import Cem, Mppi, RandomShooting


class Watch:
    """A clock, and a score that takes its time for every candidate."""

    def __init__(self, seconds_each: float) -> None:
        self.now_s, self.seconds_each = 0.0, seconds_each

    def __call__(self) -> float:
        return self.now_s

    def score(self, plans: Tensor) -> Tensor:
        self.now_s += self.seconds_each * len(plans)
        return -plans.square().sum((1, 2))


def search() -> Cem:
    return Cem(5, 1, population=100, rounds=4)


def test_with_time_enough_every_round_is_scored() -> None:
    watch = Watch(1e-4)
    found = plan(search(), watch.score, torch.Generator(), budget_s=0.05, clock=watch)
    assert found.complete and found.scored == 400
    assert found.seconds == pytest.approx(0.04)


@pytest.mark.parametrize("budget_s", [0.007, 0.02, 0.033])
@pytest.mark.parametrize("piece", [10, 64])
def test_at_the_deadline_it_has_the_best_plan_so_far(budget_s: float, piece: int) -> None:
    watch = Watch(1e-4)
    found = plan(
        search(), watch.score, torch.Generator(), budget_s=budget_s, piece=piece, clock=watch
    )
    assert not found.complete and found.seconds <= budget_s + 1e-9
    assert 0 < found.scored < 400 and found.value > -torch.inf


def test_the_first_piece_alone_may_be_late_for_nobody_knows_how_long_it_takes() -> None:
    watch = Watch(1e-3)
    found = plan(search(), watch.score, torch.Generator(), budget_s=0.02, piece=50, clock=watch)
    assert found.scored == 50 and found.seconds == pytest.approx(0.05)


@pytest.mark.parametrize("made", [search, lambda: Mppi(5, 1, population=100)])
def test_without_any_time_it_goes_on_with_the_plan_before(made) -> None:
    watch, method = Watch(1e-4), made()
    before = plan(method, watch.score, torch.Generator().manual_seed(0), clock=watch)
    found = plan(method, watch.score, torch.Generator(), budget_s=-1.0, clock=watch)
    assert (found.scored, found.value, found.complete) == (0, -torch.inf, False)
    torch.testing.assert_close(found.actions[:-1], before.actions[1:])


def test_more_time_never_makes_a_worse_plan() -> None:
    values = []
    for budget_s in (0.01, 0.02, 0.04, None):
        watch = Watch(1e-4)
        method = RandomShooting(5, 1, population=400)
        generator = torch.Generator().manual_seed(0)
        found = plan(method, watch.score, generator, budget_s=budget_s, piece=20, clock=watch)
        values.append(found.value)
    assert values == sorted(values)
