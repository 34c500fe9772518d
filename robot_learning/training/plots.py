"""The learning curve: success with its interval, and return, against environment steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from robot_learning.evaluation import Evaluation

SUCCESS, RETURN, EVALUATION, GREY = "#0a7d6c", "#b3541e", "#1d3557", "#5f6b76"


def plot_learning_curve(
    rows: Sequence[Mapping[str, Any]],
    path: Path,
    *,
    title: str,
    control_period_s: float | None = None,
    bar: float | None = None,
    evaluation: Evaluation | None = None,
) -> None:
    """Draws what `metrics.jsonl` holds.

    Args:
        rows: with `steps`, `return`, and where the task has success `success_rate`,
            `success_low`, `success_high` (over the last 100 episodes).
        path: of the PNG.
        title: above the plot.
        control_period_s: time of one step on the robot; adds an axis of robot minutes.
        bar: success rate to mark, where one is asked for.
        evaluation: of the policy after the last step, without exploration; marked there.
    """
    episodes = [row for row in rows if row.get("return") is not None]
    has_success = any(row.get("success_rate") is not None for row in episodes)
    figure = Figure(figsize=(8.0, 6.0 if has_success else 3.6), dpi=130, layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(2 if has_success else 1, 1, sharex=True, squeeze=False)[:, 0]
    steps = np.array([row["steps"] for row in episodes], float)
    if has_success:
        _draw_success(panels[0], steps, episodes, bar)
        _draw_evaluation(panels[0], steps, evaluation)
        panels[0].legend(frameon=False, loc="upper left", bbox_to_anchor=(0.0, 0.92))
    _draw_return(panels[-1], steps, episodes)
    for panel in panels:
        panel.spines[["top", "right"]].set_visible(False)
        panel.grid(axis="y", color="#dfe4e8", linewidth=0.8)
        panel.set_axisbelow(True)
        panel.tick_params(colors=GREY)
        panel.margins(x=0.01)
    panels[-1].set_xlabel("environment steps")
    panels[-1].xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}".replace(",", " "))
    if control_period_s:
        minutes = control_period_s / 60.0
        top = panels[0].secondary_xaxis(
            "top", functions=(lambda x: x * minutes, lambda x: x / minutes)
        )
        top.set_xlabel("robot time (min)", color=GREY)
        top.tick_params(colors=GREY)
        top.spines["top"].set_color("#c5ccd3")
    figure.suptitle(title, fontsize=12, x=0.02, ha="left")
    figure.savefig(path)


def _draw_success(
    panel: Axes, steps: np.ndarray[Any, Any], rows: Sequence[Mapping[str, Any]], bar: float | None
) -> None:
    def column(name: str) -> np.ndarray[Any, Any]:
        values = [row.get(name) for row in rows]
        return np.array([np.nan if value is None else value for value in values], float)

    rate = column("success_rate")
    panel.fill_between(
        steps,
        column("success_low"),
        column("success_high"),
        color=SUCCESS,
        alpha=0.18,
        linewidth=0,
        label="Wilson 95 %",
    )
    panel.plot(steps, rate, color=SUCCESS, linewidth=1.8, label="last 100 episodes")
    if bar is not None:
        panel.axhline(bar, color=GREY, linewidth=1, linestyle=(0, (4, 3)))
        panel.annotate(
            f"{bar:.2f}",
            (1.0, bar),
            xycoords=("axes fraction", "data"),
            color=GREY,
            ha="left",
            va="center",
            xytext=(4, 0),
            textcoords="offset points",
            fontsize=9,
        )
    panel.set_ylim(-0.02, 1.04)
    panel.set_ylabel("success rate")


def _draw_evaluation(
    panel: Axes, steps: np.ndarray[Any, Any], evaluation: Evaluation | None
) -> None:
    if evaluation is None or evaluation.success_rate is None or evaluation.wilson95 is None:
        return
    rate, (low, high) = evaluation.success_rate, evaluation.wilson95
    panel.errorbar(
        steps[-1:],
        [rate] * len(steps[-1:]),
        yerr=[[rate - low] * len(steps[-1:]), [high - rate] * len(steps[-1:])],
        fmt="D",
        color=EVALUATION,
        markersize=6,
        capsize=4,
        clip_on=False,
        zorder=5,
        label=f"evaluation without exploration: {rate:.2f} (n = {evaluation.n})",
    )


def _draw_return(
    panel: Axes, steps: np.ndarray[Any, Any], rows: Sequence[Mapping[str, Any]]
) -> None:
    returns = np.array([row["return"] for row in rows], float)
    panel.plot(steps, returns, ".", color=RETURN, alpha=0.3, markersize=4, label="each episode")
    window = max(1, min(25, len(returns) // 4))
    if len(returns) >= 4:
        mean = np.convolve(returns, np.ones(window) / window, mode="valid")
        panel.plot(
            steps[window - 1 :], mean, color=RETURN, linewidth=1.8, label=f"mean of {window}"
        )
    panel.set_ylabel("return (training)")
    if len(returns):
        panel.legend(frameon=False, loc="upper left")
