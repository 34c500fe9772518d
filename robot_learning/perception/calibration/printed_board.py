"""The board on paper: true to size, with a ruler to check the print by."""

from __future__ import annotations

import io
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from robot_learning.files import write_atomic
from robot_learning.perception.calibration.board import RULER_MM, Board
from robot_learning.perception.calibration.detection import CalibrationError

_INCH_MM = 25.4
PRINT_DPI = 600.0
"""Of a PNG."""


def draw_board(board: Board) -> Figure:
    """The page, in millimetres from its top left corner."""
    width, height = board.page_mm
    figure = Figure(figsize=(width / _INCH_MM, height / _INCH_MM))
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set_xlim(0.0, width)
    axes.set_ylim(height, 0.0)
    axes.set_axis_off()
    left = (width - board.size_mm[0]) / 2
    top = (height - board.size_mm[1] - RULER_MM) / 2
    for x, y, across, down in board.black_mm():
        axes.add_patch(Rectangle((left + x, top + y), across, down, facecolor="black", linewidth=0))
    _ruler(axes, board, left, top + board.size_mm[1] + 4.0)
    return figure


def write_board(board: Board, path: Path) -> None:
    """Writes the page as PDF or PNG, as the path's ending says.

    Raises:
        CalibrationError: it has another ending.
        OSError: it cannot be written.
    """
    kind = path.suffix.lower().lstrip(".")
    if kind not in ("pdf", "png"):
        raise CalibrationError(f"{path}: a board is written as .pdf or .png")
    data = io.BytesIO()
    draw_board(board).savefig(data, format=kind, dpi=PRINT_DPI)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, data.getvalue())


def _ruler(axes, board: Board, left: float, top: float) -> None:  # type: ignore[no-untyped-def]
    length = int(board.size_mm[0] // 10) * 10
    for mm in range(0, length + 1, 5):
        tick = 3.0 if mm % 10 == 0 else 1.5
        axes.plot([left + mm] * 2, [top, top + tick], color="black", linewidth=0.5)
        if mm % 50 == 0:
            axes.text(left + mm, top + 3.4, f"{mm}", fontsize=6, ha="center", va="top")
    axes.plot([left, left + length], [top, top], color="black", linewidth=0.5)
    axes.text(
        left,
        top + 6.2,
        f"ChArUco {board.name}: {board.columns} x {board.rows} squares of {board.square_mm:g} mm, "
        f"markers {board.dictionary} of {board.marker_mm:g} mm. Print at 100 %. The ruler is "
        f"{length} mm long: measure it, and correct the board's file where it is not.",
        fontsize=6,
        va="top",
    )
