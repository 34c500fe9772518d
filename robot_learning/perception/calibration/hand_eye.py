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
from itertools import combinations
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares
from scipy.spatial.transform import Rotation

from robot_learning.contract.base import Transform
from robot_learning.contract.calibration import MeasuredPose
from robot_learning.perception.calibration.detection import CalibrationError, Detection
from robot_learning.perception.calibration.jackknife import standard_error
from robot_learning.perception.calibration.rigid import (
    apart,
    inverse,
    mean,
    rigid,
    rigid_of,
    vector_of,
)

Array = NDArray[np.float64]

VIEWS_MIN = 8
POSITION_ERROR_MAX_MM, ROTATION_ERROR_MAX_DEG = 2.0, 0.2
"""Nineteen of twenty times."""
TURN_MIN_DEG = 8.0
SCALE_ERROR_MAX = 0.01
_PIXELS_MAX = 1.5  # of a single view: more is blur, or another lens
_OUTLIER, _OUTLIER_MIN_MM = 4.0, 2.0
_SURE = 1e-6  # standard error of a lens that is exactly known
_ROBUST_PX = 0.5  # errors far beyond count in proportion, not squared


@dataclass(frozen=True, slots=True, eq=False)
class ArmView:
    """One picture of the board, and where the arm held it.

    Attributes:
        name: of the picture.
        detection: what was seen.
        base_to_tcp: the tool centre point, (4, 4).
    """

    name: str
    detection: Detection
    base_to_tcp: Array


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


class LensError(NamedTuple):
    """How well a lens is known; standard errors.

    Attributes:
        focal_percent: of the focal lengths.
        centre_px: of the principal point.
    """

    focal_percent: float
    centre_px: float


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
    chain = _Chain(matrix, distortion, lens_error)
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

    def estimate(some: list[ArmView], by: _Chain = chain) -> Array:
        """As a small difference from the estimate of all."""
        found = by.refine(some, unknowns)
        return vector_of(inverse(rigid_of(unknowns[:6])) @ rigid_of(found[:6]))

    variance = standard_error(kept, estimate) ** 2
    for other in _lenses_an_error_away(matrix, lens_error):
        variance += estimate(kept, _Chain(other, distortion, lens_error, chain.weight)) ** 2
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


class _Seen(NamedTuple):
    """A board's pose from one picture alone, and how well it explains the corners."""

    camera_to_board: Array
    error_px: float


class _Chain:
    """The chain of transforms, with one lens.

    Unknowns, shape (15,): rotation and position of the camera, then of the board; then by how much
    the focal lengths are longer than given (a share), and the principal point further right and
    lower (px).

    Attributes:
        weight: of an unknown of the lens that is off by one standard error, in pixels.
    """

    def __init__(
        self, matrix: Array, distortion: Array, lens_error: LensError, weight: float = 0.0
    ) -> None:
        self.weight = weight
        self._matrix, self._distortion = matrix, distortion
        focal, centre = lens_error.focal_percent / 100.0, lens_error.centre_px
        self._lens_errors = np.maximum([focal, centre, centre], _SURE)

    def matrix(self, unknowns: Array) -> Array:
        """The camera matrix, moved."""
        moved = self._matrix.copy()
        moved[[0, 1], [0, 1]] *= 1.0 + unknowns[12]
        moved[:2, 2] += unknowns[13:15]
        return moved

    def alone(self, detection: Detection) -> list[_Seen]:
        """The poses that a picture alone allows, best first: a flat board has up to two."""
        lens = self._matrix, self._distortion
        points, corners = detection.points_m, detection.corners_px
        count, turns, places, _ = cv2.solvePnPGeneric(
            points, corners, *lens, flags=cv2.SOLVEPNP_IPPE
        )
        if not count:
            raise CalibrationError("no pose of the board explains its corners: take it again")
        found = []
        for start in zip(turns, places, strict=True):
            turned, place = cv2.solvePnPRefineLM(points, corners, *lens, *start)
            pose = rigid(Rotation.from_rotvec(np.ravel(turned)).as_matrix(), place)
            off = self._project(points @ pose[:3, :3].T + pose[:3, 3], self._matrix) - corners
            found.append(_Seen(pose, float(np.sqrt((off**2).sum(axis=1).mean()))))
        return sorted(found, key=lambda seen: seen.error_px)

    def begin(self, views: Sequence[ArmView]) -> Array:
        """Park and Martin (1994), then again with the poses of the board that fit it best."""
        choices = [self.alone(view.detection) for view in views]
        arms = [view.base_to_tcp for view in views]
        seen = [choice[0].camera_to_board for choice in choices]
        for _ in range(3):
            camera = _park_martin(arms, seen)
            held = [inverse(arm) @ camera @ pose for arm, pose in zip(arms, seen, strict=True)]
            board = mean(held)
            expected = [inverse(camera) @ arm @ board for arm in arms]
            seen = [
                _nearest(choice, wanted) for choice, wanted in zip(choices, expected, strict=True)
            ]
        unknowns = np.concatenate((vector_of(camera), vector_of(board), np.zeros(3)))
        # The corners of one view share the arm's error: they are worth six numbers, not two each.
        corners = sum(len(view.detection) for view in views)
        error_px = float(np.median(self.errors_px(views, self.refine(views, unknowns))))
        self.weight = error_px * float(np.sqrt(2.0 * corners / (6.0 * len(views))))
        return unknowns

    def refine(self, views: Sequence[ArmView], start: Array) -> Array:
        """Makes the reprojection errors of all corners small, with a robust loss."""
        refined: Array = self._solve(views, start).x
        return refined

    def scale(self, views: Sequence[ArmView], start: Array) -> tuple[float, float]:
        """How large the board seems against what is said, and the standard error of that."""
        found = self._solve(views, np.append(start, 1.0))
        variance = 2.0 * found.cost / max(1, found.fun.size - found.x.size)
        covariance = np.linalg.pinv(found.jac.T @ found.jac) * variance
        return float(found.x[-1]), float(np.sqrt(covariance[-1, -1]))

    def errors_px(self, views: Sequence[ArmView], unknowns: Array) -> Array:
        """Root mean square of each view, shape (n,)."""
        data = _Stack.of(views)
        squares = (self._off(data, unknowns) ** 2).sum(axis=1)
        errors: Array = np.sqrt(np.bincount(data.view, weights=squares) / np.bincount(data.view))
        return errors

    def misses_mm(self, views: Sequence[ArmView], unknowns: Array) -> Array:
        """How far off each view's corners are at the board, across the line of sight, (n,)."""
        to_camera = inverse(rigid_of(unknowns[:6]))
        board = rigid_of(unknowns[6:12])
        depths_m = [
            (to_camera @ view.base_to_tcp @ board @ np.append(view.detection.points_m.mean(0), 1))[
                2
            ]
            for view in views
        ]
        focal_px = self.matrix(unknowns)[0, 0]
        misses: Array = 1e3 * self.errors_px(views, unknowns) * np.array(depths_m) / focal_px
        return misses

    def residuals(self, views: Sequence[ArmView], unknowns: Array) -> Array:
        """Of each view: millimetres and degrees between the board seen alone and by the chain."""
        camera, board = rigid_of(unknowns[:6]), rigid_of(unknowns[6:12])
        rows = []
        for view in views:
            wanted = inverse(camera) @ view.base_to_tcp @ board
            rows.append(apart(wanted, _nearest(self.alone(view.detection), wanted)))
        return np.array(rows)

    def _solve(self, views: Sequence[ArmView], start: Array) -> Any:
        """Without a weight the lens stays as it is."""
        data = _Stack.of(views)
        free = np.arange(len(start)) if self.weight else np.arange(12)

        def miss(some: Array) -> Array:
            unknowns = start.copy()
            unknowns[free] = some
            held = self.weight * unknowns[12:15] / self._lens_errors
            return np.concatenate((self._off(data, unknowns).ravel(), held))

        found = least_squares(miss, start[free], x_scale="jac", loss="soft_l1", f_scale=_ROBUST_PX)
        unknowns = start.copy()
        unknowns[free] = found.x
        found.x = unknowns
        return found

    def _off(self, data: _Stack, unknowns: Array) -> Array:
        """Reprojection errors of all corners, shape (n, 2)."""
        camera, board = rigid_of(unknowns[:6]), rigid_of(unknowns[6:12])
        scale = unknowns[15] if len(unknowns) > 15 else 1.0
        held = scale * data.points_m @ board[:3, :3].T + board[:3, 3]
        arms = data.arms[data.view]
        base = np.einsum("nij,nj->ni", arms[:, :3, :3], held) + arms[:, :3, 3]
        seen = (base - camera[:3, 3]) @ camera[:3, :3]
        off: Array = self._project(seen, self.matrix(unknowns)) - data.corners_px
        return off

    def _project(self, points_m: Array, matrix: Array) -> Array:
        still = np.zeros(3)
        pixels, _ = cv2.projectPoints(points_m, still, still, matrix, self._distortion)
        return np.asarray(pixels, np.float64).reshape(-1, 2)


def _nearest(options: Sequence[_Seen], wanted: Array) -> Array:
    """Of the poses that a picture allows, the one that is turned as expected."""
    poses = [option.camera_to_board for option in options]
    return min(poses, key=lambda pose: apart(wanted, pose)[1])


class _Stack(NamedTuple):
    """The corners of all views in one array, and to which view each belongs."""

    points_m: Array
    corners_px: Array
    arms: Array
    view: NDArray[np.int64]

    @classmethod
    def of(cls, views: Sequence[ArmView]) -> _Stack:
        return cls(
            np.vstack([view.detection.points_m for view in views]),
            np.vstack([view.detection.corners_px for view in views]),
            np.stack([view.base_to_tcp for view in views]),
            np.repeat(np.arange(len(views)), [len(view.detection) for view in views]),
        )


def _park_martin(arms: Sequence[Array], seen: Sequence[Array]) -> Array:
    """Closed form of A X = X B (Park and Martin 1994, section III), over all pairs of views.

    OpenCV 5.0.0 has it in C++ only (opencv#29565).
    """
    ours, theirs, motions = [], [], []
    for i, j in combinations(range(len(arms)), 2):
        a, b = arms[j] @ inverse(arms[i]), seen[j] @ inverse(seen[i])
        motions.append((a, b))
        ours.append(Rotation.from_matrix(a[:3, :3]).as_rotvec())
        theirs.append(Rotation.from_matrix(b[:3, :3]).as_rotvec())
    turned = Rotation.align_vectors(np.array(ours), np.array(theirs))[0].as_matrix()
    left = np.vstack([a[:3, :3] - np.eye(3) for a, _ in motions])
    right = np.concatenate([turned @ b[:3, 3] - a[:3, 3] for a, b in motions])
    place = np.linalg.lstsq(left, right, rcond=None)[0]
    return rigid(turned, place)
