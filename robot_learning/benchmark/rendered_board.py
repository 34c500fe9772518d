"""Pictures of a board as a camera would take them: lens, blur, noise, uneven light, JPEG.

Every pixel is traced back through the whole camera model to the sheet, several times over its area.
Nothing here is used to detect or to calibrate.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from robot_learning.perception.calibration.board import Board

UInt8 = NDArray[np.uint8]
Array = NDArray[np.float64]
_FINENESS = 3  # samples along each side of a pixel
_PAPER_MM = 8.0  # of white around the pattern
_TEXTURES_PX_MM = (4.0, 2.0, 1.0, 0.5)
_JPEG_QUALITY = 90


@dataclass(frozen=True, slots=True)
class Imperfection:
    """What spoils a picture.

    Attributes:
        blur_px: standard deviation of the lens's and focus's blur.
        noise: of a bright pixel, standard deviation of 255 levels.
        light_slope: how much darker one side of the picture is than the other.
        vignetting: how much darker its corners are.
    """

    blur_px: float = 0.7
    noise: float = 3.0
    light_slope: float = 0.4
    vignetting: float = 0.25


class BoardPainter:
    """Paints one board as one camera sees it."""

    def __init__(
        self,
        board: Board,
        matrix: Array,
        distortion: Array,
        width_px: int,
        height_px: int,
        imperfection: Imperfection | None = None,
    ) -> None:
        """Prepares the sheet and the ray of every sample.

        Args:
            board: what is painted.
            matrix: camera matrix, pixels, (3, 3).
            distortion: k1, k2, p1, p2, k3.
            width_px: of the pictures.
            height_px: of the pictures.
            imperfection: of the pictures.
        """
        self._board, self._size = board, (width_px, height_px)
        self._matrix = matrix
        self._spoil = imperfection or Imperfection()
        finest = board.picture(_TEXTURES_PX_MM[0])
        self._sheets = []
        for scale in _TEXTURES_PX_MM:
            size = tuple(round(side * scale) for side in board.size_mm)
            sheet = cv2.resize(finest, size, interpolation=cv2.INTER_AREA)
            edge = round(_PAPER_MM * scale)
            framed = np.pad(sheet.astype(np.float32), edge, constant_values=255.0)
            self._sheets.append((scale, edge, framed))
        # Rays at the middles of pixels, and of one beyond the edges; in between all but linear.
        rows, columns = np.mgrid[-1 : height_px + 1, -1 : width_px + 1]
        pixels = np.stack((columns, rows), -1).reshape(-1, 1, 2).astype(np.float64)
        criteria = (cv2.TERM_CRITERIA_COUNT + cv2.TERM_CRITERIA_EPS, 40, 1e-9)
        rays = cv2.undistortPoints(pixels, matrix, distortion, criteria=criteria)
        self._rays = np.asarray(rays, np.float32).reshape(height_px + 2, width_px + 2, 2)
        self._distortion = distortion
        y, x = np.mgrid[-1 : 1 : 1j * height_px, -1 : 1 : 1j * width_px]
        self._across = np.stack((x, y)).astype(np.float32)

    def paint(self, camera_to_board: Array, rng: np.random.Generator) -> UInt8:
        """The board at a pose (4, 4), on a cluttered background; grey, (height, width)."""
        picture = self._clutter(rng)
        left, top, right, bottom = self._region(camera_to_board)
        if right > left and bottom > top:
            part = np.s_[top:bottom, left:right]
            share, light = self._sheet_at(camera_to_board, left, top, right, bottom)
            picture[part] = (1.0 - share) * picture[part] + light
        return self._spoiled(picture, rng)

    def _region(self, pose: Array) -> tuple[int, int, int, int]:
        """The part of the image that holds the sheet: left, top, right, bottom."""
        low = -_PAPER_MM / 1e3
        right, down = (side / 1e3 - low for side in self._board.size_mm)
        t = np.linspace(0.0, 1.0, 21)[:, None]
        outline = np.array([[low, low], [right, low], [right, down], [low, down], [low, low]])
        edges = np.vstack([a + t * (b - a) for a, b in pairwise(outline)])
        points = edges @ pose[:3, :2].T + pose[:3, 3]
        pixels, _ = cv2.projectPoints(
            points, np.zeros(3), np.zeros(3), self._matrix, self._distortion
        )
        first = np.floor(pixels.reshape(-1, 2).min(axis=0)).astype(int) - 2
        last = np.ceil(pixels.reshape(-1, 2).max(axis=0)).astype(int) + 3
        (x0, y0), (x1, y1) = np.clip(first, 0, self._size), np.clip(last, 0, self._size)
        return int(x0), int(y0), int(x1), int(y1)

    def _sheet_at(
        self, pose: Array, left: int, top: int, right: int, bottom: int
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Of each pixel in a region: how much of it is sheet, and the light from that part."""
        rays = self._rays[top : bottom + 2, left : right + 2]
        fine = cv2.resize(rays, None, fx=_FINENESS, fy=_FINENESS, interpolation=cv2.INTER_LINEAR)
        fine = fine[_FINENESS:-_FINENESS, _FINENESS:-_FINENESS]
        back = np.linalg.inv(np.stack((pose[:3, 0], pose[:3, 1], pose[:3, 3]), axis=1))
        x, y = fine[..., 0], fine[..., 1]
        depth = back[2, 0] * x + back[2, 1] * y + back[2, 2]
        # One point of the sheet for one sample: coarser sheets are averages of the finest.
        wanted = _FINENESS * self._matrix[0, 0] / (1e3 * pose[2, 3])
        scale, edge, sheet = min(self._sheets, key=lambda item: abs(np.log(item[0] / wanted)))
        metres = 1e3 * scale
        u = metres * (back[0, 0] * x + back[0, 1] * y + back[0, 2]) / depth + edge - 0.5
        v = metres * (back[1, 0] * x + back[1, 1] * y + back[1, 2]) / depth + edge - 0.5
        ink = cv2.remap(
            sheet,
            u.astype(np.float32),
            v.astype(np.float32),
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
        inside = (depth > 0) & (u > -0.5) & (v > -0.5)
        inside &= (u < sheet.shape[1] - 0.5) & (v < sheet.shape[0] - 0.5)
        size = (right - left, bottom - top)
        share, light = (
            np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA), np.float32)
            for part in (
                inside.astype(np.float32),
                # Ink is not black, and paper not white.
                np.where(inside, 25.0 + 200.0 / 255.0 * ink, 0.0).astype(np.float32),
            )
        )
        return share, light

    def _clutter(self, rng: np.random.Generator) -> NDArray[np.float32]:
        width, height = self._size
        coarse = rng.uniform(30.0, 190.0, (height // 40, width // 40)).astype(np.float32)
        return np.asarray(
            cv2.resize(coarse, self._size, interpolation=cv2.INTER_CUBIC), np.float32
        ).copy()

    def _spoiled(self, picture: NDArray[np.float32], rng: np.random.Generator) -> UInt8:
        spoil, angle = self._spoil, rng.uniform(0.0, 2.0 * np.pi)
        x, y = self._across
        slope = 1.0 - spoil.light_slope * (0.5 + (np.cos(angle) * x + np.sin(angle) * y) / 3.0)
        light = slope * (1.0 - spoil.vignetting * (x**2 + y**2) / 2.0)
        blurred = cv2.GaussianBlur(picture * light, (0, 0), spoil.blur_px)
        noise = rng.standard_normal(blurred.shape, np.float32) * np.float32(spoil.noise)
        noise *= np.sqrt(0.2 + 0.8 / 255.0 * np.clip(blurred, 0.0, 255.0))
        levels = np.clip(np.rint(blurred + noise), 0, 255).astype(np.uint8)
        _, data = cv2.imencode(".jpg", levels, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
        return np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), np.uint8)
