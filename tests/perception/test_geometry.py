"""Points are projected by what was measured of a camera, where something was."""

from __future__ import annotations

import datetime

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from robot_learning.contract import BinGraspTask, load_contract, load_robot, task_of
from robot_learning.contract.base import Transform
from robot_learning.contract.calibration import CameraCalibration, MeasuredLens, MeasuredPose
from robot_learning.contract.robot import CameraContract
from robot_learning.perception.geometry import (
    PictureGeometry,
    camera_matrix,
    camera_pose,
    nominal_pose,
)

DAY = datetime.date(2026, 11, 28)
LENS = MeasuredLens(
    fx_px=480.0,
    fy_px=478.0,
    cx_px=325.0,
    cy_px=236.0,
    distortion=(0.0,) * 5,
    reprojection_error_px=0.1,
    focal_error_percent=0.2,
    centre_error_px=0.4,
    views=30,
    date=DAY,
)


def calibrated(camera: CameraContract, moved_m: tuple[float, float, float]) -> CameraContract:
    """As nominal, but for the lens and a shift."""
    nominal = nominal_pose(camera)
    x, y, z = (nominal.position_m + moved_m).tolist()
    roll, pitch, yaw = Rotation.from_matrix(nominal.axes.T).as_euler("xyz").tolist()
    pose = MeasuredPose(
        base_to_optical=Transform(xyz_m=(x, y, z), rpy_rad=(roll, pitch, yaw)),
        reprojection_error_px=0.4,
        position_error_mm=0.8,
        rotation_error_deg=0.1,
        views=25,
        date=DAY,
    )
    return camera.model_copy(update={"calibration": CameraCalibration(lens=LENS, pose=pose)})


@pytest.mark.parametrize("robot", ["panda", "fr3", "iiwa7"])
def test_a_calibrated_pose_is_where_it_says(robot: str) -> None:
    camera = load_robot(robot).cameras[0]
    measured = camera_pose(calibrated(camera, (0.03, -0.02, 0.01)))
    nominal = camera_pose(camera)
    assert measured.position_m - nominal.position_m == pytest.approx([0.03, -0.02, 0.01])
    assert measured.axes == pytest.approx(nominal.axes, abs=1e-9)


def test_a_lens_alone_leaves_the_place_nominal() -> None:
    camera = load_robot("panda").cameras[0]
    only = camera.model_copy(update={"calibration": CameraCalibration(lens=LENS)})
    assert camera_pose(only).position_m == pytest.approx(camera.position_m)
    assert camera_matrix(only)[0] == pytest.approx([480.0, 0.0, 325.0])


def test_a_tasks_picture_is_projected_by_the_calibration() -> None:
    contract = load_contract("panda", "bin_grasp")
    image, camera = task_of(contract, BinGraspTask).image, contract.robot.cameras[0]
    measured = calibrated(camera, (0.05, 0.0, 0.0))
    point = np.array([0.5, 0.1, 0.05])
    pose = camera_pose(measured)
    seen = pose.axes @ (point - pose.position_m)
    u, v = (480.0 * seen[0] / seen[2] + 325.0, 478.0 * seen[1] / seen[2] + 236.0)
    left, top, side = image.crop_px(camera.width_px, camera.height_px)
    scale = image.size_px / side
    expected = ((u + 0.5 - left) * scale - 0.5, (v + 0.5 - top) * scale - 0.5)
    assert PictureGeometry(measured, image).project(point) == pytest.approx(expected)
    assert np.abs(PictureGeometry(camera, image).project(point) - expected).max() > 1.0
