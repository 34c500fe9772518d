"""What the views cover so far, and what the next one should add."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from robot_learning.perception.calibration.chain import ArmView
from robot_learning.perception.calibration.detection import Detection
from robot_learning.perception.calibration.hand_eye import (
    TURN_MIN_DEG,
    turn_spread,
)
from robot_learning.perception.calibration.lens import TILT_MIN_DEG, View, tilts_deg

Array = NDArray[np.float64]

GRID = (6, 4)
"""Cells across and down."""
VIEWS_GOOD = 20
COVERED_MIN = 0.7
NEAR_SHARE, NEAR_VIEWS = 0.3, 5
"""In so many views corners are to be so far apart, of the image's width: perspective tells the
focal length."""
_PLACES = (("upper", "middle", "lower"), ("left", "centre", "right"))


class Coverage(NamedTuple):
    """How well the image is covered.

    Attributes:
        counts: corners in each cell, shape (down, across).
    """

    counts: NDArray[np.int64]

    @property
    def share(self) -> float:
        """Of the cells, those with corners."""
        return float((self.counts > 0).mean())

    def emptiest(self) -> str:
        """Where in the image least was seen, in words."""
        down, across = self.counts.shape
        thirds = np.zeros((3, 3))
        for row in range(down):
            for column in range(across):
                thirds[row * 3 // down, column * 3 // across] += self.counts[row, column]
        third, side = divmod(int(thirds.argmin()), 3)
        return f"{_PLACES[0][third]} {_PLACES[1][side]}"


def coverage(detections: Sequence[Detection], width_px: int, height_px: int) -> Coverage:
    """Counts corners in a grid of `GRID` cells."""
    across, down = GRID
    counts = np.zeros((down, across), np.int64)
    for detection in detections:
        columns = np.clip(detection.corners_px[:, 0] / width_px * across, 0, across - 1)
        rows = np.clip(detection.corners_px[:, 1] / height_px * down, 0, down - 1)
        np.add.at(counts, (rows.astype(int), columns.astype(int)), 1)
    return Coverage(counts)


def next_lens_view(
    views: Sequence[View], covered: Coverage, width_px: int, matrix: Array, distortion: Array
) -> str | None:
    """What to do with the board in the next picture; None: enough.

    Args:
        views: so far.
        covered: by them.
        width_px: of the image.
        matrix: of a lens that is about right.
        distortion: of it.
    """
    tilts = tilts_deg(views, matrix, distortion)
    needed = TILT_MIN_DEG / 2
    for axis, sides in ((0, ("upwards", "downwards")), (1, ("to the left", "to the right"))):
        for sign, side in zip((-1.0, 1.0), sides, strict=True):
            if len(views) >= 3 and not (sign * tilts[:, axis] > needed).any():
                return f"tilt the board by 30 deg {side}"
    if covered.share < COVERED_MIN or ((covered.counts == 0).any() and len(views) < VIEWS_GOOD):
        return f"hold the board in the {covered.emptiest()} of the image"
    large = [np.ptp(view.detection.corners_px, axis=0).max() for view in views]
    if len(views) >= 3 and (np.array(large) > NEAR_SHARE * width_px).sum() < NEAR_VIEWS:
        return "bring the board nearer, until it fills half of the image"
    if len(views) < VIEWS_GOOD:
        return f"{VIEWS_GOOD - len(views)} more, each turned and tilted otherwise"
    return None


def next_arm_view(views: Sequence[ArmView], covered: Coverage) -> str | None:
    """Which way to turn or move the hand for the next picture; None: enough."""
    spread, axes = turn_spread(views)
    if len(views) < 3 or spread[0] < TURN_MIN_DEG:
        axis = "xyz"[int(np.abs(axes[0]).argmax())]
        return f"turn the hand by 20 to 30 deg about its {axis} axis, either way"
    if len(views) < VIEWS_GOOD:
        return f"move the board to the {covered.emptiest()} of the image, turned otherwise"
    return None
