from __future__ import annotations

import itertools
import json

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from skimage.metrics import structural_similarity

from robot_learning.contract import Contract, load_contract
from robot_learning.perception.geometry import camera_pose, intrinsics, nominal_pose
from sim.benchmark import camera_speedup, physics_rate
from sim.scene import WALL_M
from sim.tasks.reach import BIN_CENTRE_M, BIN_HEIGHT_M, BIN_INSIDE_M


def in_view(contract: Contract, point: np.ndarray) -> np.ndarray:
    """A point of the base frame in the camera's optical frame: x right, y down, z ahead."""
    camera = contract.robot.cameras[0]
    ahead = np.subtract(camera.look_at_m, camera.position_m)
    ahead /= np.linalg.norm(ahead)
    right = np.cross(ahead, (0.0, 0.0, 1.0))
    right /= np.linalg.norm(right)
    return np.stack([right, np.cross(ahead, right), ahead]) @ (point - camera.position_m)


@pytest.mark.parametrize("name", ["panda", "iiwa7"])
def test_decimated_meshes_look_like_the_stock_ones(opened, home, name):
    contract = load_contract(name)
    pair = [
        opened(contract, camera_size_px=(64, 64), visuals=visuals)
        for visuals in ("stock", "decimated")
    ]
    rng = np.random.default_rng(0)
    for index in range(8):
        q = home(contract) + (rng.normal(0.0, 0.4, 7) if index else 0.0)
        for hardware in pair:
            hardware.robot.place(q, 0.06)
        stock, decimated = (hardware.read_camera("camera").rgb for hardware in pair)
        assert structural_similarity(stock, decimated, channel_axis=2) >= 0.95


def test_the_intrinsics_project_the_target_onto_its_picture(opened, panda):
    hardware = opened(panda)
    hardware.robot.place(np.array([2.5, -1.0, 0.0, -2.5, 0.0, 1.5, 0.0]), 0.0)  # out of the way
    for seed in range(6):
        hardware.redraw_scene(seed)
        frame = hardware.read_camera("camera")
        rgb = frame.rgb.astype(int)
        row, column = np.nonzero((rgb[..., 0] > 90) & (rgb[..., 1:] < 60).all(axis=2))
        assert len(row) > 60
        seen = in_view(panda, hardware.read_scene()["target_position_m"])
        u, v, _ = frame.intrinsics @ (seen / seen[2])
        assert (column.mean(), row.mean()) == pytest.approx((u, v), abs=0.25)


@pytest.mark.parametrize("name", ["panda", "fr3", "iiwa7"])
def test_a_square_image_holds_goals_bin_and_the_workspace_above_them(name):
    contract = load_contract(name)
    goal, workspace = contract.task.goal.box, contract.robot.operation.workspace
    size = (BIN_INSIDE_M[0] + 2 * WALL_M, BIN_INSIDE_M[1] + 2 * WALL_M, BIN_HEIGHT_M)
    bin_box = [np.multiply(size, (side, side, 1 + side)) / 2 for side in (-1, 1)]
    bin_box = [np.array([*BIN_CENTRE_M, 0.0]) + corner for corner in bin_box]
    limit = np.tan(contract.robot.cameras[0].vertical_fov_rad / 2)
    for low, high in (
        (goal.min_m, goal.max_m),
        (workspace.min_m, (*workspace.max_m[:2], goal.max_m[2])),
        bin_box,
    ):
        for corner in itertools.product(*zip(low, high, strict=True)):
            x, y, ahead = in_view(contract, np.array(corner))
            assert max(abs(x), abs(y)) <= limit * ahead


def test_images_have_the_contracts_size_and_the_stamp_of_the_state(opened, panda):
    hardware = opened(panda, start_time_s=2.0)
    hardware.step(0.05)
    frame = hardware.read_camera("camera")
    assert frame.rgb.shape == (480, 640, 3)
    assert frame.rgb.dtype == np.uint8
    assert frame.stamp_s == hardware.read_state().stamp_s
    fov = panda.robot.cameras[0].vertical_fov_rad
    np.testing.assert_allclose(frame.intrinsics, intrinsics(640, 480, fov))


def test_a_smaller_image_keeps_the_vertical_field_of_view(opened, panda):
    frame = opened(panda, camera_size_px=(64, 48)).read_camera("camera")
    assert frame.rgb.shape == (48, 64, 3)
    fov = panda.robot.cameras[0].vertical_fov_rad
    assert frame.intrinsics[1, 1] == pytest.approx(intrinsics(640, 480, fov)[1, 1] / 10)


def test_the_picture_moves_with_the_arm_and_repeats_without_motion(opened, panda, home):
    hardware = opened(panda, camera_size_px=(64, 64))
    first, again = (hardware.read_camera("camera").rgb for _ in range(2))
    np.testing.assert_array_equal(first, again)
    hardware.robot.place(home(panda) + 0.3, 0.0)
    assert (hardware.read_camera("camera").rgb != first).any()


def test_a_camera_that_looks_straight_down_works(opened, panda):
    data = panda.model_dump(mode="json")
    data["robot"]["cameras"][0] |= {"position_m": [0.5, 0, 1.2], "look_at_m": [0.5, 0, 0]}
    hardware = opened(Contract.model_validate(data), camera_size_px=(64, 64))
    assert len(np.unique(hardware.read_camera("camera").rgb.reshape(-1, 3), axis=0)) > 5


def test_an_unknown_camera_is_refused_with_the_known_ones(opened, panda):
    with pytest.raises(LookupError, match="no camera 'wrist'; known: camera"):
        opened(panda).read_camera("wrist")


def test_the_benchmarks_report_consistent_figures(panda):
    camera = camera_speedup(panda, images=3)
    assert camera["ratio"] == pytest.approx(
        camera["decimated_images_per_s"] / camera["stock_images_per_s"]
    )
    physics = physics_rate(panda, seconds=0.5)
    assert physics["real_time_factor"] * 240 == pytest.approx(physics["physics_steps_per_s"])


def test_a_calibrated_camera_sees_the_target_where_its_calibration_says(opened, panda):
    camera = panda.robot.cameras[0]
    nominal = nominal_pose(camera)
    turned = Rotation.from_matrix(nominal.axes.T) * Rotation.from_rotvec([0.03, -0.04, 0.2])
    data = json.loads(panda.model_dump_json())
    lens = {"fx_px": 500.0, "fy_px": 490.0, "cx_px": 331.0, "cy_px": 233.0, "views": 30}
    lens |= {"distortion": [0.0] * 5, "reprojection_error_px": 0.1, "focal_error_percent": 0.1}
    lens |= {"centre_error_px": 0.2}
    pose = {
        "base_to_optical": {
            "xyz_m": np.add(nominal.position_m, (0.05, 0.04, -0.03)).tolist(),
            "rpy_rad": turned.as_euler("xyz").tolist(),
        },
        "reprojection_error_px": 0.3,
        "position_error_mm": 0.5,
        "rotation_error_deg": 0.1,
        "views": 25,
    }
    day = {"date": "2026-11-28"}
    data["robot"]["cameras"][0]["calibration"] = {"lens": lens | day, "pose": pose | day}
    calibrated = Contract.model_validate_json(json.dumps(data))
    place = camera_pose(calibrated.robot.cameras[0])
    hardware = opened(calibrated)
    hardware.robot.place(np.array([2.5, -1.0, 0.0, -2.5, 0.0, 1.5, 0.0]), 0.0)  # out of the way
    for seed in range(3):
        hardware.redraw_scene(seed)
        frame = hardware.read_camera("camera")
        rgb = frame.rgb.astype(int)
        row, column = np.nonzero((rgb[..., 0] > 90) & (rgb[..., 1:] < 60).all(axis=2))
        assert len(row) > 60
        target = hardware.read_scene()["target_position_m"]
        seen = place.axes @ (target - place.position_m)
        assert frame.intrinsics[0].tolist() == [500.0, 0.0, 331.0]
        u, v, _ = frame.intrinsics @ (seen / seen[2])
        assert (column.mean(), row.mean()) == pytest.approx((u, v), abs=0.25)
