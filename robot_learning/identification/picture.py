"""A picture of the replay gap: each joint where it moved most, and the error all along."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from robot_learning.identification.gap import Gap
from robot_learning.identification.recording import MotionRecording
from robot_learning.training.plots import GREY, RETURN, SUCCESS

WINDOW_S = 2.5
COLOURS = (RETURN, SUCCESS)


def draw_gap(recording: MotionRecording, gaps: Mapping[str, Gap], path: Path) -> None:
    """Draws up to two gaps, such as before and after, into a PNG."""
    joints = len(recording.joint_names)
    figure = Figure(figsize=(12.0, 1.7 * joints + 1.0), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(joints, 2, squeeze=False, width_ratios=(1.0, 1.6))
    for joint, name in enumerate(recording.joint_names):
        left, right = panels[joint]
        shown = _liveliest(recording.stamp_s, recording.position_rad[:, joint])
        left.plot(
            recording.stamp_s[shown],
            recording.position_rad[shown, joint],
            color="black",
            linewidth=1.6,
            label="recorded",
        )
        for (label, gap), colour in zip(gaps.items(), COLOURS, strict=False):
            left.plot(
                gap.stamp_s[shown],
                gap.simulated_rad[shown, joint],
                color=colour,
                linewidth=1.1,
                linestyle="--",
                label=f"simulated, {label}",
            )
            error = 1e3 * gap.error_rad[:, joint]
            rms = float(np.sqrt(np.square(error).mean()))
            right.plot(
                gap.stamp_s,
                error,
                color=colour,
                linewidth=0.8,
                label=f"{label}: {rms:.2f} mrad rms",
            )
        left.set_ylabel(f"{name}\n(rad)", fontsize=8)
        right.set_ylabel("error (mrad)", fontsize=8)
        right.legend(framealpha=0.8, edgecolor="none", fontsize=7, loc="upper right")
        for panel in (left, right):
            panel.spines[["top", "right"]].set_visible(False)
            panel.grid(color="#dfe4e8", linewidth=0.6)
            panel.tick_params(colors=GREY, labelsize=7)
    panels[0][0].legend(framealpha=0.8, edgecolor="none", fontsize=7, loc="lower right")
    for panel in panels[-1]:
        panel.set_xlabel("time (s)", fontsize=8)
    tools = ", ".join(
        f"{label} {1e3 * np.sqrt(np.square(gap.tool_error_m).mean()):.2f} mm rms, "
        f"{1e3 * gap.tool_error_m.max():.2f} mm at most"
        for label, gap in gaps.items()
    )
    figure.suptitle(
        f"Replay gap of {recording.robot}: tool {tools}", fontsize=11, x=0.02, ha="left"
    )
    figure.savefig(path)


def _liveliest(stamp_s: np.ndarray, position: np.ndarray) -> np.ndarray:
    """The window of time in which a joint travels most."""
    travel = np.concatenate(([0.0], np.cumsum(np.abs(np.diff(position)))))
    ends = np.searchsorted(stamp_s, stamp_s + WINDOW_S, side="right") - 1
    begin = int(np.argmax(travel[ends] - travel))
    return np.arange(begin, int(ends[begin]) + 1)
