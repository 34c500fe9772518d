"""`robot-learning train --demonstrations FILE`: who learns from one, who must have one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
import yaml
from demonstration_samples import record_point_mass
from step_samples import make_step
from typer.testing import CliRunner, Result

from robot_learning.algorithms import ALGORITHMS, OnPolicyAlgorithm
from robot_learning.commands.train import train
from robot_learning.replay import Journal, JournalHeader

POINT_MASS = ("--env", "gymnasium:robot_learning_tests/PointMass-v0", "--import", "point_mass")
CONTINUOUS = {n: method for n, method in ALGORITHMS.items() if method.actions != "discrete"}


def train_point_mass(out: Path, algorithm: str, *arguments: str, steps: int = 40) -> Result:
    app = typer.Typer()
    app.command()(train)
    common = ("--algorithm", algorithm, "--out", str(out), "--steps", str(steps))
    more = ("--evaluation-episodes", "0", "--json", *arguments)
    return CliRunner().invoke(app, [*POINT_MASS, *common, *more])


def refusal(done: Result, out: Path) -> str:
    """The one line that was said; nothing was begun."""
    assert done.exit_code == 2, done.output
    assert not (out / "config.yaml").exists()
    (line,) = done.stderr.strip().splitlines()
    return line


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("shown") / "steps"
    record_point_mass(path)
    return path


SMALL = ("--set", "hidden_sizes=[8]", "--set", "batch_size=16")
OFF_POLICY = (*SMALL, "--set", "warmup_steps=20", "--set", "updates_per_step=0.5")
ADVERSARIAL = (*OFF_POLICY, "--set", "discriminator_sizes=[8]")


@pytest.mark.parametrize(
    ("algorithm", "settings"),
    [
        ("td3", OFF_POLICY),
        ("rlpd", OFF_POLICY),
        ("gail", ADVERSARIAL),
        ("bc", (*SMALL, "--set", "epochs=2")),
    ],
)
def test_a_run_learns_from_a_file_and_says_which(
    tmp_path: Path, shown: Path, algorithm: str, settings: tuple[str, ...]
) -> None:
    done = train_point_mass(tmp_path, algorithm, "--demonstrations", str(shown), *settings)
    assert done.exit_code == 0, done.output
    report = json.loads(done.stdout)
    assert report["updates"] > 0
    assert report["steps"] == 40  # of its own; or, of bc's, the first 40 of 80 that were shown
    config = yaml.safe_load((tmp_path / "config.yaml").read_text())
    assert config["demonstrations"] == str(shown)


def test_pretraining_is_beside_the_updates_that_steps_ask_for(tmp_path: Path, shown: Path) -> None:
    done = train_point_mass(
        tmp_path, "td3", "--demonstrations", str(shown), *OFF_POLICY, "--set",
        "pretraining_updates=30",
    )  # fmt: skip
    assert json.loads(done.stdout)["updates"] == 30 + 10


def test_a_run_is_resumed_with_the_same_demonstrations_only(tmp_path: Path, shown: Path) -> None:
    out = tmp_path / "run"
    arguments = ("--demonstrations", str(shown), *OFF_POLICY)
    assert train_point_mass(out, "td3", *arguments).exit_code == 0
    again = train_point_mass(out, "td3", *arguments, "--resume", steps=60)
    assert json.loads(again.stdout)["steps"] == 60
    record_point_mass(tmp_path / "other", seed=9)
    other = ("--demonstrations", str(tmp_path / "other"), *OFF_POLICY, "--resume")
    refused = train_point_mass(out, "td3", *other, steps=80)
    assert refused.exit_code == 2 and "demonstrations: " in refused.stderr
    without = train_point_mass(out, "td3", *OFF_POLICY, "--resume", steps=80)
    assert without.exit_code == 2 and "demonstrations: " in without.stderr


@pytest.mark.parametrize(
    "algorithm", [n for n, method in CONTINUOUS.items() if issubclass(method, OnPolicyAlgorithm)]
)
def test_methods_that_learn_from_their_own_steps_alone_refuse_them(
    tmp_path: Path, shown: Path, algorithm: str
) -> None:
    line = refusal(
        train_point_mass(tmp_path / "run", algorithm, "--demonstrations", str(shown)),
        tmp_path / "run",
    )
    assert f"{algorithm} learns from its own steps alone" in line
    assert "use one of:" in line and "td3" in line and "bc" in line


@pytest.mark.parametrize(
    ("algorithm", "message"),
    [
        ("gail", "gail has nothing to imitate: give --demonstrations FILE"),
        ("amp", "amp has nothing to imitate: give --demonstrations FILE"),
        ("bc", "bc has nothing to imitate: give --demonstrations FILE or --expert DIR"),
        ("dagger", "dagger asks an expert while it learns: give --expert DIR"),
    ],
)
def test_methods_that_need_somebody_to_imitate_say_what_to_give(
    tmp_path: Path, algorithm: str, message: str
) -> None:
    """Before the folder is made, so that the mended command can have it."""
    assert message in refusal(train_point_mass(tmp_path / "run", algorithm), tmp_path / "run")


def test_an_expert_that_raises_is_told_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "of_a_user.py").write_text("def expert():\n    raise OSError('no device')\n")
    monkeypatch.syspath_prepend(tmp_path)
    done = train_point_mass(tmp_path / "run", "dagger", "--expert", "of_a_user:expert")
    line = refusal(done, tmp_path / "run")
    assert "--expert of_a_user:expert: OSError: no device" in line


def test_a_step_goal_below_the_file_says_what_is_left_out(tmp_path: Path, shown: Path) -> None:
    settings = ("--set", "hidden_sizes=[8]", "--set", "epochs=2")
    learner = ("--demonstrations", str(shown), *settings)
    done = train_point_mass(tmp_path / "run", "bc", *learner, steps=5)
    assert done.exit_code == 0, done.output
    assert "only the first 5 are learned from" in done.stderr


def test_a_file_is_no_expert_to_ask(tmp_path: Path, shown: Path) -> None:
    done = train_point_mass(tmp_path / "run", "dagger", "--demonstrations", str(shown))
    assert "give --expert DIR" in refusal(done, tmp_path / "run")


@pytest.mark.parametrize(
    ("data", "message"),
    [(None, "cannot be read: No such file"), (b"something", "is not a journal of steps")],
)
def test_a_file_that_cannot_be_read_ends_in_one_line(
    tmp_path: Path, data: bytes | None, message: str
) -> None:
    path = tmp_path / "shown"
    if data:
        path.write_bytes(data)
    done = train_point_mass(tmp_path / "run", "td3", "--demonstrations", str(path))
    assert f"{path}: {message}" in refusal(done, tmp_path / "run")


def test_demonstrations_of_another_environment_are_refused(tmp_path: Path) -> None:
    empty = make_step(0).observation[:0]
    step = make_step(0, achieved_goal=empty, desired_goal=empty, next_achieved_goal=empty)
    with Journal(tmp_path / "shown", JournalHeader(2, 0, 2)) as journal:
        journal.append([step])
    done = train_point_mass(tmp_path / "run", "td3", "--demonstrations", str(tmp_path / "shown"))
    line = refusal(done, tmp_path / "run")
    assert "achieved_goal has shape (0,), expected (2,)" in line


def test_over_the_graph_those_of_another_contract_are_refused_before_it_starts(
    tmp_path: Path, shown: Path
) -> None:
    app = typer.Typer()
    app.command()(train)
    arguments = ["reach", "--over-graph", "--demonstrations", str(shown), "--out"]
    done = CliRunner().invoke(app, [*arguments, str(tmp_path / "run")])
    assert "was recorded under no contract" in refusal(done, tmp_path / "run")
