"""The rows of the arm's own tasks: what is shown to whom, and what a classifier's word replaces."""

from __future__ import annotations

from pathlib import Path

import pytest

from robot_learning.contract import load_contract
from robot_learning.verification import GRASP_ROWS, MODEL_ROWS, ROWS, TABLETOP_ROWS
from robot_learning.verification.runner import seed_run
from robot_learning.verification.tabletop import TabletopSeedRun

NAMED = {row.name: row for row in TABLETOP_ROWS}


def run_of(name: str, out: Path) -> TabletopSeedRun:
    run = seed_run(NAMED[name], 1, out / name / "seed-1")
    assert isinstance(run, TabletopSeedRun)
    return run


def test_every_row_of_every_table_has_a_name_of_its_own() -> None:
    names = [row.name for row in (*ROWS, *GRASP_ROWS, *MODEL_ROWS, *TABLETOP_ROWS)]
    assert len(set(names)) == len(names)
    assert not {"grasp", "models", "tabletop"} & set(names)  # these words are all of a table


@pytest.mark.parametrize("row", TABLETOP_ROWS, ids=lambda row: row.name)
def test_robot_minutes_are_those_of_the_tasks_own_rate(row) -> None:
    assert row.control_hz == load_contract("panda", row.environment).task.control_hz
    minutes = f"{row.steps:,} steps, {row.steps / row.control_hz / 60:.1f} robot minutes"
    assert row.length == ("20 demonstrations" if row.algorithm == "bc" else minutes)


@pytest.mark.parametrize("task", ["lift", "insertion"])
def test_methods_that_learn_from_the_same_seed_are_shown_the_same_twenty(
    task: str, tmp_path: Path
) -> None:
    shown = []
    for method in ("rlpd", "ddpgfd", "bc"):
        show, train, judge = run_of(f"{method}-{task}", tmp_path).commands()
        assert show[3:5] == ["demonstrate", task] and train[3:5] == ["train", task]
        assert judge[3] == "evaluate" and "--episodes" in judge
        assert show[show.index("--out") + 1] == train[train.index("--demonstrations") + 1]
        shown.append(show[show.index("--episodes") :])
    assert shown == [["--episodes", "20", "--seed", "1"]] * 3
    train, _ = run_of(f"ddpg-{task}", tmp_path).commands()
    assert "--demonstrations" not in train


def test_a_classifier_is_made_once_and_only_training_asks_it(tmp_path: Path) -> None:
    run = run_of("rlpd-lift-pictures", tmp_path)
    made = run.preparations()
    _, train, judge = run.commands()
    classifier = made[-1][made[-1].index("--out") + 1]
    assert train[train.index("--success-classifier") + 1] == classifier
    assert classifier not in judge

    Path(classifier).mkdir(parents=True)
    assert run.preparations() == []
    assert run_of("rlpd-lift", tmp_path).preparations() == []


def test_scouts_of_other_seeds_show_what_the_first_classifier_is_wrong_about(
    tmp_path: Path,
) -> None:
    run = run_of("rlpd-lift-pictures", tmp_path)
    kinds = [[word for word in command[3:5] if word != "lift"] for command in run.preparations()]
    scout = [["demonstrate"], ["train"], ["reward", "collect"]]
    assert kinds == [["reward", "collect"], ["reward", "fit"], *scout, *scout, ["reward", "fit"]]

    def words(name: str, number: int) -> str:
        command = run.preparations()[number]
        return command[command.index(name) + 1]

    assert words("--out", 0) == words("--out", 4) == words("--out", 7)
    assert words("--success-classifier", 3) == words("--out", 1) != words("--out", 8)
    assert words("--policy", 4) == words("--out", 3) and words("--policy", 7) == words("--out", 6)
    seeds = {words("--seed", number) for number in (2, 3, 4, 5, 6, 7)}
    assert seeds == {"1000", "1001"}


def test_of_a_scout_that_was_stopped_only_what_is_missing_is_made(tmp_path: Path) -> None:
    run = run_of("rlpd-lift-pictures", tmp_path)
    show, train = run.preparations()[2:4]
    shown, scout = Path(show[show.index("--out") + 1]), Path(train[train.index("--out") + 1])
    scout.mkdir(parents=True)
    shown.write_text("")
    (scout / "config.yaml").write_text("")
    assert run.preparations()[2] == [*train, "--resume"]
    (scout / "policy.json").write_text("")
    assert run.preparations()[2][3:5] == ["reward", "collect"]
