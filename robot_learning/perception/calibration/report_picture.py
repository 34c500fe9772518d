"""One picture to look at: corners found, where the image is covered, and how far off they are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from robot_learning.perception.calibration.coverage import Coverage
from robot_learning.perception.calibration.detection import Detection

UInt8 = NDArray[np.uint8]
Array = NDArray[np.float64]


def draw_report(
    path: Path,
    title: str,
    newest: UInt8 | None,
    detections: dict[str, Detection],
    covered: Coverage,
    errors_px: dict[str, float],
    size_px: tuple[int, int],
) -> None:
    """Writes the picture as PNG.

    Args:
        path: of the PNG; its folder is made.
        title: above it.
        newest: the picture, BGR, that the corners are drawn on; None: none.
        detections: by the picture's name.
        covered: by all of them.
        errors_px: of each view that was used; empty before there is a result.
        size_px: width and height of the image.

    Raises:
        OSError: it cannot be written.
    """
    figure = Figure(figsize=(13.0, 4.2), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(1, 3)
    figure.suptitle(title)
    _corners(panels[0], newest, list(detections.values()), size_px)
    _cells(panels[1], covered)
    _errors(panels[2], errors_px)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)


def _corners(
    axes: Axes, newest: UInt8 | None, detections: Sequence[Detection], size_px: tuple[int, int]
) -> None:
    width, height = size_px
    if newest is not None:
        axes.imshow(newest[..., ::-1], extent=(-0.5, width - 0.5, height - 0.5, -0.5))
    for detection in detections:
        axes.plot(*detection.corners_px.T, ".", markersize=2.0, color="tab:cyan")
    if detections:
        axes.plot(*detections[-1].corners_px.T, "x", markersize=5.0, color="tab:red")
    axes.set_xlim(-0.5, width - 0.5)
    axes.set_ylim(height - 0.5, -0.5)
    axes.set_title(f"corners of {len(detections)} views; crosses: the newest", fontsize=9)


def _cells(axes: Axes, covered: Coverage) -> None:
    axes.imshow(covered.counts, cmap="Greens", vmin=0)
    for (row, column), count in np.ndenumerate(covered.counts):
        axes.text(column, row, str(count), ha="center", va="center", fontsize=8)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_title(f"corners in each part of the image: {covered.share:.0%} covered", fontsize=9)


def _errors(axes: Axes, errors_px: dict[str, float]) -> None:
    axes.set_title("reprojection error of each view, px", fontsize=9)
    if not errors_px:
        axes.text(0.5, 0.5, "no result yet", ha="center", transform=axes.transAxes)
        return
    places = np.arange(len(errors_px))
    axes.barh(places, list(errors_px.values()), color="tab:blue")
    axes.set_yticks(places, list(errors_px), fontsize=6)
    axes.invert_yaxis()
