"""What a person looks at: progress, plots, metrics, rates."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from robot_learning.evaluation import Evaluation
from robot_learning.training.metrics import MetricsWriter, read_metrics
from robot_learning.training.plots import plot_learning_curve
from robot_learning.training.progress import ProgressView, plain_line, render
from robot_learning.training.rates import RateMeter
from robot_learning.training.run_directory import RunDirectory, next_free

STATUS = {
    "title": "reach on panda, td3",
    "phase": "training",
    "steps": 1200,
    "steps_goal": 12000,
    "episodes": 24,
    "success_rate": 0.25,
    "success_window": 24,
    "success_wilson95": (0.12, 0.45),
    "updates": 200,
    "updates_per_s": 310.0,
    "steps_per_s": 305.0,
    "loop_rate_hz": 240.0,
    "safety_state": "armed",
    "elapsed_s": 65.0,
}


def text_of(renderable: Any) -> str:
    console = Console(file=io.StringIO(), width=100)
    console.print(renderable)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize("show", [lambda s: text_of(render(s)), plain_line])
def test_a_status_is_shown_with_units_and_interval(show: Any) -> None:
    text = show(STATUS)
    for part in (
        "1200 of 12000",
        "0.25 (n = 24, 95 % 0.12 to 0.45)",
        "200 (310/s)",
        "305 steps/s",
        "240 Hz",
        "armed",
        "1 min 05 s",
    ):
        assert part in text


@pytest.mark.parametrize("missing", [*STATUS])
def test_a_status_may_lack_anything(missing: str) -> None:
    status = {key: value for key, value in STATUS.items() if key != missing}
    if missing in ("success_rate", "success_wilson95"):
        status.pop("success_window")
    assert text_of(render(status)) and plain_line(status)


def test_without_a_terminal_there_is_a_line_now_and_then() -> None:
    console = Console(file=io.StringIO(), width=80)
    with ProgressView(every_s=1e9, console=console) as view:
        for _ in range(3):
            view.show(STATUS)
        view.show(STATUS, now=True)
    assert isinstance(console.file, io.StringIO)
    assert console.file.getvalue().count("\n") == 2


def test_metrics_survive_a_torn_last_line_and_hold_no_nan(tmp_path: Path) -> None:
    with MetricsWriter(tmp_path) as metrics:
        metrics.write(1, {"return": -3.0, "success": True, "q": float("nan"), "none": None})
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"steps": 2, "ret')
    (row,) = read_metrics(tmp_path)
    assert (row["steps"], row["return"], row["success"]) == (1, -3.0, True)
    assert row["q"] is None and row["none"] is None


@pytest.mark.parametrize("count", [0, 1, 3, 200])
@pytest.mark.parametrize("success", [True, False])
def test_a_curve_is_drawn_of_any_number_of_episodes(
    tmp_path: Path, count: int, success: bool
) -> None:
    rate = {"success_rate": 0.5, "success_low": 0.3, "success_high": 0.7} if success else {}
    rows = [{"steps": 50 * (i + 1), "return": -50.0 + i / 10, **rate} for i in range(count)]
    path = tmp_path / "curve.png"
    evaluation = Evaluation(100, -9.0, 1.0, 0.99, (0.95, 1.0)) if success else None
    plot_learning_curve(
        rows, path, title="t", control_period_s=0.05, bar=0.95, evaluation=evaluation
    )
    assert path.read_bytes().startswith(b"\x89PNG")


def test_a_rate_is_of_the_last_seconds() -> None:
    now = [0.0]
    meter = RateMeter(window_s=5.0, clock=lambda: now[0])
    assert meter.per_s() == 0.0
    for second in range(1, 21):
        now[0] = float(second)
        meter.count(100 if second <= 10 else 10)
    assert meter.per_s() == pytest.approx(10.0)
    now[0] = 30.0
    assert meter.per_s() == 0.0


def test_status_is_written_no_more_often_than_asked(tmp_path: Path) -> None:
    directory = RunDirectory(tmp_path)
    assert directory.write_status({"steps": 1})
    assert not directory.write_status({"steps": 2}, every_s=60)
    assert directory.write_status({"steps": 3}, every_s=0)
    assert (tmp_path / "status.json").read_text() == '{"steps": 3}'


def test_a_new_run_takes_the_next_free_folder(tmp_path: Path) -> None:
    assert next_free(tmp_path, "run").name == "run"
    for name in ("run", "run-2"):
        (tmp_path / name).mkdir()
    assert next_free(tmp_path, "run").name == "run-3"
