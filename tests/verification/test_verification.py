from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from robot_learning import cli, verification
from robot_learning.evaluation.statistics import mean_interval
from robot_learning.verification import (
    ROWS,
    Quick,
    Row,
    SeedResult,
    VerificationError,
    chosen_rows,
    judge,
)
from robot_learning.verification.gymnasium_seed import GymnasiumSeedRun
from robot_learning.verification.report import as_json, markdown
from robot_learning.verification.runner import run_rows


def make_row(**changes: Any) -> Row:
    fields: dict[str, Any] = {
        "name": "td3-point",
        "algorithm": "td3",
        "environment": "Pendulum-v1",
        "steps": 60,
        "hyper_parameters": {"hidden_sizes": [8], "batch_size": 8, "warmup_steps": 40},
        "bar": -1e4,
        "reference": "none",
        "episodes": 2,
        "seeds": 1,
    }
    return Row(**(fields | changes))


def result(seed: int, mean: float, success: float | None = None) -> SeedResult:
    return SeedResult(seed, {"mean_return": mean, "success_rate": success}, 1.0)


def test_rows_have_names_of_their_own_and_compare_with_rows_that_exist() -> None:
    names = [row.name for row in ROWS]
    assert len(set(names)) == len(names)
    assert {other for row in ROWS for other in row.better_than} <= set(names)


def test_the_mean_over_seeds_is_what_meets_the_bar() -> None:
    seeds = [result(0, -150.0), result(1, -160.0), result(2, -200.0)]
    met, missed = (judge(make_row(bar=bar), seeds) for bar in (-170.0, -169.0))
    assert met.mean == -170.0 and met.met and not missed.met
    half = 4.3027 * np.std([-150, -160, -200], ddof=1) / math.sqrt(3)
    assert met.interval95 == pytest.approx((-170 - half, -170 + half))


def test_success_is_judged_over_all_episodes_together() -> None:
    row = make_row(measure="success", bar=0.95, episodes=100)
    outcome = judge(row, [result(0, 0, 0.9), result(1, 0, 1.0)])
    assert outcome.mean == pytest.approx(0.95) and outcome.met
    assert outcome.interval95 == pytest.approx((0.9104, 0.9726), abs=1e-4)  # 190 of 200


def test_a_seed_that_failed_misses_the_bar_and_says_why() -> None:
    failed = SeedResult(1, None, 0.0, error="robot-learning: disk full")
    outcome = judge(make_row(), [result(0, 0.0), failed])
    assert outcome.met is False and outcome.remarks == ("seed 1: robot-learning: disk full",)


def test_better_than_asks_for_intervals_that_do_not_overlap() -> None:
    base = judge(make_row(name="base", bar=None), [result(0, 0.0), result(1, 2.0)])
    for height, met in ((30.0, True), (3.0, False)):
        row = make_row(better_than=("base",), bar=None)
        high = judge(row, [result(0, height), result(1, height + 1)])
        assert high.compared({"base": base}).met is met
    assert base.met is None


def test_student_interval_needs_two_values() -> None:
    assert mean_interval([1.0]) is None
    assert mean_interval([1.0, 3.0]) == pytest.approx((2 - 12.7062, 2 + 12.7062))


def test_a_quick_row_is_the_row_with_less() -> None:
    quick = Quick(steps=5, bar=-5.0, hyper_parameters={"gamma": 0.5})
    short = make_row(quick=quick, hyper_parameters={"gamma": 0.9, "batch_size": 8}).shortened()
    assert (short.name, short.steps, short.bar, short.seeds) == ("td3-point-quick", 5, -5.0, 1)
    assert short.hyper_parameters == {"gamma": 0.5, "batch_size": 8}


def test_rows_are_chosen_by_name_with_those_they_are_compared_with() -> None:
    table = [
        make_row(name="a"),
        make_row(name="b", better_than=("a",)),
        make_row(name="c", quick=Quick(steps=1, bar=0.0)),
    ]
    assert [row.name for row in chosen_rows(table, ["b"])] == ["a", "b"]
    assert [row.name for row in chosen_rows(table, quick=True)] == ["c-quick"]
    with pytest.raises(LookupError, match="no quick row is called 'a'; known: c"):
        chosen_rows(table, ["a"], quick=True)


def test_a_row_is_trained_judged_and_reported_and_not_run_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verification, "ROWS", (make_row(),))
    arguments = ["verify", "--seeds", "1", "--processes", "1", "--out", str(tmp_path), "--json"]
    done = CliRunner().invoke(cli.app, arguments)
    assert done.exit_code == 0, done.output
    (row,) = json.loads(done.stdout)["rows"]
    assert row["met"] and row["seeds"][0]["evaluation"]["n"] == 2
    assert (
        "| td3-point | Pendulum-v1 | 60 steps | return |"
        in (tmp_path / "verification.md").read_text()
    )
    assert json.loads((tmp_path / "verification.json").read_text())["rows"] == [row]
    assert (tmp_path / "learning_curves.png").read_bytes().startswith(b"\x89PNG")

    written = tmp_path / "td3-point" / "seed-0" / "run" / "policy.safetensors"
    stamp = written.stat().st_mtime_ns
    (again,) = run_rows([make_row(bar=0.0)], tmp_path)
    assert written.stat().st_mtime_ns == stamp
    assert again.met is False and again.mean == row["mean"]
    with pytest.raises(VerificationError, match="was run with other settings"):
        run_rows([make_row(steps=61)], tmp_path)


def test_a_seed_that_was_stopped_goes_on(tmp_path: Path) -> None:
    run = GymnasiumSeedRun(make_row(), 0, tmp_path)
    assert "--resume" not in run.train_command()
    run.run_directory.mkdir()
    (run.run_directory / "config.yaml").write_text("")
    assert "--resume" in run.train_command()
    assert run.finished() is None


def test_what_fails_is_reported_with_its_last_line(tmp_path: Path) -> None:
    (outcome,) = run_rows([make_row(algorithm="td4")], tmp_path)
    assert outcome.met is False and "did you mean td3" in outcome.remarks[0]
    assert "**missed**" in markdown([outcome], {})
    assert as_json([outcome], {})["met"] is False


def test_an_unknown_row_is_wrong_use_with_the_nearest_name() -> None:
    done = CliRunner().invoke(cli.app, ["verify", "td3-pendulm"])
    assert done.exit_code == 2 and "did you mean td3-pendulum?" in done.stderr
