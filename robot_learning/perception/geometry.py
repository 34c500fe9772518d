"""Where points of the world lie in a camera's image, as its contract and calibration say.

An optical frame has x to the right of the image, y down and z ahead.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.transform import Rotation

from robot_learning.contract.grasp import ImageContract
from robot_learning.contract.robot import CameraContract

Array = NDArray[np.float64]


def intrinsics(width_px: int, height_px: int, vertical_fov_rad: float) -> Array:
    """Camera matrix K (3, 3) in pixels; the middle of the first pixel is (0, 0), as in OpenCV."""
    focal = height_px / 2 / np.tan(vertical_fov_rad / 2)
    return np.array(
        [[focal, 0.0, (width_px - 1) / 2], [0.0, focal, (height_px - 1) / 2], [0.0, 0.0, 1.0]]
    )


class CameraPose(NamedTuple):
    """Where a camera is, in the base frame.

    Attributes:
        position_m: shape (3,).
        axes: those of the optical frame as rows, shape (3, 3).
    """

    position_m: Array
    axes: Array


def camera_matrix(camera: CameraContract) -> Array:
    """Camera matrix (3, 3) of a camera's rectified image: as calibrated, or else nominal."""
    if camera.calibration is None:
        return intrinsics(camera.width_px, camera.height_px, camera.vertical_fov_rad)
    lens = camera.calibration.lens
    return np.array([[lens.fx_px, 0.0, lens.cx_px], [0.0, lens.fy_px, lens.cy_px], [0.0, 0.0, 1.0]])


def nominal_pose(camera: CameraContract) -> CameraPose:
    """Where the contract wants the camera to be."""
    position = np.array(camera.position_m)
    ahead = np.subtract(camera.look_at_m, camera.position_m)
    ahead /= np.linalg.norm(ahead)
    right = np.cross(ahead, upright(ahead))
    right /= np.linalg.norm(right)
    return CameraPose(position, np.stack([right, np.cross(ahead, right), ahead]))


def camera_pose(camera: CameraContract) -> CameraPose:
    """Where the camera is: as calibrated, or else nominal."""
    if camera.calibration is None or camera.calibration.pose is None:
        return nominal_pose(camera)
    placed = camera.calibration.pose.base_to_optical
    turned = Rotation.from_euler("xyz", placed.rpy_rad).as_matrix()
    return CameraPose(np.array(placed.xyz_m), turned.T)


def picture_intrinsics(camera: CameraContract, image: ImageContract) -> Array:
    """Camera matrix of the picture that a task cuts out of a camera's image, shape (3, 3)."""
    matrix = camera_matrix(camera)
    left, top, side = image.crop_px(camera.width_px, camera.height_px)
    scale = image.size_px / side
    # The middle of a pixel is at whole numbers, its edges are not: hence the halves.
    matrix[0, 2] = (matrix[0, 2] + 0.5 - left) * scale - 0.5
    matrix[1, 2] = (matrix[1, 2] + 0.5 - top) * scale - 0.5
    matrix[0, 0] *= scale
    matrix[1, 1] *= scale
    return matrix


def upright(sight: Array) -> tuple[float, float, float]:
    """Which way is up for a camera that looks along `sight`, shape (3,): the base frame's z.

    For one that looks straight up or down it is the base's x.
    """
    level = np.hypot(sight[0], sight[1]) > 1e-6 * abs(sight[2])
    return (0.0, 0.0, 1.0) if level else (1.0, 0.0, 0.0)


class PictureGeometry:
    """Projects points of the base frame into a task's picture.

    Attributes:
        intrinsics: camera matrix of the picture, shape (3, 3).
    """

    def __init__(self, camera: CameraContract, image: ImageContract) -> None:
        self.intrinsics = picture_intrinsics(camera, image)
        self._position, self._axes = camera_pose(camera)

    def project(self, points_m: ArrayLike) -> Array:
        """Pixels (column, row), shape (..., 2), of points ahead of the camera, (..., 3)."""
        seen = (np.asarray(points_m, float) - self._position) @ self._axes.T
        pixels: Array = (seen / seen[..., 2:]) @ self.intrinsics.T
        return pixels[..., :2]

    def plane_homography(self, height_m: float) -> Array:
        """(3, 3) from (x, y, 1), at this height in the base frame, to (column, row, 1) k."""
        plane = np.eye(3)
        plane[:, 2] = [0.0, 0.0, height_m] - self._position
        homography: Array = self.intrinsics @ self._axes @ plane
        return homography / np.linalg.norm(homography)

    def pixels_per_metre(self, point_m: ArrayLike) -> float:
        """How large a metre across the line of sight is in the picture, at a point (3,)."""
        distance = float((np.asarray(point_m, float) - self._position) @ self._axes[2])
        return float(self.intrinsics[1, 1]) / distance
