"""Where a fixed camera is, from views of a board that the arm holds.

In every view i the board is seen where the chain of transforms puts it:
`camera_T_board[i] = inverse(base_T_camera) @ base_T_tcp[i] @ tcp_T_board`. Both transforms without
an index are unknown. They begin at a closed form and then make the corners' reprojection errors
small, in all views together. How the board is held need not be known, only that it does not move in
the hand. The arm's motion also measures the lens, so focal length and principal point take part,
held by what is known of them.

A camera on the hand that looks at a fixed board is the same problem: give `inverse(base_T_tcp)`,
and `tcp_T_camera` and `base_T_board` come out.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from robot_learning.contract.base import Transform
from robot_learning.contract.calibration import MeasuredPose
from robot_learning.perception.calibration.chain import ArmView, Chain, LensError
from robot_learning.perception.calibration.detection import CalibrationError
from robot_learning.perception.calibration.jackknife import standard_error
from robot_learning.perception.calibration.rigid import inverse, mean, rigid_of, vector_of

Array = NDArray[np.float64]

VIEWS_MIN = 8
POSITION_ERROR_MAX_MM, ROTATION_ERROR_MAX_DEG = 2.0, 0.2
"""Nineteen of twenty times."""
TURN_MIN_DEG = 8.0
SCALE_ERROR_MAX = 0.01
_PIXELS_MAX = 1.5  # of a single view: more is blur, or another lens
_OUTLIER, _OUTLIER_MIN_MM = 4.0, 2.0


@dataclass(frozen=True, slots=True, eq=False)
class HandEye:
    """A calibrated pose.

    Attributes:
        base_to_camera: the camera's optical frame in the base frame, (4, 4).
        tcp_to_board: how the board is held, (4, 4).
        matrix: camera matrix, moved within its errors; the place belongs to this one.
        views: that it rests on.
        errors_px: of each view, the root mean square of its corners.
        residuals: of each view, how far the board seen alone is from where the chain puts it;
            (n, 2) in millimetres and degrees.
        board_scale: by which the board seems larger than it is said to be, by the arm's measure.
        left_out: why other views were left out, a line each.
        position_error_mm: standard error of the position.
        rotation_error_deg: standard error of the rotation.
    """

    base_to_camera: Array
    tcp_to_board: Array
    matrix: Array
    views: tuple[ArmView, ...]
    errors_px: Array
    residuals: Array
    board_scale: float
    left_out: tuple[str, ...] = ()
    position_error_mm: float = 0.0
    rotation_error_deg: float = 0.0

    @property
    def reprojection_error_px(self) -> float:
        """Root mean square over all corners."""
        corners = np.array([len(view.detection) for view in self.views])
        return float(np.sqrt(np.average(self.errors_px**2, weights=corners)))

    @property
    def is_known(self) -> bool:
        """Twice the standard errors are within the limits."""
        return (
            2.0 * self.position_error_mm <= POSITION_ERROR_MAX_MM
            and 2.0 * self.rotation_error_deg <= ROTATION_ERROR_MAX_DEG
        )

    def measured(self, date: datetime.date) -> MeasuredPose:
        """As the contract has it."""
        turned = Rotation.from_matrix(self.base_to_camera[:3, :3]).as_euler("xyz")
        x, y, z = (round(float(value), 5) for value in self.base_to_camera[:3, 3])
        roll, pitch, yaw = (round(float(value), 6) for value in turned)
        return MeasuredPose(
            base_to_optical=Transform(xyz_m=(x, y, z), rpy_rad=(roll, pitch, yaw)),
            reprojection_error_px=round(self.reprojection_error_px, 4),
            position_error_mm=round(self.position_error_mm, 3),
            rotation_error_deg=round(self.rotation_error_deg, 4),
            views=len(self.views),
            date=date,
        )


def calibrate_hand_eye(
    views: Sequence[ArmView], matrix: Array, distortion: Array, lens_error: LensError
) -> HandEye:
    """The camera's pose, and how the board is held.

    Args:
        views: of the board in the hand; at least `VIEWS_MIN`, turned about more than one axis.
        matrix: camera matrix, pixels, (3, 3).
        distortion: k1, k2, p1, p2, k3.
        lens_error: of the camera matrix; the errors of the result contain what follows from it.

    Raises:
        CalibrationError: too few usable views, too little rotation, or the board is of another
            size than it is said to be.
    """
    chain = Chain(matrix, distortion, lens_error)
    kept, left_out = list[ArmView](), list[str]()
    for view in views:
        pixels = chain.alone(view.detection)[0].error_px
        if pixels > _PIXELS_MAX:
            left_out.append(
                f"{view.name}: its corners do not fit one flat board ({pixels:.1f} px, limit "
                f"{_PIXELS_MAX}): blurred, or the lens is not this one: hold still, calibrate "
                "intrinsics again"
            )
        else:
            kept.append(view)
    require_turns(kept)
    unknowns = chain.begin(kept)
    while True:
        unknowns = chain.refine(kept, unknowns)
        misses_mm = chain.misses_mm(kept, unknowns)
        limit = max(_OUTLIER_MIN_MM, _OUTLIER * float(np.median(misses_mm)))
        worst = int(misses_mm.argmax())
        if misses_mm[worst] <= limit:
            break
        left_out.append(
            f"{kept[worst].name}: the board is {misses_mm[worst]:.1f} mm off where the arm says it "
            f"is (limit {limit:.1f}): did the arm move, or the board slip?"
        )
        del kept[worst]
        require_turns(kept)
    scale, scale_error = chain.scale(kept, unknowns)
    if abs(scale - 1.0) > max(SCALE_ERROR_MAX, 4.0 * scale_error):
        raise CalibrationError(
            f"by the arm's motion the board is {scale:.3f} times as large as its file says: "
            "measure the print, correct square_mm and marker_mm, and calibrate intrinsics again"
        )

    def estimate(some: list[ArmView], by: Chain = chain) -> Array:
        """As a small difference from the estimate of all."""
        found = by.refine(some, unknowns)
        return vector_of(inverse(rigid_of(unknowns[:6])) @ rigid_of(found[:6]))

    variance = standard_error(kept, estimate) ** 2
    for other in _lenses_an_error_away(matrix, lens_error):
        variance += estimate(kept, Chain(other, distortion, lens_error, chain.weight)) ** 2
    spread = np.sqrt(variance)
    found = HandEye(
        base_to_camera=rigid_of(unknowns[:6]),
        tcp_to_board=rigid_of(unknowns[6:12]),
        matrix=chain.matrix(unknowns),
        views=tuple(kept),
        errors_px=chain.errors_px(kept, unknowns),
        residuals=chain.residuals(kept, unknowns),
        board_scale=scale,
    )
    return replace(
        found,
        left_out=tuple(left_out),
        position_error_mm=1e3 * float(np.linalg.norm(spread[3:])),
        rotation_error_deg=float(np.degrees(np.linalg.norm(spread[:3]))),
    )


def _lenses_an_error_away(matrix: Array, error: LensError) -> list[Array]:
    """Camera matrices that differ by one standard error in one way each."""
    longer, right, below = matrix.copy(), matrix.copy(), matrix.copy()
    longer[[0, 1], [0, 1]] *= 1.0 + error.focal_percent / 100.0
    right[0, 2] += error.centre_px
    below[1, 2] += error.centre_px
    return [longer, right, below]


def turn_spread(views: Sequence[ArmView]) -> tuple[Array, Array]:
    """About which axes of the tool the views are turned, least first.

    Returns:
        Root mean square turns, degrees, shape (3,); and the axes in the tool's frame as rows.
    """
    if not views:
        return np.zeros(3), np.eye(3)
    middle = mean([view.base_to_tcp for view in views])[:3, :3]
    turns = np.stack(
        [Rotation.from_matrix(middle.T @ view.base_to_tcp[:3, :3]).as_rotvec() for view in views]
    )
    _, _, axes = np.linalg.svd(np.vstack((turns, np.zeros((3, 3)))), full_matrices=False)
    spread = np.degrees(np.sqrt(((turns @ axes.T) ** 2).mean(axis=0)))
    return spread[::-1], axes[::-1]


def require_turns(views: Sequence[ArmView]) -> None:
    """Views must be enough, and turned about at least two axes (Tsai and Lenz 1989).

    Raises:
        CalibrationError: saying what is missing.
    """
    if len(views) < VIEWS_MIN:
        raise CalibrationError(
            f"{len(views)} usable views of the board; at least {VIEWS_MIN} are needed, 20 are "
            "good: take more"
        )
    spread, axes = turn_spread(views)
    if spread[1] < TURN_MIN_DEG:
        names = " and ".join("xyz"[int(np.abs(axis).argmax())] for axis in axes[:2])
        raise CalibrationError(
            f"all views are alike: the hand turns by {spread[2]:.0f} deg about one axis and by "
            f"{spread[1]:.0f} deg about the others (root mean square; {TURN_MIN_DEG:.0f} are "
            f"needed about two): turn it by 30 deg about its {names} axes"
        )
