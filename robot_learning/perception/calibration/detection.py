"""Finds the corners of the board in a picture, or says why they cannot be used."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from robot_learning.perception.calibration.board import Board
from robot_learning.perception.image_pipeline import ImageError, require_light

UInt8 = NDArray[np.uint8]
Array = NDArray[np.float64]

CORNERS_MIN = 6
_SPREAD_MIN = 0.12  # of the shorter to the longer side of what is seen of the board
_FLAT_MIN = 0.45
"""Of what is seen of a square, the shorter to the longer side: at 60 degrees corners are lost."""
_MISFIT_MAX = 0.05  # of a square: a lens bends a board by less
_UPSCALE = 2


class CalibrationError(ValueError):
    """A picture, a set of views or a result cannot be used; one line: why, and what to do."""


@dataclass(frozen=True, slots=True, eq=False)
class Detection:
    """What was seen of a board in one picture.

    Attributes:
        ids: of the corners, shape (n,).
        corners_px: where they are in the picture, shape (n, 2).
        points_m: where they are on the board, shape (n, 3).
    """

    ids: NDArray[np.int64]
    corners_px: Array
    points_m: Array

    def __len__(self) -> int:
        return len(self.ids)


class BoardDetector:
    """Looks for one board in the pictures of one camera."""

    def __init__(self, board: Board, width_px: int, height_px: int) -> None:
        self._board, self._size = board, (width_px, height_px)
        self._detector = cv2.aruco.CharucoDetector(board.charuco)
        self._markers = cv2.aruco.ArucoDetector(board.charuco.getDictionary())

    def find(self, picture: UInt8) -> Detection:
        """The board in a picture, grey (height, width) or BGR (height, width, 3).

        Raises:
            CalibrationError: another resolution, black, no board, another board, too little of it.
        """
        height, width = picture.shape[:2]
        if (width, height) != self._size:
            raise CalibrationError(
                f"is {width} x {height} px, and the contract's camera gives {self._size[0]} x "
                f"{self._size[1]}: set the camera to that"
            )
        try:
            require_light(picture)
        except ImageError as error:
            raise CalibrationError(str(error)) from None
        grey = picture
        if picture.ndim == 3:
            grey = np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), np.uint8)
        detection = self._corners(grey)
        self._require_usable(detection, grey)
        return detection

    def _corners(self, grey: UInt8) -> Detection:
        """As many as can be had: small markers are read when the picture is enlarged."""
        corners, ids = self._detect(grey)
        if len(ids) < len(self._board.corners_m):
            large = cv2.resize(grey, None, fx=_UPSCALE, fy=_UPSCALE, interpolation=cv2.INTER_CUBIC)
            more, more_ids = self._detect(np.asarray(large, np.uint8))
            if len(more_ids) > len(ids):
                corners, ids = (more + 0.5) / _UPSCALE - 0.5, more_ids
        return Detection(ids, corners, self._board.corners_m[ids])

    def _detect(self, grey: UInt8) -> tuple[Array, NDArray[np.int64]]:
        found: Any = self._detector.detectBoard(grey)  # its stubs know nothing of None
        corners, ids = found[:2]
        if ids is None:
            return np.zeros((0, 2)), np.zeros(0, np.int64)
        return np.asarray(corners, np.float64).reshape(-1, 2), np.ravel(ids).astype(np.int64)

    def _require_usable(self, detection: Detection, grey: UInt8) -> None:
        board, seen, corners = self._board, len(detection), len(self._board.corners_m)
        if not seen:
            _, ids, _ = self._markers.detectMarkers(grey)
            known = set(np.ravel(board.charuco.getIds()).tolist())
            others = set() if ids is None else set(np.ravel(ids).tolist())
            if len(others) >= 3:
                strange = f"; markers {sorted(others - known)} are none of its" * bool(
                    others - known
                )
                raise CalibrationError(
                    f"shows another board than {board.name}, or too little of it: markers "
                    f"{sorted(others)} are not laid out as on it{strange}"
                )
            raise CalibrationError(
                f"shows no board {board.name}: is it in view, lit, and printed from this file?"
            )
        if seen < min(CORNERS_MIN, corners):
            raise CalibrationError(
                f"shows {seen} of the {corners} corners of board {board.name}: bring it nearer, "
                "light it evenly, take hands off it"
            )
        spread = np.linalg.svd(
            detection.points_m - detection.points_m.mean(axis=0), compute_uv=False
        )
        if spread[1] < _SPREAD_MIN * spread[0]:
            raise CalibrationError("shows one line of corners only: show more of the board")
        flat, _ = cv2.findHomography(detection.points_m[:, :2], detection.corners_px)
        if flat is None:
            raise CalibrationError("shows corners that lie on no plane: is the board flat?")
        if _flatness(np.asarray(flat, np.float64), detection.points_m.mean(axis=0)) < _FLAT_MIN:
            raise CalibrationError(
                "shows the board from too flat an angle to see its corners well: tilt it by no "
                "more than 45 deg from facing the camera"
            )
        mapped = cv2.perspectiveTransform(detection.points_m[None, :, :2], flat)[0]
        side = np.sqrt(abs(np.linalg.det(flat[:2, :2]))) * board.square_mm / 1e3
        square = max(side, _square_px(detection, board))
        worst = float(np.abs(mapped - detection.corners_px).max())
        if worst > max(2.0, _MISFIT_MAX * square * 2):
            raise CalibrationError(
                f"shows corners {worst:.1f} px away from where board {board.name} has them: is it "
                "flat, and printed from this file?"
            )


def _flatness(flat: Array, point_m: Array) -> float:
    """How much shorter the board is in one direction than in the other; 1: it faces the camera."""
    u, v, w = flat @ (point_m[0], point_m[1], 1.0)
    nearby = (flat[:2, :2] * w - np.outer((u, v), flat[2, :2])) / w**2
    longer, shorter = np.linalg.svd(nearby, compute_uv=False)
    return float(shorter / longer)


def _square_px(detection: Detection, board: Board) -> float:
    """About how large a square is in the picture."""
    apart_px = np.ptp(detection.corners_px, axis=0).max()
    apart_m = np.ptp(detection.points_m, axis=0).max()
    return float(apart_px / apart_m * board.square_mm / 1e3)
