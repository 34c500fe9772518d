"""Colour images of a world, as the contract's pinhole cameras would take them."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import pybullet
from numpy.typing import NDArray

from robot_learning.contract.grasp import ImageContract
from robot_learning.contract.robot import CameraContract
from robot_learning.perception.geometry import (
    camera_matrix,
    camera_pose,
    intrinsics,
    picture_intrinsics,
    upright,
)
from sim.scene import Worlds

_NEAR_M, _FAR_M = 0.05, 10.0
LIGHT_FROM = (1.0, 1.0, 2.0)
AMBIENT, DIFFUSE, SPECULAR = 0.6, 0.35, 0.05
"""Parts of the light; PyBullet's own values."""

Vector = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class CameraVariation:
    """How a camera and the light differ from the contract's.

    Attributes:
        position_m: added to the camera's position.
        look_at_m: added to the point that it looks at.
        fov_factor: on its vertical field of view.
        light_from: direction of the light, from the scene towards it.
        ambient: part of the light that comes from everywhere.
    """

    position_m: Vector = (0.0, 0.0, 0.0)
    look_at_m: Vector = (0.0, 0.0, 0.0)
    fov_factor: float = 1.0
    light_from: Vector = LIGHT_FROM
    ambient: float = AMBIENT


class SimCamera:
    """A fixed camera without distortion; where the contract has its calibration, as calibrated.

    With another image size than the contract's, the vertical field of view stays.

    Attributes:
        intrinsics: camera matrix of the contract's camera: what calibration once found, and not
            what a variation made of it.
    """

    def __init__(
        self,
        worlds: Worlds,
        camera: CameraContract,
        size_px: tuple[int, int] | None = None,
        image: ImageContract | None = None,
    ) -> None:
        """Makes a camera.

        Args:
            worlds: what it looks at.
            camera: pose and lens.
            size_px: (width, height) of its images instead of the contract's.
            image: take only this part of the image, at its size. As in a picture made of a real
                image, a pixel is the mean of the finer ones that the camera has there.
        """
        self._worlds = worlds
        self._camera = camera
        self._width, self._height = size_px or (camera.width_px, camera.height_px)
        self.intrinsics = self._lens()
        self._full_size = (self._width, self._height)
        self._full_matrix = self.intrinsics
        self._fineness = 1  # pixels drawn, along each side, for one of the image
        # In the image's own coordinates, from -1 to 1: the middle and half the size of the part.
        self._middle, self._half = (0.0, 0.0), (1.0, 1.0)
        if image is not None:
            self._crop(image)
        self.vary(None)

    def _lens(self) -> NDArray[np.float64]:
        """Camera matrix of the whole image at its size."""
        camera, width, height = self._camera, self._width, self._height
        if camera.calibration is None:
            return intrinsics(width, height, camera.vertical_fov_rad)
        matrix, scale = camera_matrix(camera), height / camera.height_px
        matrix[:2, :2] *= scale
        for axis, (mine, theirs) in enumerate(
            ((width, camera.width_px), (height, camera.height_px))
        ):
            matrix[axis, 2] = (matrix[axis, 2] + 0.5 - theirs / 2) * scale + mine / 2 - 0.5
        return matrix

    def _crop(self, image: ImageContract) -> None:
        left, top, side = image.crop_px(self._width, self._height)
        self._middle = (
            2.0 * (left + side / 2) / self._width - 1.0,
            1.0 - 2.0 * (top + side / 2) / self._height,
        )
        self._half = (side / self._width, side / self._height)
        self.intrinsics = picture_intrinsics(self._camera, image)
        self._fineness = max(1, int(side // image.size_px))
        self._width = self._height = image.size_px * self._fineness

    def vary(self, variation: CameraVariation | None) -> None:
        """Takes images under other circumstances from now on; None: the contract's.

        Call it too when the backdrop has changed.
        """
        self._still: tuple[NDArray[np.uint8], NDArray[np.float32]] | None = None
        self._variation = variation = variation or CameraVariation()
        position, look_at, up = self._place()
        position, look_at = position + variation.position_m, look_at + variation.look_at_m
        self._view = pybullet.computeViewMatrix(
            position.tolist(), look_at.tolist(), up or upright(look_at - position)
        )
        (width, height), matrix = self._full_size, self._full_matrix
        fov_rad = 2.0 * np.arctan(height / 2 / matrix[1, 1])
        self._projection = list(
            pybullet.computeProjectionMatrixFOV(
                float(np.degrees(fov_rad * variation.fov_factor)),
                width / height * (matrix[1, 1] / matrix[0, 0]),
                _NEAR_M,
                _FAR_M,
            )
        )
        # Where the line of sight meets the image: its middle, but for a calibrated lens.
        axis_x = 2.0 * (matrix[0, 2] + 0.5) / width - 1.0
        axis_y = 1.0 - 2.0 * (matrix[1, 2] + 0.5) / height
        # The part of the picture becomes all of it. And TinyRenderer draws half a pixel too far
        # right and up; this moves the picture back to where K says it is.
        self._projection[0] /= self._half[0]
        self._projection[5] /= self._half[1]
        self._projection[8] = (self._middle[0] - axis_x) / self._half[0] + 1.0 / self._width
        self._projection[9] = (self._middle[1] - axis_y) / self._half[1] + 1.0 / self._height

    def _place(self) -> tuple[NDArray[np.float64], NDArray[np.float64], Vector | None]:
        """Position, a point that it looks at, and which way is up; None: as `upright` says."""
        camera = self._camera
        look_at = np.array(camera.look_at_m)
        if camera.calibration is None or camera.calibration.pose is None:
            return np.array(camera.position_m), look_at, None
        position, axes = camera_pose(camera)
        ahead_m = float(np.linalg.norm(look_at - camera.position_m))
        x, y, z = (-axes[1]).tolist()
        return position, position + ahead_m * axes[2], (x, y, z)

    def render(self) -> NDArray[np.uint8]:
        """Draws the worlds, shape (height, width, 3)."""
        rgb, depth = self._draw(self._worlds.physics)
        if self._worlds.backdrop is not None:
            if self._still is None:
                self._still = self._draw(self._worlds.backdrop)
            still_rgb, still_depth = self._still
            rgb = np.where((depth < still_depth)[..., None], rgb, still_rgb)
        if self._fineness == 1:
            return rgb
        size = (self._width // self._fineness, self._height // self._fineness)
        return cv2.resize(rgb, size, interpolation=cv2.INTER_AREA).astype(np.uint8)

    def _draw(self, client: int) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        """Colours (height, width, 3), and how far away it is, from 0 to 1, (height, width)."""
        image = pybullet.getCameraImage(
            self._width,
            self._height,
            self._view,
            self._projection,
            lightDirection=self._variation.light_from,
            lightAmbientCoeff=self._variation.ambient,
            lightDiffuseCoeff=DIFFUSE,
            lightSpecularCoeff=SPECULAR,
            shadow=0,
            renderer=pybullet.ER_TINY_RENDERER,
            flags=pybullet.ER_NO_SEGMENTATION_MASK,
            physicsClientId=client,
        )
        rgba = np.asarray(image[2], dtype=np.uint8).reshape(self._height, self._width, 4)
        depth = np.asarray(image[3], dtype=np.float32).reshape(self._height, self._width)
        return np.ascontiguousarray(rgba[..., :3]), depth
