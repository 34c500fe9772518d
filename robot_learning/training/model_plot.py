"""The picture of a model: how far, how sure, where it doubts, and whether it helps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from robot_learning.dynamics.honesty import ERROR_MAX
from robot_learning.training.model_report import ModelReport
from robot_learning.training.plots import EVALUATION, GREY, RETURN, SUCCESS


def plot_model(report: ModelReport, path: Path, *, title: str) -> None:
    """Draws four panels.

    Error after k steps against k, beside that of saying that nothing changes; how often the truth
    lay within the interval that should hold a share of it; error against disagreement, a dot a
    transition; error of the model and return against environment steps (objective mismatch).

    Args:
        report: what was found.
        path: of the PNG.
        title: above the panels.
    """
    figure = Figure(figsize=(10.0, 7.6), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    (far, sure), (doubts, helps) = figure.subplots(2, 2)
    _draw_horizons(far, report)
    _draw_coverage(sure, report)
    _draw_doubt(doubts, report)
    _draw_mismatch(helps, report)
    for panel in (far, sure, doubts, helps):
        panel.spines[["top", "right"]].set_visible(False)
        panel.grid(axis="y", color="#dfe4e8", linewidth=0.8)
        panel.set_axisbelow(True)
        panel.tick_params(colors=GREY)
    of = "held-out" if report.held_out else "given"
    figure.suptitle(
        f"{title}: {report.transitions} transitions of {report.episodes} {of} episodes",
        fontsize=12,
        x=0.02,
        ha="left",
    )
    figure.savefig(path)


def _draw_horizons(panel: Axes, report: ModelReport) -> None:
    found = report.honesty
    panel.plot(found.horizons, found.error, color=SUCCESS, linewidth=1.8, label="model")
    panel.plot(
        found.horizons, found.still, color=GREY, linewidth=1.2, label="saying nothing changes"
    )
    panel.axhline(ERROR_MAX, color=GREY, linewidth=1, linestyle=(0, (4, 3)))
    ahead = report.ahead
    panel.axvline(ahead.steps, color=RETURN, linewidth=1.2, label=f"{ahead.setting} {ahead.steps}")
    top = max(1.5, 1.1 * min(3.0, max(found.still)))
    panel.set_ylim(0.0, top)
    panel.set_xlabel("steps ahead")
    panel.set_ylabel("error (1: the spread of the states)")
    panel.set_title(f"honest for {found.honest_horizon()} steps", fontsize=10, loc="left")
    panel.legend(frameon=False, loc="upper left")


def _draw_coverage(panel: Axes, report: ModelReport) -> None:
    shares = np.array(list(report.honesty.coverage))
    found = np.array(list(report.honesty.coverage.values()))
    panel.plot((0.0, 1.0), (0.0, 1.0), color=GREY, linewidth=1, linestyle=(0, (4, 3)))
    panel.plot(shares, found, "o-", color=SUCCESS, linewidth=1.8, markersize=4)
    panel.set_xlim(0.0, 1.0)
    panel.set_ylim(0.0, 1.02)
    panel.set_xlabel("share that should lie within")
    panel.set_ylabel("share that does")
    panel.set_title("calibration, one step (below the line: too sure)", fontsize=10, loc="left")


def _draw_doubt(panel: Axes, report: ModelReport) -> None:
    found = report.doubt
    panel.plot(found.disagreement, found.error, ".", color=SUCCESS, alpha=0.3, markersize=4)
    if bool((found.disagreement > 0).any()) and bool((found.error > 0).any()):
        panel.set_xscale("log")
        panel.set_yscale("log")
        panel.xaxis.set_minor_formatter(NullFormatter())
        panel.yaxis.set_minor_formatter(NullFormatter())
    what = "disagreement of members" if report.members > 1 else "predicted deviation"
    panel.set_xlabel(f"{what} (1: the spread of the changes)")
    panel.set_ylabel("error")
    panel.set_title(f"rank correlation {found.correlation:.2f}", fontsize=10, loc="left")


def _draw_mismatch(panel: Axes, report: ModelReport) -> None:
    panel.set_title("objective mismatch", fontsize=10, loc="left")
    panel.set_xlabel("environment steps")
    panel.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}".replace(",", " "))
    rows = report.mismatch
    if not rows:
        panel.text(0.5, 0.5, "no metrics of a run here", ha="center", transform=panel.transAxes)
        return
    steps = [row["steps"] for row in rows]
    panel.plot(steps, [row["return"] for row in rows], ".-", color=RETURN, markersize=4)
    panel.set_ylabel("return (training)", color=RETURN)
    beside = panel.twinx()
    errors = [row["model_error"] for row in rows]
    beside.plot(steps, errors, color=EVALUATION, linewidth=1.8, drawstyle="steps-post")
    beside.set_ylabel("squared error of one step, held out", color=EVALUATION)
    if min(errors) > 0.0:
        beside.set_yscale("log")
    beside.tick_params(colors=GREY)
    beside.spines["top"].set_visible(False)
