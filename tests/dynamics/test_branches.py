"""Imagined transitions in a system that is known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from robot_learning.dynamics.branches import Branches

BALANCE = {"name": "balance", "centring": 0.0}
STARTS, NO_GOALS = torch.zeros(6, 4), torch.zeros(6, 0)


class Sliding:
    """Members that move the cart by what is done, each by its own factor; with a deviation."""

    fitted = True

    def __init__(self, factors: tuple[float, ...] = (1.0,), std: float = 0.0) -> None:
        self.members, self._std = len(factors), std
        self._factors = torch.tensor(factors)[:, None, None]

    def predict(self, observations: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
        way = torch.cat((actions, torch.zeros(*actions.shape[:-1], 3)), -1)
        moved = observations + self._factors * way
        return moved, torch.full_like(moved, self._std)


def grown(model: Any, steps: int, push: float = 1.0, **options: float) -> Branches:
    branches = Branches(model, BALANCE, **options)
    generator = torch.Generator().manual_seed(0)
    act = lambda inputs: torch.full((len(inputs), 1), push)  # noqa: E731
    branches.grow(STARTS, NO_GOALS, act, steps, generator)
    return branches


def everything(branches: Branches) -> Any:
    return branches.sample(2_000, np.random.default_rng(0))


def test_rollouts_go_on_from_where_they_are_under_the_policy() -> None:
    branches = grown(Sliding(), 2)
    batch = everything(branches)
    assert len(branches) == 12
    steps = {
        (float(a[0]), float(b[0])) for a, b in zip(batch.inputs, batch.next_inputs, strict=True)
    }
    assert steps == {(0.0, 1.0), (1.0, 2.0)}
    assert (batch.rewards == 1.0).all() and not batch.terminated.any()


def test_a_rollout_ends_where_the_task_does() -> None:
    """Beyond 2.4 m, after three steps; a fourth and fifth are not imagined."""
    branches = grown(Sliding(), 5)
    batch = everything(branches)
    assert len(branches) == 18
    ended = batch.terminated == 1.0
    assert (batch.next_inputs[ended, 0] == 3.0).all() and (batch.rewards[ended] == 0.0).all()


def test_every_row_asks_one_member_and_gets_its_noise() -> None:
    batch = everything(grown(Sliding((1.0, 2.0)), 1))
    assert set(batch.next_inputs[:, 0]) == {1.0, 2.0}
    noisy = everything(grown(Sliding(std=0.01), 1))
    assert len(set(noisy.next_inputs[:, 1])) == 6


def test_pessimism_takes_the_largest_deviation_off() -> None:
    """Four dimensions of 0.1: the norm is 0.2."""
    batch = everything(grown(Sliding(std=0.1), 1, pessimism=2.0))
    np.testing.assert_allclose(batch.rewards, 1.0 - 2.0 * 0.2, rtol=1e-5)


def test_old_branches_give_way_and_none_is_an_error() -> None:
    branches = grown(Sliding(), 1)
    generator = torch.Generator().manual_seed(1)
    branches.grow(STARTS + 1.0, NO_GOALS, lambda x: torch.zeros(len(x), 1), 1, generator)
    assert len(branches) == 12
    branches.keep(1)
    assert set(everything(branches).inputs[:, 0]) == {1.0}
    with pytest.raises(ValueError, match="nothing was imagined"):
        everything(Branches(Sliding(), BALANCE))  # type: ignore[arg-type]


def test_what_is_not_finite_is_no_transition() -> None:
    class Broken(Sliding):
        def predict(self, observations: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
            moved, std = super().predict(observations, actions)
            moved[:, 0] = torch.nan
            return moved, std

    branches = grown(Broken(), 1)
    assert len(branches) == 5 and np.isfinite(everything(branches).next_inputs).all()
