"""Pictures and joint positions in a folder: what is read, refused, and added."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from robot_learning.contract import load_robot
from robot_learning.perception.calibration.album import Album
from robot_learning.perception.calibration.board import Board
from robot_learning.perception.calibration.detection import BoardDetector, CalibrationError
from robot_learning.perception.calibration.resting import RestingViews
from robot_learning.perception.calibration.taking import ViewTaker
from robot_learning.perception.calibration.views import ViewFolder, read_joints

ARM = load_robot("panda").arm
HOME = np.array([joint.home_position_rad for joint in ARM.joints])


def row(image: str = "a.png", **changed: object) -> dict:
    joints = dict(zip(ARM.joint_names, HOME.tolist(), strict=True)) | changed
    return {"image": image, "joints": joints}


def test_joints_are_read_by_name_whatever_their_order(tmp_path: Path) -> None:
    joints = dict(reversed(row()["joints"].items())) | {"panda_finger_joint1": 0.04}
    (tmp_path / "joints.jsonl").write_text(json.dumps({"image": "a.png", "joints": joints}) + "\n")
    assert read_joints(tmp_path, ARM)["a.png"] == pytest.approx(HOME)


def test_a_table_does_as_well(tmp_path: Path) -> None:
    head = ",".join(["image", *ARM.joint_names])
    values = ",".join(["a.png", *map(str, HOME)])
    (tmp_path / "joints.csv").write_text(f"{head}\n{values}\n")
    assert read_joints(tmp_path, ARM)["a.png"] == pytest.approx(HOME)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (json.dumps({"image": "a.png", "joints": {"j1": 0.0}}), "no joint panda_joint1; it has j1"),
        (json.dumps(row(panda_joint2=45.0)), "panda_joint2 is 45.0, beyond .* radians"),
        (json.dumps(row(panda_joint2="NaN")), "panda_joint2 is 'NaN', beyond"),
        ("not json", ":1: expected"),
        (json.dumps({"picture": "a.png"}), ":1: expected"),
    ],
)
def test_a_line_that_makes_no_sense_is_named(tmp_path: Path, line: str, why: str) -> None:
    (tmp_path / "joints.jsonl").write_text(line + "\n")
    with pytest.raises(CalibrationError, match=why):
        read_joints(tmp_path, ARM)


def test_a_line_that_is_still_being_written_is_left_for_later(tmp_path: Path) -> None:
    (tmp_path / "joints.jsonl").write_text(json.dumps(row()) + "\n" + json.dumps(row("b.png"))[:30])
    assert list(read_joints(tmp_path, ARM)) == ["a.png"]


def test_without_joints_the_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CalibrationError, match=r"neither joints\.jsonl nor joints\.csv"):
        read_joints(tmp_path, ARM)


def test_what_is_added_can_be_read_again(tmp_path: Path) -> None:
    folder = ViewFolder(tmp_path / "views", ARM.joint_names)
    paths = [folder.add(b"jpeg", "jpg", HOME + 0.01 * n, 7.0 + n) for n in range(2)]
    assert [path.name for path in paths] == ["view-0001.jpg", "view-0002.jpg"]
    joints = read_joints(tmp_path / "views", ARM)
    assert joints["view-0002.jpg"] == pytest.approx(HOME + 0.01)
    later = ViewFolder(tmp_path / "views", ARM.joint_names)
    assert later.add(b"jpeg", "jpg", HOME, 9.0).name == "view-0003.jpg"


def test_pictures_are_looked_at_once_and_half_written_ones_again(
    board: Board, tmp_path: Path
) -> None:
    album = Album(tmp_path, BoardDetector(board, 640, 480))
    page = np.full((480, 640), 200, np.uint8)
    pattern = board.picture(2.0)
    page[20 : 20 + pattern.shape[0], 60 : 60 + pattern.shape[1]] = pattern
    data = cv2.imencode(".png", page)[1].tobytes()
    (tmp_path / "view.png").write_bytes(data[: len(data) // 2])
    (tmp_path / "notes.txt").write_text("no picture")
    assert album.look() == 1 and album.look() == 0
    assert "no picture that can be read" in album.refused["view.png"]
    (tmp_path / "view.png").write_bytes(data)
    assert album.look() == 1
    assert len(album.found["view.png"]) == len(board.corners_m) and not album.refused


def test_a_picture_is_kept_of_each_posture_in_which_the_arm_rests() -> None:
    resting = RestingViews()
    kept = []
    for step in range(400):  # moves for a second, rests for a second, at 100 Hz
        moving = step % 200 < 100
        position = HOME + 0.3 * (step // 200 + (step % 200) / 100 * moving + (not moving))
        resting.on_state(0.01 * step, position, np.full(7, 0.3 * moving))
        if step % 3 == 2:
            found = resting.on_picture(0.01 * step)
            if found is not None:
                kept.append(found)
    assert len(kept) == 2
    assert kept[0] == pytest.approx(HOME + 0.3) and kept[1] == pytest.approx(HOME + 0.6)


def test_no_picture_is_kept_without_states_of_its_own_time() -> None:
    resting = RestingViews()
    for step in range(100):
        resting.on_state(0.01 * step, HOME, np.zeros(7))
    assert resting.on_picture(1.5) is None
    assert resting.on_picture(0.2) is None  # rest has only begun
    assert resting.on_picture(0.95) is not None


def test_a_frame_becomes_a_view_when_the_board_rests_in_a_new_place(
    board: Board,
) -> None:
    page = np.full((480, 640), 200, np.uint8)
    pattern = board.picture(1.2)
    page[20 : 20 + pattern.shape[0], 60 : 60 + pattern.shape[1]] = pattern
    seen = BoardDetector(board, 640, 480).find(page)

    def at(shift_px: float):
        return type(seen)(seen.ids, seen.corners_px + shift_px, seen.points_m)

    taker = ViewTaker(640)
    frames = [*[at(0.0)] * 6, *[at(10.0 * n) for n in range(10)], *[at(100.0)] * 6, None, at(100.5)]
    assert [n for n, frame in enumerate(frames) if taker.is_view(frame)] == [4, 20]
