"""The calibration goes into the robot's file, and nothing else in it changes."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest
import yaml

from robot_learning.contract import ContractError, config_dir, load_robot
from robot_learning.contract.base import Transform
from robot_learning.contract.calibration import CameraCalibration, MeasuredLens, MeasuredPose
from robot_learning.contract.edit import difference, edited_file
from robot_learning.contract.load import robot_file

DAY = datetime.date(2026, 11, 28)
LENS = MeasuredLens(
    fx_px=471.25,
    fy_px=470.5,
    cx_px=322.0,
    cy_px=238.5,
    distortion=(-0.2, 0.05, 0.0, 0.001, 0.0),
    reprojection_error_px=0.08,
    focal_error_percent=0.2,
    centre_error_px=0.4,
    views=30,
    date=DAY,
)
POSE = MeasuredPose(
    base_to_optical=Transform(xyz_m=(-0.21, -0.69, 1.31), rpy_rad=(-2.4, 0.1, -0.8)),
    reprojection_error_px=0.4,
    position_error_mm=0.8,
    rotation_error_deg=0.08,
    views=25,
    date=DAY,
)
BOTH = CameraCalibration(lens=LENS, pose=POSE)


KEY = "cameras.0.calibration"


@pytest.fixture(params=["panda", "fr3", "iiwa7", "xarm7"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / "robot.yaml"
    path.write_text((config_dir() / "robots" / f"{request.param}.yaml").read_text())
    return path


def calibrated(path: Path, calibration: CameraCalibration) -> str:
    return edited_file(path, {KEY: calibration.model_dump(exclude_none=True)})


def test_lines_are_only_added_and_the_contract_reads_them(path: Path) -> None:
    text, new = path.read_text(), calibrated(path, BOTH)
    changes = [
        line
        for line in difference(text, new, path).splitlines()
        if line.startswith(("+", "-")) and not line.startswith(("+++", "---"))
    ]
    assert changes and all(line.startswith("+") for line in changes)
    without = [line for line in new.splitlines() if f"+{line}" not in changes]
    assert without == text.splitlines()
    path.write_text(new)
    assert load_robot(path).cameras[0].calibration == BOTH


def test_a_calibration_takes_the_place_of_the_one_before(path: Path) -> None:
    only_lens = calibrated(path, CameraCalibration(lens=LENS))
    path.write_text(calibrated(path, BOTH))
    assert calibrated(path, CameraCalibration(lens=LENS)) == only_lens


def test_comments_around_the_key_stay(path: Path) -> None:
    once = calibrated(path, BOTH)
    commented = once.replace("    calibration:\n", "    # Ours, by the window.\n    calibration:\n")
    assert commented != once
    path.write_text(commented + "# The end.\n")
    assert calibrated(path, BOTH) == commented + "# The end.\n"


def test_a_file_without_an_end_of_line_is_no_trouble(tmp_path: Path) -> None:
    text = (config_dir() / "robots" / "panda.yaml").read_text()
    head, cameras = text.split("cameras:\n")
    cameras, simulation = cameras.split("simulation:\n")
    path = tmp_path / "robot.yaml"
    path.write_text(head + "simulation:\n" + simulation + "cameras:\n" + cameras.rstrip("\n"))
    path.write_text(calibrated(path, BOTH))
    assert load_robot(path).cameras[0].calibration == BOTH


def test_a_camera_in_braces_takes_it_too(tmp_path: Path) -> None:
    text = (config_dir() / "robots" / "panda.yaml").read_text()
    head, rest = text.split("cameras:\n")
    cameras, tail = rest.split("simulation:\n")
    row = yaml.safe_dump(yaml.safe_load(cameras)[0], default_flow_style=True, width=10_000)
    path = tmp_path / "robot.yaml"
    path.write_text(f"{head}cameras:\n  - {row}simulation:\n{tail}")
    path.write_text(calibrated(path, BOTH))
    assert load_robot(path).cameras[0].calibration == BOTH


def test_a_principal_point_outside_the_image_is_refused(path: Path) -> None:
    wrong = CameraCalibration(lens=LENS.model_copy(update={"cx_px": 960.0}))
    before = path.read_text()
    with pytest.raises(ContractError, match=r"robot\.yaml:.*cameras"):
        calibrated(path, wrong)
    assert path.read_text() == before


def test_links_are_followed_to_the_file_itself(tmp_path: Path) -> None:
    link = tmp_path / "mine.yaml"
    link.symlink_to(config_dir() / "robots" / "panda.yaml")
    assert robot_file(link) == (config_dir() / "robots" / "panda.yaml").resolve()
    assert robot_file("panda") == robot_file(link)
