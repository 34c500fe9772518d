"""From the camera over the base and the hand to the board: what is unknown of it, and how it fits.

Sources: Park and Martin 1994 for the closed form; the rest is least squares of reprojection errors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares
from scipy.spatial.transform import Rotation

from robot_learning.perception.calibration.detection import CalibrationError, Detection
from robot_learning.perception.calibration.rigid import (
    apart,
    inverse,
    mean,
    rigid,
    rigid_of,
    vector_of,
)

Array = NDArray[np.float64]

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


class LensError(NamedTuple):
    """How well a lens is known; standard errors.

    Attributes:
        focal_percent: of the focal lengths.
        centre_px: of the principal point.
    """

    focal_percent: float
    centre_px: float


class Seen(NamedTuple):
    """A board's pose from one picture alone, and how well it explains the corners."""

    camera_to_board: Array
    error_px: float


class Chain:
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

    def alone(self, detection: Detection) -> list[Seen]:
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
            found.append(Seen(pose, float(np.sqrt((off**2).sum(axis=1).mean()))))
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


def _nearest(options: Sequence[Seen], wanted: Array) -> Array:
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
