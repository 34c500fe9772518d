"""Rectifies, crops and resizes camera images; notices a frozen camera."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
_DARK_LEVEL = 10
"""A sensor's noise behind a lens cap stays below this, of 255."""

_SAME_PX = 0.02
"""Camera matrices that are nearer are the same."""


class ImageError(ValueError):
    """An image or its calibration cannot be used; one line: what, expected, found."""


def require_light(rgb: Image) -> None:
    """Refuses a black image.

    Raises:
        ImageError: nothing in it is brighter than a sensor's noise.
    """
    brightest = int(rgb.max(initial=0))
    if brightest < _DARK_LEVEL:
        raise ImageError(
            f"camera image is black (its brightest level is {brightest} of 255): is the lens "
            "covered, or the light off?"
        )


@dataclass
class ImagePipeline:
    """Undistorts, crops a square and resizes it to `size_px`.

    Attributes:
        size_px: side of the square image that comes out.
        width_px: width of the images that go in.
        height_px: their height.
        crop_px: left and top edge, and side, of the square; by default the largest in the middle.
        matrix: camera matrix (3, 3) that images are rectified to; by default that of the camera.
    """

    size_px: int
    width_px: int
    height_px: int
    crop_px: tuple[float, float, float] | None = None
    matrix: NDArray[np.float64] | None = None
    _maps: tuple[NDArray[np.float32], NDArray[np.float32]] | None = field(default=None, init=False)

    def calibrate(self, intrinsics: NDArray[np.float64], distortion: NDArray[np.float64]) -> None:
        """Prepares rectification (plumb_bob model, as sensor_msgs/CameraInfo).

        Args:
            intrinsics: camera matrix in pixels, shape (3, 3).
            distortion: (k1, k2, p1, p2, k3); all zeros for a rectified camera.

        Raises:
            ImageError: values are not finite or the focal length is not positive.
        """
        if not (np.isfinite(intrinsics).all() and np.isfinite(distortion).all()):
            raise ImageError("camera_info has a value that is not finite")
        if intrinsics[0, 0] <= 0 or intrinsics[1, 1] <= 0:
            raise ImageError(
                f"camera_info has focal lengths {intrinsics[0, 0]} and {intrinsics[1, 1]}; "
                "both must be above 0 (is the camera calibrated?)"
            )
        target = intrinsics if self.matrix is None else self.matrix
        if not distortion.any() and np.allclose(target, intrinsics, atol=_SAME_PX):
            self._maps = None
            return
        x, y = cv2.initUndistortRectifyMap(
            intrinsics,
            distortion,
            np.eye(3),
            target,
            (self.width_px, self.height_px),
            cv2.CV_32FC1,
        )
        self._maps = (x.astype(np.float32), y.astype(np.float32))

    def process(self, rgb: Image) -> Image:
        """From shape (height, width, 3) to (size, size, 3), uint8.

        Raises:
            ImageError: another size than the contract's camera, or black.
        """
        if rgb.shape != (self.height_px, self.width_px, 3):
            raise ImageError(
                f"camera image has shape {rgb.shape}; the contract's camera gives "
                f"({self.height_px}, {self.width_px}, 3)"
            )
        require_light(rgb)
        if self._maps is not None:
            rgb = cv2.remap(rgb, *self._maps, interpolation=cv2.INTER_LINEAR).astype(np.uint8)
        if self.crop_px is None:
            side = min(self.width_px, self.height_px)
            top, left = (self.height_px - side) // 2, (self.width_px - side) // 2
        else:
            left, top, side = (round(value) for value in self.crop_px)
        square = rgb[top : top + side, left : left + side]
        small = cv2.resize(square, (self.size_px, self.size_px), interpolation=cv2.INTER_AREA)
        return small.astype(np.uint8)


@dataclass
class FreezeDetector:
    """Notices a camera whose picture no longer changes: real sensors are never without noise.

    Attributes:
        limit: identical images in a row after which the camera counts as frozen.
    """

    limit: int
    repeats: int = 0
    _last: int | None = None

    def update(self, data: bytes | memoryview) -> bool:
        """Takes the image as it came in; True when the camera counts as frozen."""
        checksum = zlib.crc32(data)
        self.repeats = self.repeats + 1 if checksum == self._last else 0
        self._last = checksum
        return self.repeats >= self.limit
