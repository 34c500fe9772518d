"""What `sysid fit --write --randomise` leaves in a robot's YAML is the arm that is trained on."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from robot_learning.contract import config_dir, load_contract
from robot_learning.contract.edit import set_keys
from robot_learning.training.tasks import make_contract_environment

DELAY_S = 0.15
MEASURED: dict[str, Any] = {
    "simulation.control_delay_s": DELAY_S,
    "simulation.response": {
        "stiffness_1_s2": [200.0] * 7,
        "damping_1_s": [20.0] * 7,
        "viscous_friction_1_s": [1.0] * 7,
        "coulomb_friction_rad_s2": [0.1] * 7,
    },
}
RANGES = {
    "control_delay_s": [0.1, 0.2],
    "stiffness_factor": [0.8, 1.2],
    "damping_factor": [0.8, 1.2],
    "friction_factor": [0.5, 1.5],
}


def path_of(robot: Path | str, *, seed: int, anticipate: bool = False) -> np.ndarray:
    """What a policy sees of the joints (step, 7) while it asks for one thing."""
    contract = load_contract(robot, "reach")
    with closing(make_contract_environment(contract, anticipate=anticipate)) as env:
        observation, _ = env.reset(seed=seed)
        rows = [observation["observation"][:7]]
        for _ in range(8):
            rows.append(env.step(np.array([0.0, 1.0, 0.0], np.float32))[0]["observation"][:7])
    return np.stack(rows)


@pytest.fixture
def identified(tmp_path: Path) -> Path:
    path = tmp_path / "identified.yaml"
    path.write_text((config_dir() / "robots" / "panda.yaml").read_text())
    set_keys(path, MEASURED)
    return path


def test_the_arm_follows_as_late_as_was_measured(identified: Path) -> None:
    ideal, late = path_of("panda", seed=1), path_of(identified, seed=1)
    periods = round(DELAY_S / load_contract("panda", "reach").control_period_s)
    assert np.abs(late[periods] - late[0]).max() < 1e-3
    assert np.abs(ideal[periods] - ideal[0]).max() > 1e-2


def test_a_policy_that_anticipates_sees_the_arm_that_it_would_see_without_delay(
    identified: Path,
) -> None:
    ideal = path_of("panda", seed=1)
    np.testing.assert_allclose(path_of(identified, seed=1, anticipate=True), ideal, atol=2e-3)


def test_every_episode_draws_its_arm_from_the_suggested_ranges(identified: Path) -> None:
    set_keys(identified, {"simulation.randomisation": RANGES})
    one, two = path_of(identified, seed=1), path_of(identified, seed=2)
    assert np.abs((one - one[0]) - (two - two[0])).max() > 1e-3
