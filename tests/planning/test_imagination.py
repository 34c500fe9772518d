"""Plans played in models that are known."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from robot_learning.planning.imagination import Imagination


class Line:
    """A point that each member moves by its own rate; with noise if asked."""

    fitted = True

    def __init__(self, rates: tuple[float, ...], noise: float = 0.0) -> None:
        self.members, self._noise = len(rates), noise
        self._rates = torch.tensor(rates)[:, None, None]

    def predict(self, observations: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
        moved = observations + self._rates * actions
        return moved, torch.full_like(moved, self._noise)


class Far:
    """The position is the reward; beyond `end` the task ends."""

    def __init__(self, end: float = torch.inf) -> None:
        self._end = end

    def reward(self, observations: Tensor, actions: Tensor, after: Tensor) -> Tensor:
        return after[..., 0]

    def terminated(self, after: Tensor) -> Tensor:
        return after[..., 0] > self._end


START = torch.zeros(1)
PLANS = torch.tensor([[1.0, 1.0], [-1.0, 1.0]])[:, :, None]


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


@pytest.mark.parametrize("sampling", ["ts1", "tsinf", "mean"])
def test_returns_add_up_along_a_plan(sampling) -> None:
    played = Imagination(Line((1.0,)), Far(), particles=3, sampling=sampling)
    assert played.value(START, PLANS, generator()).tolist() == [3.0, -1.0]
    assert played.returns(START, PLANS, generator()).shape == (3, 2)


def test_a_discount_counts_later_steps_less() -> None:
    played = Imagination(Line((1.0,)), Far(), discount=0.5)
    assert played.value(START, PLANS, generator()).tolist() == [2.0, -1.0]


def test_no_reward_follows_an_end() -> None:
    played = Imagination(Line((1.0,)), Far(end=0.5))
    assert played.value(START, PLANS, generator()).tolist() == [1.0, -1.0]


def test_a_particle_stays_with_its_member_or_changes_it() -> None:
    """Two members, one step each way: who stays is as far as its member goes, twice."""
    model = Line((1.0, 3.0))
    stays = Imagination(model, Far(), particles=50, sampling="tsinf")
    ends = stays.returns(START, PLANS[:1], generator())
    assert sorted(set(ends[:, 0].tolist())) == [3.0, 9.0]
    changes = Imagination(model, Far(), particles=50, sampling="ts1")
    ends = changes.returns(START, PLANS[:1], generator())
    assert sorted(set(ends[:, 0].tolist())) == [3.0, 5.0, 7.0, 9.0]
    assert ends.mean().item() == pytest.approx(6.0, abs=0.5)


def test_noise_is_played_and_left_out() -> None:
    noisy = Line((1.0,), noise=0.5)
    played = Imagination(noisy, Far(), particles=4_000)
    ends = played.returns(START, PLANS[:1], generator())[:, 0]
    # The first step's noise counts twice, the second's once.
    assert ends.std().item() == pytest.approx(0.5 * 5.0**0.5, rel=0.05)
    still = Imagination(noisy, Far(), particles=4, sampling="mean")
    assert still.returns(START, PLANS[:1], generator()).std() == 0.0


def test_pessimism_takes_the_spread_off_and_disagreement_has_its_price() -> None:
    model = Line((1.0, 3.0))
    hopes = Imagination(model, Far(), particles=1, sampling="mean")
    fears = Imagination(model, Far(), particles=1, sampling="mean", pessimism=1.0)
    both = hopes.returns(START, PLANS[:1], generator())[:, 0]
    assert hopes.value(START, PLANS[:1], generator()).item() == 6.0
    assert fears.value(START, PLANS[:1], generator()).item() == pytest.approx(
        6.0 - both.std().item()
    )
    pays = Imagination(model, Far(), particles=1, sampling="mean", disagreement_cost=1.0)
    # The members' points lie 1 from their middle after one step, and 2 after the second.
    assert pays.value(START, PLANS[:1], generator()).item() == pytest.approx(6.0 - 1.0 - 2.0)


def test_a_prediction_that_is_not_finite_is_worth_nothing() -> None:
    class Broken(Line):
        def predict(self, observations: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
            moved, std = super().predict(observations, actions)
            return torch.where(actions > 0, torch.full_like(moved, torch.nan), moved), std

    played = Imagination(Broken((1.0,)), Far())
    assert played.value(START, PLANS, generator())[0] == -torch.inf
