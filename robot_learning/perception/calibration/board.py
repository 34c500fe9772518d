"""The ChArUco board: what is on it, and where, in its own frame.

The frame is that of the pattern: origin in the top left corner, x to the right, y down, z into the
sheet.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal, Self

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field, Strict, model_validator

from robot_learning.contract.base import Positive, StrictModel
from robot_learning.contract.load import load_strict

UInt8 = NDArray[np.uint8]
Array = NDArray[np.float64]
_DICTIONARIES = {
    "4x4_50": cv2.aruco.DICT_4X4_50,
    "4x4_100": cv2.aruco.DICT_4X4_100,
    "5x5_50": cv2.aruco.DICT_5X5_50,
    "5x5_100": cv2.aruco.DICT_5X5_100,
    "6x6_50": cv2.aruco.DICT_6X6_50,
    "6x6_100": cv2.aruco.DICT_6X6_100,
}
_PAGE_MARGIN_MM = 5.0  # what printers leave white
RULER_MM = 14.0
"""Height below the pattern for the ruler and its caption."""


class Board(StrictModel):
    """A ChArUco board as it was printed.

    Attributes:
        dictionary: of its markers, as OpenCV calls it without `DICT_`.
        columns: squares along x.
        rows: squares along y.
        square_mm: side of a square, measured on the print.
        marker_mm: side of a marker.
        page_mm: width and height of the sheet.
    """

    name: str
    dictionary: Literal["4x4_50", "4x4_100", "5x5_50", "5x5_100", "6x6_50", "6x6_100"]
    columns: Annotated[int, Field(ge=3, le=20)]
    rows: Annotated[int, Field(ge=3, le=20)]
    square_mm: Positive
    marker_mm: Positive
    page_mm: Annotated[tuple[float, float], Strict(False)]

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if not self.marker_mm < self.square_mm:
            raise ValueError(f"marker_mm {self.marker_mm} is not below square_mm {self.square_mm}")
        needed, there = self.columns * self.rows // 2, int(self.dictionary.rsplit("_", 1)[1])
        if needed > there:
            raise ValueError(
                f"dictionary {self.dictionary} has {there} markers, and {self.columns} x "
                f"{self.rows} squares need {needed}"
            )
        width, height = self.size_mm
        room = self.page_mm[0] - 2 * _PAGE_MARGIN_MM, self.page_mm[1] - 2 * _PAGE_MARGIN_MM
        if width > room[0] or height + RULER_MM > room[1]:
            raise ValueError(
                f"the pattern of {width:g} x {height:g} mm with its ruler of {RULER_MM:g} mm does "
                f"not fit on the page: {room[0]:g} x {room[1]:g} mm within its margins"
            )
        return self

    @property
    def size_mm(self) -> tuple[float, float]:
        """Width and height of the pattern."""
        return self.columns * self.square_mm, self.rows * self.square_mm

    @cached_property
    def charuco(self) -> cv2.aruco.CharucoBoard:
        """OpenCV's board, in metres."""
        dictionary = cv2.aruco.getPredefinedDictionary(_DICTIONARIES[self.dictionary])
        return cv2.aruco.CharucoBoard(
            (self.columns, self.rows), self.square_mm / 1e3, self.marker_mm / 1e3, dictionary
        )

    @property
    def corners_m(self) -> Array:
        """Inner corners of the chessboard by id, (n, 3) metres in the board's frame."""
        return np.asarray(self.charuco.getChessboardCorners(), np.float64)

    @property
    def centre_m(self) -> Array:
        """Middle of the pattern in the board's frame, shape (3,)."""
        width, height = self.size_mm
        return np.array([width / 2e3, height / 2e3, 0.0])

    def black_mm(self) -> list[tuple[float, float, float, float]]:
        """Everything black as rectangles: left, top, width, height, in the board's frame."""
        side, rectangles = self.square_mm, []
        for row in range(self.rows):
            for column in range(self.columns):
                if (row + column) % 2 == 0:  # markers are in the white squares
                    rectangles.append((column * side, row * side, side, side))
        dictionary = self.charuco.getDictionary()
        cells = dictionary.markerSize + 2
        cell = self.marker_mm / cells
        for number, corners in zip(
            np.ravel(self.charuco.getIds()), self.charuco.getObjPoints(), strict=True
        ):
            left, top = np.asarray(corners, np.float64)[0, :2] * 1e3
            bits = cv2.aruco.generateImageMarker(dictionary, int(number), cells)
            for row, column in np.argwhere(bits == 0):
                rectangles.append((left + column * cell, top + row * cell, cell, cell))
        return [(float(a), float(b), float(c), float(d)) for a, b, c, d in rectangles]

    def picture(self, px_per_mm: float) -> UInt8:
        """The pattern in grey, without a margin; 0 and 255."""
        width, height = (round(side * px_per_mm) for side in self.size_mm)
        picture = np.full((height, width), 255, np.uint8)
        for left, top, across, down in self.black_mm():
            columns = slice(round(left * px_per_mm), round((left + across) * px_per_mm))
            rows = slice(round(top * px_per_mm), round((top + down) * px_per_mm))
            picture[rows, columns] = 0
        return picture


def load_board(name_or_path: str | Path) -> Board:
    """Loads `config/boards/NAME.yaml`, or the file at a path that ends in .yaml.

    Raises:
        ContractError: it is missing or malformed; says where and what was expected.
    """
    return load_strict(name_or_path, "boards", Board)
