"""Where in a task's picture the bin, the hand and what lies around it are: plain numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class HandView:
    """Which part of a picture lies around the hand; lengths are of the base frame.

    Attributes:
        homography: row by row the (3, 3) that takes (x, y, 1), in metres on the plane that is
            looked at, to the picture's (column, row, 1) but for a factor.
        towards_camera: unit vector from the plane's middle to below the camera.
        middle_m: x and y of the middle of where the tool may be.
        reach_m: how far from there it may be.
        position_at: where x, y and z of the tool begin in the state.
        heading_at: where cosine and sine of its turn about the vertical begin.
        velocity_at: where x, y and z of its velocity begin.
        floor_m: lowest x and y, highest x and y of the bin's floor.
        size_px: side of the view.
        half_m: from its middle to its edge.
        middle_share: how large a pixel in its middle is, as part of a view's of equal pixels.
    """

    homography: tuple[float, ...]
    towards_camera: tuple[float, float]
    middle_m: tuple[float, float]
    reach_m: float
    position_at: int
    heading_at: int
    velocity_at: int
    floor_m: tuple[float, float, float, float]
    size_px: int
    half_m: float
    middle_share: float

    def __post_init__(self) -> None:
        # Lists come out of files.
        for name in ("homography", "towards_camera", "middle_m", "floor_m"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        if len(self.homography) != 9:
            raise ValueError(f"a homography has 9 numbers, not {len(self.homography)}")

    def floor_mask(self, size_px: int) -> NDArray[np.bool_]:
        """Which pixels of a picture show the bin's floor, shape (size, size)."""
        rows, columns = np.mgrid[:size_px, :size_px]
        pixels = np.stack((columns, rows, np.ones_like(rows)), -1).reshape(-1, 3)
        points = pixels @ np.linalg.inv(np.reshape(self.homography, (3, 3))).T
        x, y = (points[:, :2] / points[:, 2:]).T
        low_x, low_y, high_x, high_y = self.floor_m
        inside: NDArray[np.bool_] = (x > low_x) & (x < high_x) & (y > low_y) & (y < high_y)
        return inside.reshape(size_px, size_px)
