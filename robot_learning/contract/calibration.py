"""What was measured of one physical camera: its lens and where it stands, with date and error.

Not part of what data and policies must agree on: a policy that was trained with the nominal camera
is played on a robot whose camera was measured. How far the two may be apart is the task's
randomisation.
"""

from __future__ import annotations

import datetime
from typing import Annotated

from pydantic import Field, Strict

from robot_learning.contract.base import NonNegative, Positive, StrictModel, Transform


class MeasuredLens(StrictModel):
    """Camera matrix and distortion (plumb_bob model, as sensor_msgs/CameraInfo).

    The middle of the first pixel is (0, 0), as in OpenCV.

    Attributes:
        distortion: k1, k2, p1, p2, k3.
        reprojection_error_px: root mean square over all corners of the board.
        focal_error_percent: standard error of the focal lengths, the larger of the two.
        centre_error_px: standard error of the principal point, the larger of the two.
        views: of the board that it rests on.
        date: of the measurement.
    """

    fx_px: Positive
    fy_px: Positive
    cx_px: float
    cy_px: float
    distortion: Annotated[tuple[float, float, float, float, float], Strict(False)]
    reprojection_error_px: NonNegative
    focal_error_percent: NonNegative
    centre_error_px: NonNegative
    views: Annotated[int, Field(ge=1)]
    date: datetime.date


class MeasuredPose(StrictModel):
    """Where the camera's optical frame (x right, y down, z ahead) is, in the base frame.

    Attributes:
        base_to_optical: places the optical frame in the base frame.
        reprojection_error_px: root mean square over all corners of the board.
        position_error_mm: standard error of the position.
        rotation_error_deg: standard error of the rotation.
        views: of the board that it rests on.
        date: of the measurement.
    """

    base_to_optical: Transform
    reprojection_error_px: NonNegative
    position_error_mm: NonNegative
    rotation_error_deg: NonNegative
    views: Annotated[int, Field(ge=1)]
    date: datetime.date


class CameraCalibration(StrictModel):
    """A lens, and once the arm has shown the board, where the camera is."""

    lens: MeasuredLens
    pose: MeasuredPose | None = None
