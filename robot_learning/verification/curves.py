"""Learning curves over seeds with their spread, a panel a row."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from robot_learning.verification.outcome import Curve, Outcome

_POINTS = 100  # of the common grid of steps
_MARKS_MAX = 6  # below a panel
_WINDOW = 20  # episodes that a return is averaged over
_COLUMNS = 3
_LINE, _MARK, _GREY = "#0a7d6c", "#1d3557", "#5f6b76"


def plot_curves(outcomes: Sequence[Outcome], path: Path) -> None:
    """Draws every row's training curve: mean of the seeds, and from the lowest to the highest."""
    columns = max(1, min(_COLUMNS, len(outcomes)))
    rows = max(1, math.ceil(len(outcomes) / columns))
    figure = Figure(figsize=(4.2 * columns, 2.9 * rows), dpi=130, layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for panel, outcome in zip(panels, outcomes, strict=False):
        _draw(panel, outcome)
    for panel in panels[len(outcomes) :]:
        panel.set_visible(False)
    figure.savefig(path)


def on_grid(curve: Curve, column: str, grid: NDArray[np.float64]) -> NDArray[np.float64]:
    """One seed's figures on common steps: the running mean of the latest episodes.

    Args:
        curve: rows with `steps` and `column`.
        column: name of the figure; rows without it are left out.
        grid: steps, shape (n,).

    Returns:
        shape (n,); NaN before the first row.
    """
    rows = [row for row in curve if row.get(column) is not None]
    if not rows:
        return np.full(len(grid), np.nan)
    steps = np.array([row["steps"] for row in rows], float)
    totals = np.cumsum([0.0, *(float(row[column]) for row in rows)])
    last = np.searchsorted(steps, grid, side="right")
    first = np.maximum(last - _WINDOW, 0)
    return np.where(last > 0, (totals[last] - totals[first]) / np.maximum(last - first, 1), np.nan)


def _draw(panel: Axes, outcome: Outcome) -> None:
    row = outcome.row
    column = "return" if row.measure == "return" else "success"
    grid = np.linspace(0.0, row.steps, _POINTS + 1)[1:]
    seeds = np.array([on_grid(curve, column, grid) for curve in outcome.curves])
    hz = row.control_hz
    unit = 1000.0 if hz is None else 60.0 * hz  # steps in what the axis counts
    known = np.isfinite(seeds).all(axis=0) if len(seeds) else np.zeros(_POINTS, bool)
    if known.any():
        at, drawn = grid[known] / unit, seeds[:, known]
        panel.fill_between(at, drawn.min(0), drawn.max(0), color=_LINE, alpha=0.18, linewidth=0)
        panel.plot(at, drawn.mean(0), color=_LINE, linewidth=1.6)
    if row.measure == "success":
        panel.set_ylim(-0.03, 1.03)
    values = [value for value in outcome.values if value is not None]
    end = [row.steps / unit] * len(values)
    panel.plot(end, values, "D", color=_MARK, markersize=4, clip_on=False)
    if row.bar is not None:
        panel.axhline(row.bar, color=_GREY, linewidth=1, linestyle=(0, (4, 3)))
    panel.set_title(row.name, fontsize=10, loc="left")
    panel.set_ylabel(column, fontsize=8)
    panel.tick_params(labelsize=7, colors=_GREY)
    panel.xaxis.set_major_locator(MaxNLocator(_MARKS_MAX, steps=[1, 2, 5, 10]))
    if hz is None:
        panel.xaxis.set_major_formatter("{x:g}k")
    else:
        panel.xaxis.set_major_formatter("{x:g}")
        panel.set_xlabel("robot minutes", fontsize=8)
    panel.spines[["top", "right"]].set_visible(False)
    panel.grid(axis="y", color="#dfe4e8", linewidth=0.8)
    panel.margins(x=0.01)
