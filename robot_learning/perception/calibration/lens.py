"""Camera matrix and distortion from pictures of the board."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from robot_learning.contract.calibration import MeasuredLens
from robot_learning.perception.calibration.detection import CalibrationError, Detection
from robot_learning.perception.calibration.jackknife import standard_error

Array = NDArray[np.float64]

VIEWS_MIN = 10
LENS_ERROR_MAX_PERCENT = 0.5
"""Of focal lengths and principal point, by the focal length; nineteen of twenty times."""
TILT_MIN_DEG = 20.0
_OUTLIER, _OUTLIER_MIN_PX = 3.0, 0.5


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """A picture's name, and what was seen in it."""

    name: str
    detection: Detection


@dataclass(frozen=True, slots=True, eq=False)
class Lens:
    """A calibrated lens.

    Attributes:
        matrix: camera matrix, pixels, shape (3, 3).
        distortion: k1, k2, p1, p2, k3.
        views: that it rests on.
        errors_px: of each of them the root mean square of its corners.
        left_out: why other views were left out, a line each.
        matrix_error_px: standard errors of fx, fy, cx, cy; zeros where they were not asked for.
    """

    matrix: Array
    distortion: Array
    views: tuple[View, ...]
    errors_px: Array
    left_out: tuple[str, ...] = ()
    matrix_error_px: Array = field(default_factory=lambda: np.zeros(4))

    @property
    def reprojection_error_px(self) -> float:
        """Root mean square over all corners."""
        corners = np.array([len(view.detection) for view in self.views])
        return float(np.sqrt(np.average(self.errors_px**2, weights=corners)))

    @property
    def focal_error_percent(self) -> float:
        """Standard error of the focal lengths, the larger of the two."""
        focal = np.array([self.matrix[0, 0], self.matrix[1, 1]])
        return float(100.0 * (self.matrix_error_px[:2] / focal).max())

    @property
    def centre_error_px(self) -> float:
        """Standard error of the principal point, the larger of the two."""
        return float(self.matrix_error_px[2:].max())

    @property
    def is_known(self) -> bool:
        """Twice the standard errors are within `LENS_ERROR_MAX_PERCENT`."""
        centre_percent = 100.0 * self.centre_error_px / float(self.matrix[0, 0])
        return 2.0 * max(self.focal_error_percent, centre_percent) <= LENS_ERROR_MAX_PERCENT

    def measured(self, date: datetime.date) -> MeasuredLens:
        """As the contract has it."""
        k1, k2, p1, p2, k3 = (round(float(value), 6) for value in self.distortion)
        return MeasuredLens(
            fx_px=round(float(self.matrix[0, 0]), 3),
            fy_px=round(float(self.matrix[1, 1]), 3),
            cx_px=round(float(self.matrix[0, 2]), 3),
            cy_px=round(float(self.matrix[1, 2]), 3),
            distortion=(k1, k2, p1, p2, k3),
            reprojection_error_px=round(self.reprojection_error_px, 4),
            focal_error_percent=round(self.focal_error_percent, 4),
            centre_error_px=round(self.centre_error_px, 4),
            views=len(self.views),
            date=date,
        )


def calibrate_lens(views: Sequence[View], width_px: int, height_px: int) -> Lens:
    """Zhang's method (2000) with five distortion coefficients, as OpenCV has it.

    Views that fit the others badly are left out.

    Raises:
        CalibrationError: too few views, or all alike.
    """
    _require_enough(views)
    size, kept, left_out = (width_px, height_px), list(views), list[str]()
    while True:
        lens = _fit(kept, size)
        limit = max(_OUTLIER_MIN_PX, _OUTLIER * float(np.median(lens.errors_px)))
        worst = int(lens.errors_px.argmax())
        if lens.errors_px[worst] <= limit:
            break
        error = lens.errors_px[worst]
        left_out.append(
            f"{kept[worst].name}: its corners are {error:.2f} px off where the others' views have "
            f"them (limit {limit:.2f}): blurred, or the board was bent"
        )
        del kept[worst]
        _require_enough(kept)
    _require_tilted(kept, lens)

    def estimate(some: list[View]) -> Array:
        found = _fit(some, size, lens).matrix
        return np.array([found[0, 0], found[1, 1], found[0, 2], found[1, 2]])

    error_px = standard_error(kept, estimate)
    return replace(lens, left_out=tuple(left_out), matrix_error_px=error_px)


def tilts_deg(views: Sequence[View], matrix: Array, distortion: Array) -> Array:
    """How the board is inclined to the image in each view: about its x and y axis, shape (n, 2)."""
    tilts = []
    for view in views:
        _, turned, _ = cv2.solvePnP(
            view.detection.points_m,
            view.detection.corners_px,
            matrix,
            distortion,
            flags=cv2.SOLVEPNP_IPPE,
        )
        ahead = Rotation.from_rotvec(np.ravel(turned)).as_matrix()[:, 2]
        tilts.append(
            (np.degrees(np.arctan2(ahead[1], ahead[2])), np.degrees(np.arctan2(ahead[0], ahead[2])))
        )
    return np.array(tilts).reshape(-1, 2)


def _fit(views: Sequence[View], size: tuple[int, int], start: Lens | None = None) -> Lens:
    points = [np.asarray(view.detection.points_m, np.float32) for view in views]
    corners = [np.asarray(view.detection.corners_px, np.float32) for view in views]
    matrix: Any = None
    distortion: Any = None
    flags = 0
    if start is not None:
        matrix, distortion = start.matrix.copy(), start.distortion.copy()
        flags = cv2.CALIB_USE_INTRINSIC_GUESS
    try:
        _, matrix, distortion, _, _, _, _, errors = cv2.calibrateCameraExtended(
            points, corners, size, matrix, distortion, flags=flags
        )
    except cv2.error as error:
        raise CalibrationError(
            f"no lens explains these views ({str(error).splitlines()[0]}): are all of one camera?"
        ) from None
    if not (np.isfinite(matrix).all() and np.isfinite(distortion).all()):
        raise CalibrationError("no lens explains these views: tilt the board in more of them")
    return Lens(
        np.asarray(matrix, np.float64),
        np.ravel(distortion)[:5].astype(np.float64),
        tuple(views),
        np.ravel(errors).astype(np.float64),
    )


def _require_enough(views: Sequence[View]) -> None:
    if len(views) < VIEWS_MIN:
        raise CalibrationError(
            f"{len(views)} usable views of the board; at least {VIEWS_MIN} are needed, 20 are "
            "good: take more"
        )


def _require_tilted(views: Sequence[View], lens: Lens) -> None:
    """Boards that all face the camera alike leave the focal length open."""
    spread = np.ptp(tilts_deg(views, lens.matrix, lens.distortion), axis=0)
    if spread.max() < TILT_MIN_DEG:
        raise CalibrationError(
            f"all views are alike: the board's tilt differs by {spread.max():.0f} deg at most, and "
            f"{TILT_MIN_DEG:.0f} are needed: tilt it by 30 deg to every side"
        )
