"""What is said of models that are right, wrong by a known amount, and too sure of themselves."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from model_samples import A, B
from torch import Tensor

from robot_learning.dynamics import DynamicsError, Transitions
from robot_learning.dynamics.doubt import doubt
from robot_learning.dynamics.honesty import Ahead, examine


class Known:
    """The linear system itself, its matrix off by a factor, with a deviation that it claims."""

    members, fitted = 2, True

    def __init__(self, factor: float = 1.0, std: float = 0.1) -> None:
        self._a = torch.tensor(A * factor, dtype=torch.float32)
        self._b = torch.tensor(B, dtype=torch.float32)
        self._std = std

    def predict(self, observations: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
        moved = observations @ self._a.T + actions @ self._b.T
        return moved, torch.full_like(moved, self._std)


def episodes(lengths: tuple[int, ...], noise: float = 0.0) -> Transitions:
    rng = np.random.default_rng(0)
    rows: list[tuple[np.ndarray, np.ndarray, np.ndarray, int]] = []
    for number, length in enumerate(lengths):
        state = rng.normal(0, 1, 2)
        for _ in range(length):
            action = rng.uniform(-1, 1, 1)
            after = A @ state + B @ action + noise * rng.normal(0, 1, 2)
            rows.append((state, action, after, number))
            state = after
    return Transitions.from_arrays(*(np.array(column) for column in zip(*rows, strict=True)))


def test_a_model_that_is_right_has_no_error_at_any_horizon() -> None:
    found = examine(Known(), episodes((30, 30, 30)), 10)
    assert found.horizons == tuple(range(1, 11))
    assert max(found.error) < 1e-5 and found.honest_horizon() == 10
    assert found.still[0] > 0.01 and found.still[-1] > found.still[0]


def test_the_error_of_a_model_that_is_off_grows_with_the_horizon() -> None:
    found = examine(Known(1.05), episodes((40,) * 10), 15)
    assert list(found.error) == sorted(found.error) and found.error[0] > 0.01
    short = found.honest_horizon(found.error[4])
    assert short == 5 and found.honest_horizon(1e-9) == 0


def test_only_starts_whose_episode_is_long_enough_count() -> None:
    found = examine(Known(), episodes((3, 5)), 10)
    assert found.horizons == (1, 2, 3, 4, 5)
    assert found.starts == (8, 6, 4, 2, 1)


@pytest.mark.parametrize(("claimed", "over"), [(0.1, None), (0.05, False), (0.3, True)])
def test_the_deviation_that_is_claimed_is_held_against_the_truth(claimed, over) -> None:
    found = examine(Known(std=claimed), episodes((200,) * 5, noise=0.1), 1).coverage
    if over is None:
        assert all(abs(found[share] - share) < 0.04 for share in (0.5, 0.8, 0.95))
    else:
        assert all((found[share] > share) is over for share in (0.5, 0.8, 0.95))


def test_without_held_out_data_there_is_no_judgement() -> None:
    data = episodes((3,))
    with pytest.raises(DynamicsError, match="no held-out transitions"):
        examine(Known(), data.take(torch.arange(0)), 3)


def test_figures_name_both_ends_and_the_calibration() -> None:
    figures = examine(Known(), episodes((30, 30)), 8).figures()
    assert {"model_error_1", "model_error_at_horizon", "model_honest_horizon"} <= set(figures)
    assert figures["model_horizon"] == 8.0
    assert {"model_coverage_0.5", "model_coverage_0.8", "model_coverage_0.95"} <= set(figures)


def test_of_many_states_some_are_played_from_spread_over_all_episodes() -> None:
    held = episodes((50,) * 20)
    some, all_of_them = (examine(Known(1.05), held, 5, starts_max=n) for n in (300, 10**6))
    assert some.starts[0] == 300 and all_of_them.starts[0] == 1000
    np.testing.assert_allclose(some.error, all_of_them.error, rtol=0.2)


def test_a_horizon_beyond_the_honest_range_is_told_in_one_line() -> None:
    found = examine(Known(1.3), episodes((40,) * 5), 20)
    honest = found.honest_horizon()
    assert 0 < honest < 20
    line = found.beyond(Ahead("horizon", 20))
    assert f"horizon is 20, the model is honest for {honest} of these steps" in line
    assert line.endswith("lower horizon or gather more") and "\n" not in line
    assert not found.beyond(Ahead("horizon", honest))


def test_a_horizon_longer_than_every_episode_is_no_reason_to_warn() -> None:
    found = examine(Known(), episodes((5, 5)), 20)
    assert found.honest_horizon() == 5 and not found.beyond(Ahead("horizon", 20))


def test_a_model_that_blows_up_has_a_finite_error() -> None:
    found = examine(Known(1e6), episodes((40,) * 3), 30)
    assert np.isfinite(found.error).all() and found.error[-1] == 1e3


class Doubting(Known):
    """Its members disagree by the error that it makes, where it is told to know that."""

    def __init__(self, *, knows: bool) -> None:
        super().__init__()
        self._knows = knows

    def predict(self, observations: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
        moved, std = super().predict(observations, actions)
        wrong = 0.1 * observations.abs()
        doubts = wrong if self._knows else 0.05 * actions.abs().expand_as(wrong)
        sides = torch.tensor([-1.0, 1.0]).view(2, 1, 1)
        return moved + wrong + doubts * sides, std


def test_disagreement_is_held_against_the_error() -> None:
    held = episodes((40,) * 5)
    assert doubt(Doubting(knows=True), held).correlation > 0.99
    assert abs(doubt(Doubting(knows=False), held).correlation) < 0.3
    assert doubt(Known(), held).correlation == 0.0  # its members never disagree
