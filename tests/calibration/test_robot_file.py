"""The calibration goes into the robot's file, and nothing else in it changes."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest

from robot_learning.contract import ContractError, config_dir, load_robot
from robot_learning.contract.base import Transform
from robot_learning.contract.calibration import CameraCalibration, MeasuredLens, MeasuredPose
from robot_learning.contract.robot_file import difference, robot_path, with_calibration

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


@pytest.fixture(params=["panda", "fr3", "iiwa7"])
def text(request: pytest.FixtureRequest) -> str:
    return (config_dir() / "robots" / f"{request.param}.yaml").read_text()


def loaded(text: str, tmp_path: Path) -> CameraCalibration | None:
    path = tmp_path / "robot.yaml"
    path.write_text(text)
    return load_robot(path).cameras[0].calibration


def test_lines_are_only_added_and_the_contract_reads_them(text: str, tmp_path: Path) -> None:
    new = with_calibration(text, "camera", BOTH)
    assert loaded(new, tmp_path) == BOTH
    changes = [
        line
        for line in difference(text, new, tmp_path).splitlines()
        if line.startswith(("+", "-")) and not line.startswith(("+++", "---"))
    ]
    assert changes and all(line.startswith("+") for line in changes)
    without = [line for line in new.splitlines() if f"+{line}" not in changes]
    assert without == text.splitlines()


def test_a_calibration_takes_the_place_of_the_one_before(text: str, tmp_path: Path) -> None:
    once = with_calibration(text, "camera", BOTH)
    again = with_calibration(once, "camera", CameraCalibration(lens=LENS))
    assert loaded(again, tmp_path) == CameraCalibration(lens=LENS)
    assert again == with_calibration(text, "camera", CameraCalibration(lens=LENS))


def test_comments_around_the_key_stay(text: str, tmp_path: Path) -> None:
    once = with_calibration(text, "camera", BOTH)
    commented = once.replace("    calibration:\n", "    # Ours, by the window.\n    calibration:\n")
    assert commented != once
    again = with_calibration(commented + "# The end.\n", "camera", BOTH)
    assert again == commented + "# The end.\n"


def test_a_file_without_an_end_of_line_is_no_trouble(tmp_path: Path) -> None:
    text = (config_dir() / "robots" / "panda.yaml").read_text()
    head, cameras = text.split("cameras:\n")
    cameras, simulation = cameras.split("simulation:\n")
    last = head + "simulation:\n" + simulation + "cameras:\n" + cameras.rstrip("\n")
    assert loaded(with_calibration(last, "camera", BOTH), tmp_path) == BOTH


def test_an_unknown_camera_lists_the_known_ones(text: str) -> None:
    with pytest.raises(ContractError, match=r"no camera 'wrist'; known: camera"):
        with_calibration(text, "wrist", BOTH)


def test_a_camera_in_braces_is_refused_with_what_to_do() -> None:
    text = "cameras:\n  - {name: camera, width_px: 640}\n"
    with pytest.raises(ContractError, match="written in braces: give it one key a line"):
        with_calibration(text, "camera", BOTH)


def test_a_principal_point_outside_the_image_is_refused(text: str) -> None:
    wrong = CameraCalibration(lens=LENS.model_copy(update={"cx_px": 960.0}))
    with pytest.raises(ContractError, match="does not fit in"):
        with_calibration(text, "camera", wrong)


def test_links_are_followed_to_the_file_itself(tmp_path: Path) -> None:
    link = tmp_path / "mine.yaml"
    link.symlink_to(config_dir() / "robots" / "panda.yaml")
    assert robot_path(link) == (config_dir() / "robots" / "panda.yaml").resolve()
    assert robot_path("panda") == robot_path(link)
