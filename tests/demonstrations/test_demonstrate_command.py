"""`robot-learning demonstrate` as a person runs it, with panda-gym's box to push."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from typer.testing import CliRunner, Result

from robot_learning.algorithms import Spaces
from robot_learning.commands.demonstrate import demonstrate
from robot_learning.commands.evaluate import evaluate
from robot_learning.commands.train import train
from robot_learning.contract import load_contract
from robot_learning.demonstrations import read_demonstrations
from robot_learning.demonstrations.scripted import PushExpert, scripted_expert
from robot_learning.training.task_settings import task_spaces

PUSH = ("--env", "gymnasium:PandaPush-v3", "--import", "panda_gym")
SPACES = Spaces(18, 3, (-1.0,) * 3, (1.0,) * 3)


def run(command: Any, *arguments: str) -> Result:
    app = typer.Typer()
    app.command()(command)
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """Eight episodes, a quarter of them to a wrong goal, and what was said of them."""
    pytest.importorskip("panda_gym")
    out = tmp_path_factory.mktemp("shown") / "new folder" / "push"
    done = run(
        demonstrate, *PUSH, "--out", str(out), "--episodes", "8", "--failures", "0.25",
        "--noise-std", "0.1", "--json",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    return out, json.loads(done.stdout)


def test_the_scripted_expert_pushes_the_box_to_its_goal(
    shown: tuple[Path, dict[str, Any]],
) -> None:
    """All that were meant to succeed do, with noise on every action."""
    path, facts = shown
    assert facts["file"] == str(path)
    assert (facts["n"], facts["failures_asked"]) == (8, 2)
    found = read_demonstrations(path, SPACES)
    assert (len(found.episodes), len(found)) == (8, facts["steps"])
    assert found.successes == round(8 * facts["success_rate"]) >= 5
    low, high = facts["wilson95"]
    assert low < facts["success_rate"] < high


def test_what_was_shown_is_learned_from(shown: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    """Updates on the demonstrations come before the first step; the policy can be evaluated."""
    done = run(
        train, *PUSH, "--algorithm", "ddpgfd", "--demonstrations", str(shown[0]), "--out",
        str(tmp_path / "run"), "--steps", "50", "--evaluation-episodes", "0", "--json",
        "--set", "hidden_sizes=[8]", "--set", "pretraining_updates=7",
        "--set", "updates_per_step=0.1", "--set", "batch_size=16", "--set", "warmup_steps=0",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    report = json.loads(done.stdout)
    assert (report["steps"], report["updates"]) == (50, 7 + 5)
    again = run(evaluate, str(tmp_path / "run"), "--import", "panda_gym", "--episodes", "1")
    assert again.exit_code == 0, again.output


def test_a_file_that_is_there_is_not_written_over(tmp_path: Path) -> None:
    pytest.importorskip("panda_gym")
    out = tmp_path / "push"
    out.write_text("precious")
    done = run(demonstrate, *PUSH, "--out", str(out), "--episodes", "1")
    assert (done.exit_code, out.read_text()) == (2, "precious")
    assert "choose another --out" in done.stderr


def test_an_environment_without_an_expert_is_named_with_the_nearest(tmp_path: Path) -> None:
    done = run(demonstrate, "--env", "gymnasium:PandaPusch-v3", "--out", str(tmp_path / "push"))
    assert done.exit_code == 2
    assert "no scripted expert for gymnasium:PandaPusch-v3" in done.stderr
    assert "did you mean gymnasium:PandaPush-v3?" in done.stderr
    assert not (tmp_path / "push").exists()


@pytest.mark.parametrize("wrong", [("--failures", "1.5"), ("--episodes", "0"), ("--seed", "-1")])
def test_a_number_out_of_range_is_refused(tmp_path: Path, wrong: tuple[str, str]) -> None:
    done = run(demonstrate, *PUSH, "--out", str(tmp_path / "push"), *wrong)
    assert done.exit_code == 2 and wrong[0] in done.stderr
    assert not (tmp_path / "push").exists()


def observation(hand: list[float], box: list[float]) -> Any:
    return np.array([*hand, 0, 0, 0, *box, *[0] * 9], np.float32)


def test_the_expert_pushes_from_behind_and_rests_at_the_goal() -> None:
    expert, goal = scripted_expert("gymnasium:PandaPush-v3"), np.array([0.1, 0, 0.02], np.float32)
    assert isinstance(expert, PushExpert)
    behind = expert.act(observation([-0.07, 0, 0.02], [0, 0, 0.02]), goal)
    assert behind[0] > 0.3 and abs(behind[1]) < 1e-6
    ahead = expert.act(observation([0.07, 0, 0.02], [0, 0, 0.02]), goal)
    assert ahead[2] > 0.3 and np.abs(ahead[:2]).max() < 1e-6  # up, to go over the box
    there = expert.act(observation([0.03, 0, 0.02], [0.1, 0, 0.02]), goal)
    assert not there.any()


@pytest.fixture(scope="module")
def lifted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """Four episodes of the operator of `lift`, one of them failing on purpose."""
    pytest.importorskip("pybullet")
    out = tmp_path_factory.mktemp("lifted") / "lift"
    done = run(
        demonstrate, "lift", "--out", str(out), "--episodes", "4", "--failures", "0.25",
        "--noise-std", "0.05", "--json",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    return out, json.loads(done.stdout)


def test_the_operator_of_a_task_shows_it_and_fails_when_it_is_told_to(
    lifted: tuple[Path, dict[str, Any]],
) -> None:
    path, facts = lifted
    assert (facts["n"], facts["failures_asked"], facts["success_rate"]) == (4, 1, 0.75)
    contract = load_contract("panda", "lift")
    found = read_demonstrations(path, task_spaces(contract), contract.sha256)
    ends = sorted((episode[-1].success, episode[-1].reward) for episode in found.episodes)
    assert ends == [(False, 0.0)] + 3 * [(True, 1.0)]
    assert all(episode[-1].terminated for episode in found.episodes if episode[-1].success)


def test_the_same_seed_shows_the_same(lifted: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    done = run(
        demonstrate, "lift", "--out", str(tmp_path / "again"), "--episodes", "4", "--failures",
        "0.25", "--noise-std", "0.05",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert (tmp_path / "again").read_bytes() == lifted[0].read_bytes()


@pytest.mark.parametrize("algorithm", ["rlpd", "ddpgfd", "bc", "dagger"])
def test_a_task_is_learned_from_what_was_shown_of_it(
    lifted: tuple[Path, dict[str, Any]], tmp_path: Path, algorithm: str
) -> None:
    if algorithm in ("bc", "dagger"):
        small = ("hidden_sizes=[8]", "epochs=2")
    else:
        small = ("hidden_sizes=[8]", "pretraining_updates=3", "updates_per_step=0.1")
    chosen = [word for setting in small for word in ("--set", setting)]
    expert = ("--expert", "scripted") if algorithm == "dagger" else ()
    done = run(
        train, "lift", "--algorithm", algorithm, "--demonstrations", str(lifted[0]), *expert,
        "--out", str(tmp_path / "run"), "--steps", "70", "--evaluation-episodes", "1", "--json",
        *chosen,
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["evaluation"]["n"] == 1


def test_demonstrations_of_another_contract_are_refused(
    lifted: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    done = run(
        train, "lift", "--robot", "fr3", "--algorithm", "rlpd", "--demonstrations",
        str(lifted[0]), "--out", str(tmp_path / "run"),
    )  # fmt: skip
    assert done.exit_code == 2 and "was recorded under contract" in done.stderr
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("arguments", [(), ("lift", "--env", "gymnasium:PandaPush-v3")])
def test_a_task_or_an_environment_is_asked_for_and_not_both(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    done = run(demonstrate, *arguments, "--out", str(tmp_path / "shown"))
    assert done.exit_code == 2 and "name a task" in done.stderr


def test_a_task_without_an_operator_is_named_with_those_that_have_one(tmp_path: Path) -> None:
    pytest.importorskip("pybullet")
    done = run(demonstrate, "reach", "--out", str(tmp_path / "shown"))
    assert done.exit_code == 2
    assert "no scripted operator for task reach" in done.stderr
    assert "lift, push, insertion" in done.stderr
