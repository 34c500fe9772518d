"""A camera by OpenCV, calibrated as the contract says, and the folder for hand-eye calibration."""

from __future__ import annotations

import json
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from robot_learning.contract import config_dir, load_robot

PANDA = config_dir() / "robots" / "panda.yaml"
LENS = """
    calibration:
      lens: {fx_px: 471.0, fy_px: 470.0, cx_px: 322.0, cy_px: 238.0,
        distortion: [-0.2, 0.05, 0.0, 0.001, 0.0], reprojection_error_px: 0.08,
        focal_error_percent: 0.2, centre_error_px: 0.4, views: 30, date: 2026-11-28}
"""
ARM = load_robot("panda").arm.joint_names
FINGERS = list(load_robot("panda").gripper.joint_names)
HOME = [joint.home_position_rad for joint in load_robot("panda").arm.joints]

pytestmark = [pytest.mark.graph, pytest.mark.timeout(300)]


@pytest.fixture
def robot(tmp_path: Path) -> str:
    """The Panda with a calibrated lens."""
    line = "    age_max_s: 0.15"
    path = tmp_path / "panda.yaml"
    path.write_text(PANDA.read_text().replace(line, line + LENS, 1))
    return str(path)


def film(folder: Path, count: int = 20) -> str:
    """A source that ends after so many pictures, and is then lost."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    for n in range(count):
        picture = rng.integers(40, 90, (480, 640, 3), dtype=np.uint8)
        picture[200:280, 20 * n : 20 * n + 80] = 230
        cv2.imwrite(str(folder / f"{n:03d}.png"), picture)
    return str(folder / "%03d.png")


def bring_up(client, *nodes: str) -> None:
    for node in nodes:
        for transition in (1, 3):  # configure, activate
            answer = client.call(
                service=f"{node}/change_state",
                type="lifecycle_msgs/ChangeState",
                fields={"transition": {"id": transition}},
                timeout_s=120,
            )
            assert answer["success"], answer


def stamp_s(message: dict) -> float:
    stamp = message["header"]["stamp"]
    return stamp["sec"] + 1e-9 * stamp["nanosec"]


def test_frames_of_opencv_reach_the_camera_node_rectified_and_a_lost_source_is_said(
    graph, robot: str, tmp_path: Path
) -> None:
    graph.node("camera_capture", robot=robot, source=film(tmp_path / "film"))
    graph.node("camera", robot=robot)
    client = graph.client()
    client.listen(topic="camera/color/camera_info", type="sensor_msgs/CameraInfo")
    client.listen(
        topic="camera/color/image_raw/compressed",
        type="sensor_msgs/CompressedImage",
        best_effort=True,
    )
    client.listen(topic="camera/observation", type="sensor_msgs/Image", best_effort=True)
    client.listen(topic="/diagnostics", type="diagnostic_msgs/DiagnosticArray")
    bring_up(client, "camera", "camera_capture")

    info = client.wait("camera/color/camera_info", lambda message: True, 60)
    assert (info["width"], info["height"]) == (640, 480)
    assert info["k"][0] == 471.0 and info["d"] == [-0.2, 0.05, 0.0, 0.001, 0.0]
    client.wait("camera/observation", lambda message: message["width"] == 64, 60)
    # The film has ended: that is said, and it is opened again.
    client.wait(
        "/diagnostics",
        lambda message: (
            message["status"][0]["name"] == "camera_capture"
            and "gives no more frames" in message["status"][0]["message"]
        ),
        60,
    )
    seen = [stamp_s(m) for m in client.take(topic="camera/color/image_raw/compressed")]
    end = time.monotonic() + 60
    while not seen or seen[-1] - seen[0] < 2.0:  # frames come again after the loss
        assert time.monotonic() < end, "no frames after the loss"
        time.sleep(0.2)
        seen += [stamp_s(m) for m in client.take(topic="camera/color/image_raw/compressed")]
    assert (np.diff(seen) > 0).all(), "a frame came twice, or with an old stamp"
    # The source stamps with the clock of this machine, when a frame is taken.
    assert abs(time.time() - seen[-1]) < 60.0


def test_a_picture_of_each_rest_is_kept_with_its_joint_positions(
    graph, robot: str, tmp_path: Path
) -> None:
    out = tmp_path / "views"
    graph.node("calibration_views", robot=robot, out=str(out))
    client = graph.client()
    bring_up(client, "calibration_views")
    data = list(cv2.imencode(".jpg", np.full((480, 640, 3), 120, np.uint8))[1].tobytes())
    began_s = time.time()
    names = [*ARM, *FINGERS][::-1]  # as some drivers order them
    count = 0
    for posture in range(2):
        turned = [value + 0.2 * posture for value in HOME]
        end = time.monotonic() + 60
        while count == posture:
            assert time.monotonic() < end, graph.logs()
            now_s = time.time()
            header = {"stamp": {"sec": int(now_s), "nanosec": int(now_s % 1 * 1e9)}}
            fields = {
                "header": header,
                "name": names,
                "position": [*turned, 0.01, 0.01][::-1],
                "velocity": [0.0] * 9,
                "effort": [0.0] * 9,
            }
            client.publish(topic="joint_states", type="sensor_msgs/JointState", fields=fields)
            time.sleep(0.01)
            client.publish(
                topic="camera/color/image_raw/compressed",
                type="sensor_msgs/CompressedImage",
                fields={"header": header, "format": "rgb8; jpeg compressed bgr8", "data": data},
            )
            time.sleep(0.02)
            lines = out / "joints.jsonl"
            count = len(lines.read_text().splitlines()) if lines.exists() else 0
    rows = [json.loads(line) for line in (out / "joints.jsonl").read_text().splitlines()]
    assert [row["image"] for row in rows] == ["view-0001.jpg", "view-0002.jpg"]
    assert (out / "view-0001.jpg").read_bytes() == bytes(data)
    for posture, row in enumerate(rows):
        expected = [value + 0.2 * posture for value in HOME]
        assert [row["joints"][name] for name in ARM] == pytest.approx(expected)
        assert began_s < row["stamp_s"] < time.time()
