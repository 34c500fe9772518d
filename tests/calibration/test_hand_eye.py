"""Where the camera is, against the truth; what no answer may rest on."""

from __future__ import annotations

import datetime
from dataclasses import replace

import cv2
import numpy as np
import pytest
from rendered_views import arm_views
from scipy.spatial.transform import Rotation

from robot_learning.benchmark.calibration import Setup
from robot_learning.perception.calibration.chain import ArmView, LensError
from robot_learning.perception.calibration.coverage import coverage, next_arm_view
from robot_learning.perception.calibration.detection import CalibrationError, Detection
from robot_learning.perception.calibration.hand_eye import (
    POSITION_ERROR_MAX_MM,
    ROTATION_ERROR_MAX_DEG,
    HandEye,
    calibrate_hand_eye,
)
from robot_learning.perception.calibration.lens import Lens
from robot_learning.perception.calibration.rigid import apart, inverse, rigid

SURE = LensError(0.0, 0.0)


def known(lens: Lens) -> tuple[np.ndarray, np.ndarray, LensError]:
    error = LensError(lens.focal_error_percent, lens.centre_error_px)
    return lens.matrix, lens.distortion, error


@pytest.fixture(scope="module")
def views(rendered) -> list[ArmView]:
    return arm_views(rendered)


@pytest.fixture(scope="module")
def found(rendered, views: list[ArmView]) -> HandEye:
    return calibrate_hand_eye(views, *known(rendered.lens))


def exact(setup: Setup, poses: list[np.ndarray], corners: np.ndarray) -> list[ArmView]:
    """Views without any error, of a board whose corners are at `corners`."""
    found = []
    for index, tool in enumerate(poses):
        pose = inverse(setup.base_to_camera) @ tool @ setup.tcp_to_board
        points = corners @ pose[:3, :3].T + pose[:3, 3]
        pixels, _ = cv2.projectPoints(
            points, np.zeros(3), np.zeros(3), setup.matrix, setup.distortion
        )
        seen = Detection(np.arange(len(points)), pixels.reshape(-1, 2), setup.board.corners_m)
        found.append(ArmView(f"view-{index:02d}", seen, tool))
    return found


def test_the_camera_is_found_within_2_mm_and_a_fifth_of_a_degree(rendered, found: HandEye) -> None:
    off_mm, off_deg = apart(rendered.setup.base_to_camera, found.base_to_camera)
    assert off_mm <= POSITION_ERROR_MAX_MM and off_deg <= ROTATION_ERROR_MAX_DEG
    held_mm, held_deg = apart(rendered.setup.tcp_to_board, found.tcp_to_board)
    assert held_mm < 2.0 and held_deg < 0.4


def test_the_error_that_is_said_is_the_size_of_the_error_that_is_made(
    rendered, found: HandEye
) -> None:
    off_mm, _ = apart(rendered.setup.base_to_camera, found.base_to_camera)
    assert found.position_error_mm > 0.05 and off_mm < 4.0 * found.position_error_mm
    assert found.residuals.shape == (len(found.views), 2)


def test_what_is_not_known_of_the_lens_is_part_of_the_error(rendered, views) -> None:
    matrix, distortion, _ = known(rendered.lens)
    sure = calibrate_hand_eye(views, matrix, distortion, SURE)
    unsure = calibrate_hand_eye(views, matrix, distortion, LensError(1.0, 4.0))
    assert sure.matrix == pytest.approx(matrix, abs=1e-3)
    assert unsure.position_error_mm > sure.position_error_mm
    assert unsure.rotation_error_deg > sure.rotation_error_deg


def test_the_arms_motion_mends_a_lens_that_is_a_little_off(rendered, views) -> None:
    true = rendered.setup.matrix
    off = true.copy()
    off[[0, 1], [0, 1]] *= 1.01
    found = calibrate_hand_eye(views, off, rendered.setup.distortion, LensError(1.0, 1.0))
    assert abs(found.matrix[0, 0] / true[0, 0] - 1.0) < 0.004
    off_mm, _ = apart(rendered.setup.base_to_camera, found.base_to_camera)
    assert off_mm < 3.0  # of 9 mm, which one percent is at this distance


def test_without_errors_the_answer_is_exact(rendered, views: list[ArmView]) -> None:
    setup = rendered.setup
    sharp = exact(setup, [view.base_to_tcp for view in views], setup.board.corners_m)
    found = calibrate_hand_eye(sharp, setup.matrix, setup.distortion, SURE)
    off_mm, off_deg = apart(setup.base_to_camera, found.base_to_camera)
    assert off_mm < 0.01 and off_deg < 0.001
    assert found.board_scale == pytest.approx(1.0, abs=1e-5)


def test_a_camera_on_the_hand_is_the_same_problem(rendered, views: list[ArmView]) -> None:
    setup = rendered.setup
    hand = rigid(Rotation.from_euler("xyz", (0.1, -0.2, 1.5)).as_matrix(), (0.05, 0.0, -0.06))
    sharp = exact(setup, [view.base_to_tcp for view in views], setup.board.corners_m)
    swapped = []
    for view in sharp:
        # The same pictures, if the arm moved the camera instead: the board stands still.
        camera_to_board = inverse(setup.base_to_camera) @ view.base_to_tcp @ setup.tcp_to_board
        base_to_tcp = inverse(camera_to_board) @ inverse(hand)
        swapped.append(replace(view, base_to_tcp=inverse(base_to_tcp)))
    found = calibrate_hand_eye(swapped, setup.matrix, setup.distortion, SURE)
    off_mm, off_deg = apart(hand, found.base_to_camera)
    assert off_mm < 0.01 and off_deg < 0.001


def test_a_board_that_slipped_in_one_view_is_left_out_and_named(
    rendered, views: list[ArmView]
) -> None:
    slipped = replace(views[5], base_to_tcp=views[5].base_to_tcp @ rigid(np.eye(3), (0.02, 0, 0)))
    found = calibrate_hand_eye([*views[:5], slipped, *views[6:]], *known(rendered.lens))
    assert [line.split(":")[0] for line in found.left_out] == [views[5].name]
    assert "did the arm move, or the board slip?" in found.left_out[0]
    off_mm, _ = apart(rendered.setup.base_to_camera, found.base_to_camera)
    assert off_mm <= POSITION_ERROR_MAX_MM


def test_turns_about_one_axis_only_are_refused_with_what_to_do(
    rendered, views: list[ArmView]
) -> None:
    setup, first = rendered.setup, views[0].base_to_tcp
    turns = Rotation.from_euler("z", np.linspace(-0.3, 0.3, 12)[:, None]).as_matrix()
    poses = [first @ rigid(turn, (0.0, 0.0, 0.0)) for turn in turns]
    with pytest.raises(CalibrationError, match=r"all views are alike.*about its (x and y|y and x)"):
        calibrate_hand_eye(
            exact(setup, poses, setup.board.corners_m), setup.matrix, setup.distortion, SURE
        )


def test_too_few_views_are_refused(rendered, views: list[ArmView]) -> None:
    with pytest.raises(CalibrationError, match="7 usable views"):
        calibrate_hand_eye(views[:7], *known(rendered.lens))


def test_a_print_of_another_size_is_noticed_by_the_arms_motion(
    rendered, views: list[ArmView]
) -> None:
    setup = rendered.setup
    poses = [view.base_to_tcp for view in views]
    printed = exact(setup, poses, 0.97 * setup.board.corners_m)
    with pytest.raises(CalibrationError, match=r"0\.970 times as large as its file says"):
        calibrate_hand_eye(printed, setup.matrix, setup.distortion, SURE)


def test_the_next_pose_is_about_the_axis_that_the_hand_was_turned_least(
    rendered, views: list[ArmView]
) -> None:
    first = views[0]
    turns = Rotation.from_euler(
        "zx", [[a, b] for a in (-0.4, 0.0, 0.4) for b in (-0.3, 0.0, 0.3)]
    ).as_matrix()
    some = [replace(first, base_to_tcp=first.base_to_tcp @ rigid(t, np.zeros(3))) for t in turns]
    covered = coverage([first.detection], 640, 480)
    assert "about its y axis" in (next_arm_view(some, covered) or "")
    whole = coverage([view.detection for view in views], 640, 480)
    assert next_arm_view(views, whole) is None


def test_the_result_fits_into_the_contract(found: HandEye) -> None:
    measured = found.measured(datetime.date(2026, 11, 28))
    text = measured.model_dump_json()
    assert type(measured).model_validate_json(text) == measured
    turned = Rotation.from_euler("xyz", measured.base_to_optical.rpy_rad).as_matrix()
    placed = rigid(turned, measured.base_to_optical.xyz_m)
    off_mm, off_deg = apart(placed, found.base_to_camera)
    assert off_mm < 0.02 and off_deg < 0.001
