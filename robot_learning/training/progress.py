"""The live view of a run in the terminal, drawn from a plain mapping.

The trainer fills the mapping in process; a launcher fills it from the learner's messages. Keys
that are missing are not shown:

    title, phase, steps, steps_goal, episodes, updates, updates_per_s, steps_per_s, success_rate,
    success_window, success_wilson95, mean_return, policy_version, evaluation_episodes,
    evaluation_episodes_goal, loop_rate_hz, safety_state, message, elapsed_s
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

_SAFE = {"armed", "ARMED"}


def render(status: Mapping[str, Any]) -> RenderableType:
    """A few lines that say how the run is doing."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column()
    for label, text in _facts(status):
        style = "red bold" if label == "safety" and text not in _SAFE else ""
        table.add_row(label, Text(text, style=style))
    head = Text(str(status.get("title", "training")), style="bold")
    if phase := status.get("phase"):
        head.append(f"  {phase}", style="cyan")
    parts: list[RenderableType] = [head]
    goal = status.get("steps_goal")
    if goal:
        done, goal = _progress(status)
        parts.append(ProgressBar(total=goal, completed=done, width=60))
    parts.append(table)
    if message := status.get("message"):
        parts.append(Text(str(message), style="yellow"))
    return Group(*parts)


def plain_line(status: Mapping[str, Any]) -> str:
    """The same in one line, for logs."""
    phase = str(status.get("phase", "")).lower()
    facts = ", ".join(f"{label} {text}" for label, text in _facts(status))
    message = status.get("message")
    return f"{phase}: {facts}" + (f" | {message}" if message else "")


def rate_with_interval(rate: float, n: int, interval: tuple[float, float]) -> str:
    """A rate of success as it is always printed: with its sample size and Wilson interval."""
    return f"{rate:.2f} (n = {n}, 95 % {interval[0]:.2f} to {interval[1]:.2f})"


class ProgressView:
    """Shows a status: live on a terminal, else a line every few seconds. Writes to stderr."""

    def __init__(self, *, every_s: float = 5.0, console: Console | None = None) -> None:
        self._console = console or Console(file=sys.stderr)
        self._live: Live | None = None
        if self._console.is_terminal:
            self._live = Live(console=self._console, auto_refresh=False, transient=False)
        self._every_s = 0.25 if self._live else every_s
        self._shown_at_s: float | None = None

    def show(self, status: Mapping[str, Any], *, now: bool = False) -> None:
        """Shows `status` if it is time for it, or `now`."""
        moment = time.monotonic()
        due = self._shown_at_s is None or moment - self._shown_at_s >= self._every_s
        if not (due or now):
            return
        self._shown_at_s = moment
        if self._live:
            self._live.update(render(status), refresh=True)
        else:
            self._console.print(plain_line(status), markup=False, highlight=False, soft_wrap=True)

    def say(self, line: str) -> None:
        """Prints a line that stays, above the live view."""
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._live:
            self._live.stop()


def _progress(status: Mapping[str, Any]) -> tuple[float, float]:
    if str(status.get("phase", "")).lower() == "evaluating":
        return status.get("evaluation_episodes", 0), status["evaluation_episodes_goal"]
    return status.get("steps", 0), status["steps_goal"]


def _facts(status: Mapping[str, Any]) -> list[tuple[str, str]]:
    facts: list[tuple[str, str]] = []
    evaluates = str(status.get("phase", "")).lower() in ("evaluating", "done")
    if "steps" in status:
        goal = status.get("steps_goal")
        of = f" of {goal}" if goal else ""
        facts.append(("steps", f"{status['steps']}{of}"))
    if "episodes" in status:
        facts.append(("episodes", f"{status['episodes']}"))
    if window := status.get("success_window"):
        low, high = status["success_wilson95"]
        facts.append(("success", rate_with_interval(status["success_rate"], window, (low, high))))
    if status.get("mean_return") is not None:
        facts.append(("return", f"{status['mean_return']:.1f} (mean of the last 25)"))
    if "updates" in status:
        rate = None if evaluates else status.get("updates_per_s")
        facts.append(("updates", f"{status['updates']}" + (f" ({rate:.0f}/s)" if rate else "")))
    if "steps_per_s" in status and not evaluates:
        facts.append(("speed", f"{status['steps_per_s']:.0f} steps/s"))
    if "loop_rate_hz" in status:
        facts.append(("loop", f"{status['loop_rate_hz']:.0f} Hz"))
    if "safety_state" in status:
        facts.append(("safety", str(status["safety_state"])))
    if evaluates and (goal := status.get("evaluation_episodes_goal")):
        facts.append(("evaluation", f"{status.get('evaluation_episodes', 0)} of {goal} episodes"))
    if "elapsed_s" in status:
        minutes, seconds = divmod(int(status["elapsed_s"]), 60)
        facts.append(("time", f"{minutes} min {seconds:02d} s"))
    return facts
