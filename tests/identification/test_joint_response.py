"""The response of a joint: what it does to references, against an independent solver."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from robot_learning.identification.joint_response import ResponseModel, ResponseState

H = 1.0 / 240.0


def model(k: float, d: float, b: float = 0.0, c: float = 0.0, h: float = H) -> ResponseModel:
    return ResponseModel(np.array([k]), np.array([d]), np.array([b]), np.array([c]), h)


@pytest.mark.parametrize("damping", [8.0, 40.0, 90.0])  # below, at and above critical
@pytest.mark.parametrize("coulomb", [0.0, 0.4])
def test_it_moves_as_the_differential_equation_says(damping: float, coulomb: float) -> None:
    k, b = 400.0, 2.0
    times = np.arange(0.0, 1.5, H)
    reference = 0.1 * np.sin(7.0 * times) * (1.0 - np.exp(-3.0 * times))
    found = model(k, damping, b, coulomb).follow(reference[:, None])[:, 0]

    def slope(time: float, state: np.ndarray) -> list[float]:
        at = min(int(time / H + 1e-9), len(times) - 2)
        speed = (reference[at + 1] - reference[at]) / H
        wanted = reference[at] + speed * (time - times[at])
        x, v = state
        pull = k * (wanted - x) + damping * (speed - v) - b * v
        return [v, pull - coulomb * np.tanh(v / 1e-3)]

    true = solve_ivp(slope, (0.0, times[-1]), [0.0, 0.0], t_eval=times, max_step=H / 2, rtol=1e-6)
    np.testing.assert_allclose(found, true.y[0], atol=3e-4 if coulomb else 1e-4)


def test_behind_a_steady_reference_it_stays_by_viscous_friction_over_stiffness() -> None:
    times = np.arange(0.0, 4.0, H)
    found = model(200.0, 25.0, 5.0).follow(0.3 * times[:, None])[:, 0]
    assert 0.3 * times[-1] - found[-1] == pytest.approx(0.3 * 5.0 / 200.0, rel=1e-6)


def test_a_joint_sticks_where_the_pull_is_less_than_its_friction() -> None:
    small = np.minimum(np.arange(300.0) / 100.0, 1.0)[:, None] * 0.003
    assert np.abs(model(100.0, 15.0, 0.0, 0.5).follow(small)).max() < 1e-6
    assert model(100.0, 15.0, 0.0, 0.2).follow(small)[-1, 0] > 0.0005


@given(
    k=st.floats(20.0, 5000.0),
    ratio=st.floats(0.2, 3.0),
    b=st.floats(0.0, 20.0),
    seed=st.integers(0, 999),
)
def test_without_coulomb_friction_two_half_steps_are_one(
    k: float, ratio: float, b: float, seed: int
) -> None:
    d = 2.0 * ratio * np.sqrt(k)
    x, v, r0, r1 = np.random.default_rng(seed).normal(0.0, 0.1, (4, 1))
    whole = model(k, d, b).advance(x, v, r0, r1)
    half = model(k, d, b, h=H / 2)
    middle = (r0 + r1) / 2.0
    twice = half.advance(*half.advance(x, v, r0, middle), middle, r1)
    np.testing.assert_allclose(np.ravel(whole), np.ravel(twice), rtol=1e-7, atol=1e-9)


@given(seed=st.integers(0, 999), cut=st.integers(1, 39))
def test_it_does_not_matter_how_a_reference_is_split_into_calls(seed: int, cut: int) -> None:
    steps = np.random.default_rng(seed).normal(0.0, 0.003, (40, 1)).cumsum(axis=0)
    one = model(300.0, 20.0, 1.0, 0.2)
    whole = ResponseState(one, np.zeros(1)).follow(steps)
    parts = ResponseState(one, np.zeros(1))
    split = np.concatenate([parts.follow(steps[:cut]), parts.follow(steps[cut:])])
    np.testing.assert_array_equal(whole, split)
