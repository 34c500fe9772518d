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
from robot_learning.demonstrations import read_demonstrations
from robot_learning.demonstrations.scripted import PushExpert, scripted_expert

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
