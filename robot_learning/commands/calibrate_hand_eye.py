"""`robot-learning calibrate hand-eye`: from pictures with joint positions to a camera's place."""

from __future__ import annotations

import datetime

import numpy as np

from robot_learning.commands.calibrate_run import CalibrationRun, UsageError
from robot_learning.contract.calibration import CameraCalibration
from robot_learning.contract.robot import CameraContract
from robot_learning.kinematics.arm_kinematics import ArmKinematics
from robot_learning.perception.calibration.chain import ArmView, LensError
from robot_learning.perception.calibration.coverage import Coverage, next_arm_view
from robot_learning.perception.calibration.hand_eye import (
    POSITION_ERROR_MAX_MM,
    ROTATION_ERROR_MAX_DEG,
    calibrate_hand_eye,
)
from robot_learning.perception.calibration.rigid import apart, rigid
from robot_learning.perception.calibration.views import read_joints
from robot_learning.perception.geometry import camera_matrix, camera_pose, nominal_pose

_KIND = "hand-eye"


def run_hand_eye(run: CalibrationRun, *, watch: bool, write: bool) -> bool:
    """Calibrates a camera's place; whether the result is good enough."""
    before = run.camera.calibration
    if before is None:
        raise UsageError(
            f"{run.path}: camera {run.camera.name} has no calibrated lens: run "
            "robot-learning calibrate intrinsics first, with --write"
        )
    lens = before.lens
    matrix, distortion = camera_matrix(run.camera), np.array(lens.distortion)
    arm = ArmKinematics(run.robot.arm)

    def views() -> list[ArmView]:
        joints = read_joints(run.folder, run.robot.arm)
        found = []
        for name, seen in sorted(run.album.found.items()):
            if name in joints:
                place, turned = arm.tcp_pose(joints[name])
                found.append(ArmView(name, seen, rigid(turned, place)))
        return found

    def advise() -> tuple[Coverage, str | None]:
        covered = run.covered()
        return covered, next_arm_view(views() if run.album.found else [], covered)

    advice = run.gather(advise, watch)
    usable = views()
    without = sorted(run.album.found.keys() - {view.name for view in usable})
    for name in without:
        run.console.print(f"  {name}: no joint positions belong to it", markup=False)
    known = LensError(lens.focal_error_percent, lens.centre_error_px)
    found = run.compute(_KIND, lambda: calibrate_hand_eye(usable, matrix, distortion, known))
    measured = found.measured(datetime.datetime.now(datetime.UTC).date())
    residual_mm, residual_deg = np.sqrt((found.residuals**2).mean(axis=0))
    figures = (
        f"{measured.reprojection_error_px:.3f} px; place +- {measured.position_error_mm:.2f} mm, "
        f"+- {measured.rotation_error_deg:.3f} deg"
    )
    facts = run.show(_KIND, figures, [view.name for view in found.views], found.errors_px)
    moved = {
        "fx_px": round(float(found.matrix[0, 0]), 3),
        "fy_px": round(float(found.matrix[1, 1]), 3),
        "cx_px": round(float(found.matrix[0, 2]), 3),
        "cy_px": round(float(found.matrix[1, 2]), 3),
    }
    calibration = CameraCalibration(lens=lens.model_copy(update=moved), pose=measured)
    moved_mm, moved_deg = _from_nominal(run.camera, calibration)
    run.console.print(
        f"residuals of single views: {residual_mm:.1f} mm, {residual_deg:.2f} deg (root mean "
        f"square); the board is {found.board_scale:.4f} times as large as its file says; the "
        f"camera is {moved_mm:.0f} mm and {moved_deg:.1f} deg from where the contract wants it"
    )
    if not found.is_known:
        run.console.print(
            f"twice the standard errors are to be within {POSITION_ERROR_MAX_MM:g} mm and "
            f"{ROTATION_ERROR_MAX_DEG:g} deg: "
            f"{advice or 'take more views, nearer to the camera'}"
        )
    facts |= {
        "focal_moved_percent": 100.0 * float(found.matrix[0, 0] / lens.fx_px - 1.0),
        "left_out": list(found.left_out),
        "without_joints": without,
        "residual_mm": float(residual_mm),
        "residual_deg": float(residual_deg),
        "board_scale": found.board_scale,
        "from_nominal_mm": moved_mm,
        "from_nominal_deg": moved_deg,
        "next": advice,
    }
    return run.finish(facts, calibration, found.is_known, write)


def _from_nominal(camera: CameraContract, calibration: CameraCalibration) -> tuple[float, float]:
    """How far the camera is from where the contract wants it: millimetres and degrees."""
    true = camera_pose(camera.model_copy(update={"calibration": calibration}))
    wanted = nominal_pose(camera)
    return apart(rigid(wanted.axes.T, wanted.position_m), rigid(true.axes.T, true.position_m))
