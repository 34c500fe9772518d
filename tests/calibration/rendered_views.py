"""What several tests of calibration do with rendered pictures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from robot_learning.kinematics.arm_kinematics import ArmKinematics
from robot_learning.perception.calibration.chain import ArmView
from robot_learning.perception.calibration.detection import (
    BoardDetector,
    CalibrationError,
    Detection,
)
from robot_learning.perception.calibration.rigid import rigid


def seen_by(rendered: Any, pictures: Sequence[np.ndarray]) -> list[Detection]:
    """The board in those pictures that are of use."""
    camera = rendered.setup.camera
    detector = BoardDetector(rendered.setup.board, camera.width_px, camera.height_px)
    found = []
    for picture in pictures:
        try:
            found.append(detector.find(picture))
        except CalibrationError:
            continue
    return found


def arm_views(rendered: Any) -> list[ArmView]:
    """The board in the hand, with where the joints said it was."""
    arm = ArmKinematics(rendered.setup.robot.arm)
    found = []
    for index, (picture, position_rad) in enumerate(rendered.in_hand):
        for detection in seen_by(rendered, [picture]):
            place, turned = arm.tcp_pose(position_rad)
            found.append(ArmView(f"view-{index:02d}", detection, rigid(turned, place)))
    return found
