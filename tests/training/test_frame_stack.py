"""`train --frame-stack N`: memory for what one observation does not tell."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from robot_learning.commands.evaluate import evaluate
from robot_learning.commands.train import train
from robot_learning.training.policy_file import read_policy

ECHO = ("--env", "gymnasium:robot_learning_tests/Echo-v0", "--import", "echo")
POINT_MASS = ("--env", "gymnasium:robot_learning_tests/PointMass-v0", "--import", "point_mass")


def run(command: Any, *arguments: str) -> Result:
    app = typer.Typer()
    app.command()(command)
    return CliRunner().invoke(app, list(arguments))


def test_what_was_shown_before_is_learned_from_and_evaluated_alike(tmp_path: Path) -> None:
    out = str(tmp_path)
    settings = ("gamma=0", "hidden_sizes=[32,32]", "warmup_steps=100", "batch_size=64")
    small = [word for setting in settings for word in ("--set", setting)]
    arguments = (*ECHO, *small, "--frame-stack", "2", "--out", out)
    done = run(train, *arguments, "--steps", "400", "--evaluation-episodes", "0")
    assert done.exit_code == 0, done.output
    policy = read_policy(tmp_path)
    assert (policy.frame_stack, policy.policy.observation_size) == (2, 2)

    facts = run(evaluate, out, "--import", "echo", "--episodes", "10", "--json")
    assert facts.exit_code == 0, facts.output
    assert json.loads(facts.stdout)["mean_return"] > -4.0  # -9 without memory

    other = run(train, *ECHO, *small, "--out", out, "--steps", "800", "--resume")
    assert other.exit_code == 2 and "frame_stack: 2 then, None now" in other.stderr


def test_environments_side_by_side_are_stacked_too(tmp_path: Path) -> None:
    small = ("--set", "environments=2", "--set", "rollout_steps=8", "--set", "hidden_sizes=[8]")
    arguments = (*ECHO, "--algorithm", "a2c", *small, "--frame-stack", "3", "--out", str(tmp_path))
    done = run(train, *arguments, "--steps", "32", "--evaluation-episodes", "1")
    assert done.exit_code == 0, done.output
    assert read_policy(tmp_path).policy.observation_size == 3


def test_a_policy_file_from_before_there_were_stacks_is_read(tmp_path: Path) -> None:
    small = ("--set", "warmup_steps=100", "--evaluation-episodes", "0")
    assert run(train, *ECHO, *small, "--steps", "10", "--out", str(tmp_path)).exit_code == 0
    path = tmp_path / "policy.json"
    description = json.loads(path.read_text())
    assert description.pop("frame_stack") == 1
    path.write_text(json.dumps(description))
    assert read_policy(tmp_path).frame_stack == 1


@pytest.mark.parametrize(
    ("what", "message"),
    [
        (POINT_MASS, "has observations that cannot be stacked"),
        (("reach",), "what a task's policy sees is in its contract"),
    ],
)
def test_what_cannot_be_stacked_is_refused_in_one_line(
    tmp_path: Path, what: tuple[str, ...], message: str
) -> None:
    done = run(train, *what, "--frame-stack", "2", "--out", str(tmp_path / "run"))
    assert done.exit_code == 2 and message in done.stderr
    assert done.stderr.count("\n") == 1 and not (tmp_path / "run").exists()
