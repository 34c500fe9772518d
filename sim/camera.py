"""Colour images of a world, as the contract's pinhole cameras would take them."""

from __future__ import annotations

import numpy as np
import pybullet
from numpy.typing import NDArray

from robot_learning.contract.robot import CameraContract
from robot_learning.hardware import Array

_NEAR_M, _FAR_M = 0.05, 10.0
_LIGHT_FROM = (1.0, 1.0, 2.0)


class SimCamera:
    """A fixed camera of square pixels without distortion.

    With another image size than the contract's, the vertical field of view stays.
    """

    def __init__(
        self, client: int, camera: CameraContract, size_px: tuple[int, int] | None = None
    ) -> None:
        self._client = client
        self._width, self._height = size_px or (camera.width_px, camera.height_px)
        self.intrinsics = intrinsics(self._width, self._height, camera.vertical_fov_rad)
        upright = (0.0, 0.0, 1.0)
        sight = np.subtract(camera.look_at_m, camera.position_m)
        if np.hypot(sight[0], sight[1]) < 1e-6 * abs(sight[2]):
            upright = (1.0, 0.0, 0.0)  # looking straight up or down: the base's x is up
        self._view = pybullet.computeViewMatrix(camera.position_m, camera.look_at_m, upright)
        self._projection = list(
            pybullet.computeProjectionMatrixFOV(
                float(np.degrees(camera.vertical_fov_rad)),
                self._width / self._height,
                _NEAR_M,
                _FAR_M,
            )
        )
        # TinyRenderer draws half a pixel too far right and up; this moves the picture back to
        # where K says it is.
        self._projection[8] = 1.0 / self._width
        self._projection[9] = 1.0 / self._height

    def render(self) -> NDArray[np.uint8]:
        """Draws the world, shape (height, width, 3)."""
        image = pybullet.getCameraImage(
            self._width,
            self._height,
            self._view,
            self._projection,
            lightDirection=_LIGHT_FROM,
            shadow=0,
            renderer=pybullet.ER_TINY_RENDERER,
            flags=pybullet.ER_NO_SEGMENTATION_MASK,
            physicsClientId=self._client,
        )
        rgba = np.asarray(image[2], dtype=np.uint8).reshape(self._height, self._width, 4)
        return np.ascontiguousarray(rgba[..., :3])


def intrinsics(width_px: int, height_px: int, vertical_fov_rad: float) -> Array:
    """Camera matrix K (3, 3) in pixels; the middle of the first pixel is (0, 0), as in OpenCV."""
    focal = height_px / 2 / np.tan(vertical_fov_rad / 2)
    return np.array(
        [[focal, 0.0, (width_px - 1) / 2], [0.0, focal, (height_px - 1) / 2], [0.0, 0.0, 1.0]]
    )
