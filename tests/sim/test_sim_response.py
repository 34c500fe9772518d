"""The simulated arm follows as its contract says, and as before where that says nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from robot_learning.contract import Contract
from robot_learning.hardware import JointPoint
from robot_learning.identification.joint_response import ResponseModel

SOFT = {
    "stiffness_1_s2": [150.0, 400.0, 200.0, 600.0, 300.0, 250.0, 500.0],
    "damping_1_s": [15.0, 25.0, 20.0, 30.0, 18.0, 22.0, 28.0],
    "viscous_friction_1_s": [2.0] * 7,
    "coulomb_friction_rad_s2": [0.3] * 7,
}
STRIDE_S = 1.0 / 240.0


def path(hardware: Any, home: np.ndarray, steps: int = 240) -> np.ndarray:
    """Where the arm is at every physics step of a motion of half a second, and after."""
    target = home + np.array([0.1, -0.1, 0.15, 0.1, -0.2, 0.2, 0.3])
    hardware.write_joint_trajectory([JointPoint(0.5, target, np.zeros(7))])
    rows = [hardware.read_state().position_rad]
    for _ in range(steps):
        hardware.step(STRIDE_S)
        rows.append(hardware.read_state().position_rad)
    return np.stack(rows)


def test_the_arm_follows_by_the_response_of_the_contract(opened, panda, home, with_simulation):
    exact = path(opened(panda), home(panda))
    soft = path(opened(with_simulation(panda, response=SOFT)), home(panda))
    expected = ResponseModel.of(
        with_simulation(panda, response=SOFT).robot.simulation.response, STRIDE_S
    ).follow(exact)
    assert np.abs(soft - exact).max() > 0.01
    np.testing.assert_allclose(soft, expected, atol=1e-3)


def test_a_reset_begins_at_rest_and_repeats_bit_for_bit(opened, panda, home, with_simulation):
    hardware = opened(with_simulation(panda, response=SOFT))
    first = path(hardware, home(panda), 60)
    hardware.reset(0)
    np.testing.assert_array_equal(path(hardware, home(panda), 60), first)


@pytest.mark.parametrize(
    "ranges", [{"stiffness_factor": [0.5, 0.9]}, {"control_delay_s": [0.02, 0.1]}]
)
def test_an_episode_draws_its_arm_from_its_seed(
    opened, panda: Contract, home, with_simulation, ranges
):
    hardware = opened(with_simulation(panda, response=SOFT, randomisation=ranges))
    paths = []
    for seed in (1, 2, 1):
        hardware.reset(seed)
        paths.append(path(hardware, home(panda), 60))
    np.testing.assert_array_equal(paths[0], paths[2])
    assert np.abs(paths[0] - paths[1]).max() > 1e-3
