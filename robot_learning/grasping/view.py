"""Which view of the hand a contract allows: its camera is calibrated, its tool's place observed."""

from __future__ import annotations

import numpy as np

from robot_learning.contract import BinGraspTask, Contract, task_of
from robot_learning.envs.observation import field_slices
from robot_learning.perception.geometry import PictureGeometry
from robot_learning.perception.hand_view import HandView
from robot_learning.perception.task_camera import task_camera

_PLANE_M = 0.04  # above the table: about the middle of what lies in the bin
_HALF_M, _SHARE_PX = 0.14, 0.5  # from everywhere most of the bin
_MIDDLE_SHARE = 0.43  # of 32 pixels those in the middle are 4 mm
_MARGIN_M = 0.02  # of the floor, next to the walls


def hand_view(contract: Contract) -> HandView | None:
    """What lies around the hand; None where the task does not observe how the tool moves."""
    task, fields = task_of(contract, BinGraspTask), field_slices(contract)
    if not {"tcp_position_m", "tcp_heading", "tcp_velocity_m_s"} <= fields.keys():
        return None
    size_px = round(_SHARE_PX * task.image.size_px)
    camera, workspace = task_camera(contract), contract.workspace
    low, high = np.array(workspace.min_m[:2]), np.array(workspace.max_m[:2])
    middle = (low + high) / 2.0
    away = np.subtract(camera.position_m[:2], middle)
    x, y = (away / max(float(np.linalg.norm(away)), 1e-6)).tolist()
    half = np.array(task.bin.size_m) / 2.0 - _MARGIN_M
    centre = np.array(task.bin.centre_m)
    near, far = (centre - half).tolist(), (centre + half).tolist()
    homography = PictureGeometry(camera, task.image).plane_homography(_PLANE_M)
    return HandView(
        homography=tuple(homography.ravel().tolist()),
        towards_camera=(x, y),
        middle_m=(float(middle[0]), float(middle[1])),
        reach_m=float(np.max(high - low)) / 2.0,
        position_at=fields["tcp_position_m"].start,
        heading_at=fields["tcp_heading"].start,
        velocity_at=fields["tcp_velocity_m_s"].start,
        floor_m=(near[0], near[1], far[0], far[1]),
        size_px=size_px,
        half_m=_HALF_M,
        middle_share=_MIDDLE_SHARE,
    )
