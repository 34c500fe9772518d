"""`robot-learning calibrate`: from pictures to the robot's YAML, and one line otherwise."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from robot_learning.cli import app
from robot_learning.contract import config_dir, load_contract, load_robot
from robot_learning.perception.calibration.hand_eye import (
    POSITION_ERROR_MAX_MM,
    ROTATION_ERROR_MAX_DEG,
)
from robot_learning.perception.calibration.lens import LENS_ERROR_MAX_PERCENT
from robot_learning.perception.calibration.rigid import apart, rigid
from robot_learning.perception.calibration.views import ViewFolder
from robot_learning.perception.geometry import camera_pose


def run(*arguments: object) -> Any:
    return CliRunner().invoke(app, ["calibrate", *map(str, arguments)])


@pytest.fixture(scope="module")
def folders(rendered, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("calibrate")
    (root / "lens").mkdir()
    for index, picture in enumerate(rendered.for_lens):
        cv2.imwrite(str(root / "lens" / f"view-{index:02d}.png"), picture)
    folder = ViewFolder(root / "hand", rendered.setup.robot.arm.joint_names)
    for index, (picture, position_rad) in enumerate(rendered.in_hand):
        folder.add(cv2.imencode(".png", picture)[1].tobytes(), "png", position_rad, float(index))
    shutil.copy(config_dir() / "robots" / "panda.yaml", root / "mine.yaml")
    return root


def test_from_pictures_to_a_calibrated_robot(rendered, folders: Path) -> None:
    robot = folders / "mine.yaml"
    before = robot.read_text()
    result = run("intrinsics", folders / "lens", "--robot", robot, "--write", "--json")
    assert result.exit_code == 0, result.stderr
    facts = json.loads(result.stdout)
    assert facts["written"] and facts["views"] >= 20 and facts["coverage"] > 0.7
    found, true = facts["calibration"]["lens"], rendered.setup.matrix
    for key, value in (("fx_px", true[0, 0]), ("fy_px", true[1, 1])):
        assert abs(found[key] / value - 1.0) * 100.0 <= LENS_ERROR_MAX_PERCENT
    assert Path(facts["picture"]).read_bytes().startswith(b"\x89PNG")
    assert (folders / "mine.yaml.bak").read_text() == before

    result = run("hand-eye", folders / "hand", "--robot", robot, "--write", "--json")
    assert result.exit_code == 0, result.stderr
    facts = json.loads(result.stdout)
    camera = load_robot(robot).cameras[0]
    place = camera_pose(camera)
    off_mm, off_deg = apart(rendered.setup.base_to_camera, rigid(place.axes.T, place.position_m))
    assert off_mm <= POSITION_ERROR_MAX_MM and off_deg <= ROTATION_ERROR_MAX_DEG
    assert facts["written"] and facts["board_scale"] == pytest.approx(1.0, abs=0.01)
    assert facts["from_nominal_mm"] > 10.0
    assert load_contract(robot).sha256 == load_contract("panda").sha256

    again = run("intrinsics", folders / "lens", "--robot", robot, "--write", "--json")
    assert again.exit_code == 0 and "run hand-eye again" in " ".join(again.stderr.split())
    assert load_robot(robot).cameras[0].calibration.pose is None


def test_without_write_the_difference_is_shown_and_nothing_changes(folders: Path) -> None:
    robot = folders / "panda-2.yaml"
    shutil.copy(config_dir() / "robots" / "panda.yaml", robot)
    result = run("intrinsics", folders / "lens", "--robot", robot)
    assert result.exit_code == 0
    assert "+    calibration:" in result.stdout and "nothing is written" in result.stdout
    assert robot.read_text() == (config_dir() / "robots" / "panda.yaml").read_text()


def test_the_board_is_written_and_described(tmp_path: Path) -> None:
    result = run("board", "a4", "--out", tmp_path / "board.pdf", "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["square_mm"] == 40.0
    assert (tmp_path / "board.pdf").read_bytes().startswith(b"%PDF")


def one_line(result: Any, code: int, why: str) -> None:
    """The last line on standard error says it; there is no traceback."""
    assert result.exit_code == code, result.stderr
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith("robot-learning: ") and why in last, result.stderr
    assert result.stdout == ""


def test_bad_input_is_one_line_each(folders: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    one_line(run("intrinsics", tmp_path / "none", "--json"), 2, "no such folder")
    one_line(run("intrinsics", tmp_path / "empty", "--json"), 2, "there are no pictures in it")
    camera = ("--camera", "wrist", "--json")
    one_line(run("intrinsics", folders / "lens", *camera), 2, "no camera 'wrist'; known: camera")
    board = ("--board", "a5", "--json")
    one_line(run("intrinsics", folders / "lens", *board), 2, "known: a3, a4")
    one_line(run("hand-eye", folders / "hand", "--json"), 2, "calibrate intrinsics first")
    one_line(run("board", "a4", "--out", tmp_path / "board.doc"), 1, "as .pdf or .png")


def test_pictures_of_no_use_are_one_line_too(folders: Path, tmp_path: Path) -> None:
    folder = tmp_path / "views"
    folder.mkdir()
    (folder / "a.png").write_bytes(b"no picture")
    cv2.imwrite(str(folder / "b.png"), np.full((480, 640, 3), 90, np.uint8))
    cv2.imwrite(str(folder / "c.png"), np.full((720, 1280, 3), 90, np.uint8))
    cv2.imwrite(str(folder / "d.png"), np.zeros((480, 640, 3), np.uint8))
    result = run("intrinsics", folder, "--json")
    one_line(result, 1, "none of 4 pictures is of use; a.png is no picture that can be read")
    said = " ".join(result.stderr.split())
    assert "c.png: is 1280 x 720 px" in said and "d.png: camera image is black" in said
    few = tmp_path / "few"
    few.mkdir()
    for name in sorted((folders / "lens").glob("*.png"))[:4]:
        shutil.copy(name, few)
    one_line(run("intrinsics", few, "--json"), 1, "usable views of the board; at least 10")
    # What was found so far can be looked at all the same.
    assert (few / "report" / "intrinsics.png").is_file()


def test_a_file_that_cannot_be_written_is_left_as_it_was(
    folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    robot = tmp_path / "panda.yaml"
    shutil.copy(config_dir() / "robots" / "panda.yaml", robot)
    before = robot.read_text()

    def full(self: Path, target: Path) -> Path:
        raise PermissionError(13, "Permission denied", str(target))

    with monkeypatch.context() as patch:  # the tests may run as root, whom no mode stops
        patch.setattr(Path, "replace", full)
        result = run("intrinsics", folders / "lens", "--robot", robot, "--write", "--json")
    one_line(result, 1, "cannot be written (Permission denied)")
    assert robot.read_text() == before


def test_views_are_taken_from_a_running_camera(rendered, folders: Path, tmp_path: Path) -> None:
    film = tmp_path / "film"
    film.mkdir()
    count = 0
    for picture in rendered.for_lens[:14]:
        for _ in range(6):  # the hand rests
            cv2.imwrite(str(film / f"{count:05d}.png"), picture)
            count += 1
    robot = tmp_path / "panda.yaml"  # played fast
    text = (config_dir() / "robots" / "panda.yaml").read_text()
    robot.write_text(text.replace("rate_hz: 30.0", "rate_hz: 1000.0"))
    out = tmp_path / "views"
    result = run("intrinsics", out, "--robot", robot, "--device", film / "%05d.png", "--json")
    assert len(list(out.glob("view-*.png"))) >= 10, result.stderr
    assert result.exit_code in (0, 1)
    assert "gives no more frames" in " ".join(result.stderr.split())
