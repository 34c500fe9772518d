"""How rows of grasping are run: what is collected once, and in which order the rest comes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from robot_learning.verification import GRASP_ROWS, SeedResult, judge
from robot_learning.verification.grasping import AttemptLog, GraspRow, GraspSeedRun
from robot_learning.verification.report import markdown
from robot_learning.verification.runner import run_rows, seed_run

SHORT = {"cem_samples": 4, "cem_elites": 2, "batch_size": 8, "updates_per_step": 0.1}


def make_row(**changes: Any) -> GraspRow:
    fields: dict[str, Any] = {
        "name": "grasp-row",
        "algorithm": "qt_opt",
        "environment": "bin_grasp",
        "measure": "success",
        "log": AttemptLog("scripted", 2),
        "steps": 5,
        "bar": 0.8,
        "reference": "none",
        "unit": "episodes",
        "seeds": 1,
        "episodes": 2,
        "hyper_parameters": SHORT,
    }
    return GraspRow(**(fields | changes))


def option(command: list[str], name: str) -> str:
    return command[command.index(name) + 1]


def test_episodes_of_the_log_count_as_training() -> None:
    run = seed_run(make_row(), 1, Path("/out/grasp-row/seed-1"))
    assert isinstance(run, GraspSeedRun)
    (collect,), (train, evaluate) = run.preparations(), run.commands()
    assert collect[3:5] == ["grasp", "collect"] and option(collect, "--episodes") == "2"
    assert train[3:5] == ["grasp", "train"] and option(train, "--episodes") == "3"
    assert option(collect, "--out") == option(train, "--offline") == "/out/logs/scripted"
    assert (option(train, "--seed"), option(train, "--scripted-episodes")) == ("1", "0")
    assert evaluate[3:6] == ["grasp", "evaluate", "/out/grasp-row/seed-1/run"]
    assert option(evaluate, "--objects") == "unseen" and evaluate[-1] == "--json"


def test_many_workers_share_the_cores_of_their_row() -> None:
    """Ray would never start a worker that wants a core which is not there."""
    run = seed_run(make_row(collectors=2, updaters=1, cores=2), 0, Path("/out/row/seed-0"))
    words = run.arguments()
    assert (option(words, "--collectors"), option(words, "--updaters")) == ("2", "1")
    assert 3 * float(option(words, "--worker-cpus")) <= 2.0


def test_a_row_without_a_log_judges_the_script() -> None:
    run = seed_run(make_row(log=None, steps=0), 0, Path("/out/grasp-row/seed-0"))
    (command,) = run.commands()
    assert not run.preparations() and command[3:6] == ["grasp", "evaluate", "scripted"]


def test_no_row_takes_more_than_ten_thousand_episodes() -> None:
    assert all(0 <= row.online_episodes <= row.steps <= 10_000 for row in GRASP_ROWS)


def test_rows_that_learn_from_the_same_attempts_share_one_log() -> None:
    one, other = (seed_run(make_row(), seed, Path(f"/out/row/seed-{seed}")) for seed in (0, 1))
    assert one.preparations() == other.preparations()


@pytest.mark.slow
def test_attempts_are_collected_learned_from_and_judged(tmp_path: Path) -> None:
    row = make_row(log=AttemptLog("one", 1), steps=1, bar=0.0, episodes=1)
    (outcome,) = run_rows([row], tmp_path)
    assert outcome.met, outcome
    assert "| grasp-row | bin_grasp | 1 episodes | success |" in markdown([outcome], {})
    assert list((tmp_path / "logs" / "one").glob("shard-*"))


def test_the_interval_is_of_all_episodes() -> None:
    figures = {"success_rate": 0.8, "n": 300}
    outcome = judge(make_row(episodes=300), [SeedResult(0, figures, 1.0)])
    assert outcome.met and outcome.interval95 == pytest.approx((0.751, 0.841), abs=2e-3)
