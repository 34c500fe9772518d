"""`robot-learning sysid` from excitation to the robot's file, on an arm that hides something."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from motion_samples import CONTRACT, recorded
from typer.testing import CliRunner

from robot_learning.cli import app
from robot_learning.contract import config_dir, load_robot
from robot_learning.contract.edit import set_keys
from robot_learning.identification.recording import SUFFIX, read_motion
from robot_learning.safety.limits import MotionLimits

HIDDEN = {
    "simulation.control_delay_s": 0.06,
    "simulation.state_latency_s": 0.008,
    "simulation.position_noise_rad": 5e-05,
    "simulation.response": {
        "stiffness_1_s2": [350.0, 500.0, 400.0, 700.0, 900.0, 450.0, 600.0],
        "damping_1_s": [30.0, 36.0, 28.0, 40.0, 45.0, 30.0, 38.0],
        "viscous_friction_1_s": [1.0, 2.0, 0.5, 1.0, 0.0, 2.0, 1.0],
        "coulomb_friction_rad_s2": [0.2, 0.1, 0.2, 0.3, 0.1, 0.2, 0.3],
    },
}


def sysid(*arguments: object, code: int = 0) -> Any:
    """The JSON object that it prints; for a refusal, what it says."""
    result = CliRunner().invoke(app, ["sysid", *map(str, arguments)])
    assert result.exit_code == code, result.output
    return json.loads(result.stdout.splitlines()[-1]) if "--json" in arguments else result.stderr


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Holds the hidden arm, the arm as it is known, and motion of the hidden one."""
    folder = tmp_path_factory.mktemp("sysid")
    text = (config_dir() / "robots" / "panda.yaml").read_text()
    (folder / "known.yaml").write_text(text)
    (folder / "hidden.yaml").write_text(text)
    set_keys(folder / "hidden.yaml", HIDDEN)
    sysid(
        "excite",
        *("--robot", folder / "hidden.yaml", "--out", folder / f"arm{SUFFIX}"),
        *("--seconds-per-joint", 2.6, "--json"),
    )
    return folder


def test_every_commanded_point_keeps_the_limits_and_every_joint_moves(folder: Path) -> None:
    motion = read_motion(folder / f"arm{SUFFIX}")
    limits = MotionLimits.from_robot(CONTRACT.robot)
    points = [point for command in motion.commands for point in command.points]
    position = np.stack([point.position_rad for point in points])
    velocity = np.stack([point.velocity_rad_s for point in points])
    assert (position > limits.position_min_rad).all() and (position < limits.position_max_rad).all()
    assert (np.abs(velocity) <= limits.velocity_rad_s).all()
    assert np.ptp(motion.position_rad, axis=0).min() > 0.05
    assert not motion.commands[-1].points[-1].velocity_rad_s.any()


@pytest.mark.timeout(300)  # seconds of computing; more where other work runs
def test_what_was_hidden_is_found_written_and_closes_the_gap(folder: Path, tmp_path: Path) -> None:
    report = sysid(
        "fit",
        folder / f"arm{SUFFIX}",
        *("--robot", folder / "known.yaml", "--out", tmp_path),
        *("--write", "--randomise", "--json"),
    )
    simulation = load_robot(folder / "known.yaml").simulation
    assert report["written"] == str(folder / "known.yaml")
    assert simulation.control_delay_s == pytest.approx(0.06, abs=0.005)
    assert simulation.state_latency_s == pytest.approx(0.008, abs=0.005)
    assert simulation.response is not None and simulation.identified is not None
    for name in ("stiffness_1_s2", "damping_1_s"):
        truth = HIDDEN["simulation.response"][name]  # type: ignore[index]
        np.testing.assert_allclose(getattr(simulation.response, name), truth, rtol=0.1)
    assert simulation.randomisation is not None
    low, high = simulation.randomisation.control_delay_s or (1.0, 0.0)
    assert low < 0.06 < high
    before, after = report["gap"]["before"], report["gap"]["after"]
    assert after["tool_rmse_mm"] < 0.1 * before["tool_rmse_mm"]
    assert json.loads((tmp_path / "replay_gap.json").read_text())["gap"] == report["gap"]
    assert (tmp_path / "replay_gap.png").stat().st_size > 20_000


def test_parity_of_an_arm_with_its_own_commands(folder: Path, tmp_path: Path) -> None:
    file = folder / f"arm{SUFFIX}"
    found = sysid("parity", file, "--json")
    assert found["mismatches"] == [] and found["lag_s"] > 0.03
    motion = read_motion(file)
    motion.position_rad[:, 4] *= -1.0
    motion.save(tmp_path / "turned.safetensors")
    found = sysid("parity", file, tmp_path / "turned.safetensors", "--json", code=1)
    assert [(one["joint"], one["kind"]) for one in found["mismatches"]] == [
        ("panda_joint5", "sign")
    ]


@pytest.mark.parametrize("verb", ["fit", "gap", "parity"])
def test_a_file_that_is_no_motion_is_used_wrongly(verb: str, tmp_path: Path) -> None:
    assert "no such file" in sysid(verb, tmp_path / "a.safetensors", code=2)
    (tmp_path / "a.mcap").write_bytes(b"\x80\x04")
    says = sysid(verb, tmp_path / "a.mcap", code=2)
    assert "is no MCAP file" in says and len(says.strip().splitlines()) == 1


def test_motion_of_another_robot_is_used_wrongly(tmp_path: Path) -> None:
    recorded().save(tmp_path / "a.safetensors")
    says = sysid("fit", tmp_path / "a.safetensors", "--robot", "fr3", code=2)
    assert "is of robot panda with joints panda_joint1" in says.replace("\n", " ")


def test_ranges_are_written_with_the_values_or_not_at_all(tmp_path: Path) -> None:
    assert "give both" in sysid("fit", tmp_path / "a.safetensors", "--randomise", code=2)


def test_what_it_writes_is_yaml_that_others_read(folder: Path) -> None:
    data = yaml.safe_load((folder / "hidden.yaml").read_text())
    assert data["simulation"]["position_noise_rad"] == 5e-05
