"""The commands end to end, as a person runs them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from typer.testing import CliRunner, Result

from robot_learning.commands.evaluate import evaluate
from robot_learning.commands.train import train

HERE = Path(__file__).parent
POINT_MASS = ("--env", "gymnasium:robot_learning_tests/PointMass-v0", "--import", "point_mass")
SMALL = (
    *("--set", "hidden_sizes=[16,16]", "--set", "batch_size=16", "--set", "warmup_steps=40"),
    *("--evaluation-episodes", "5"),
)


def run(command: Any, *arguments: str) -> Result:
    app = typer.Typer()
    app.command()(command)
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_a_run_leaves_everything_in_its_folder(tmp_path: Path) -> None:
    out = tmp_path / "run"
    done = run(train, *POINT_MASS, *SMALL, "--steps", "300", "--out", str(out), "--json")
    assert done.exit_code == 0, done.output
    report = json.loads(done.stdout)
    assert (report["steps"], report["episodes"], report["updates"]) == (300, 15, 260)
    assert report["evaluation"]["n"] == 5
    assert report["policy_version"] == 260 and report["contract"] is None

    config = yaml.safe_load((out / "config.yaml").read_text())
    assert config["hyper_parameters"]["batch_size"] == 16
    assert (config["steps"], config["seed"], config["algorithm"]) == (300, 0, "td3")
    rows = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    assert [row["steps"] for row in rows] == list(range(20, 301, 20))
    assert rows[-1]["critic_loss"] is not None and 0 <= rows[-1]["success_rate"] <= 1
    events = EventAccumulator(str(out / "tensorboard"))
    events.Reload()
    assert [event.step for event in events.Scalars("return")] == [row["steps"] for row in rows]
    assert (out / "learning_curve.png").read_bytes().startswith(b"\x89PNG")
    status = json.loads((out / "status.json").read_text())
    assert (status["phase"], status["steps"], status["evaluation_episodes"]) == ("done", 300, 5)
    described = json.loads((out / "policy.json").read_text())
    assert described["metrics"]["evaluation"] == report["evaluation"]
    assert described["environment"] == POINT_MASS[1]

    again = run(evaluate, str(out), "--import", "point_mass", "--episodes", "7", "--json")
    assert again.exit_code == 0, again.output
    facts = json.loads(again.stdout)
    assert list(facts) == [
        "n", "mean_return", "std_return", "success_rate", "wilson95", "contract",
        "policy_version", "decision_ms",
    ]  # fmt: skip
    assert 0.0 < facts["decision_ms"]["median"] <= facts["decision_ms"]["p99"]
    assert (facts["n"], facts["policy_version"], facts["contract"]) == (7, 260, None)
    low, high = facts["wilson95"]
    assert low <= facts["success_rate"] <= high


def test_what_an_environment_prints_even_from_c_is_not_on_standard_output(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "loud_mass.py").write_text(
        "import ctypes, gymnasium\nfrom point_mass import PointMass\n"
        "def make():\n    ctypes.CDLL(None).puts(b'argv[0]=noise')\n    print('hello')\n"
        "    return PointMass()\n"
        "gymnasium.register('Loud-v0', make)\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    out = str(tmp_path / "run")
    loud = ("--env", "gymnasium:Loud-v0", "--import", "loud_mass", "--json")
    for command, more in ((train, (*SMALL, "--steps", "20", "--out", out)), (evaluate, (out,))):
        done = run(command, *loud, *more)
        assert done.exit_code == 0, done.output
        assert isinstance(json.loads(done.stdout), dict) and "hello" in done.stderr
        captured = capfd.readouterr()
        assert "noise" in captured.err and captured.out == ""


def test_a_report_for_people_has_sample_sizes_and_the_next_command(tmp_path: Path) -> None:
    out = tmp_path / "run"
    done = run(train, *POINT_MASS, *SMALL, "--steps", "100", "--out", str(out))
    assert done.exit_code == 0, done.output
    assert "n = 5" in done.stdout and "95 %" in done.stdout
    assert f"next: robot-learning evaluate {out} --import point_mass" in done.stdout


def test_a_folder_is_neither_overwritten_nor_resumed_by_accident(tmp_path: Path) -> None:
    out = str(tmp_path / "run")
    arguments = (*POINT_MASS, *SMALL, "--out", out)
    assert run(train, *arguments, "--steps", "60", "--resume").exit_code == 2
    assert run(train, *arguments, "--steps", "60").exit_code == 0
    refused = run(train, *arguments, "--steps", "60")
    assert refused.exit_code == 2 and "add --resume" in refused.stderr
    other = run(train, *arguments, "--steps", "90", "--resume", "--set", "gamma=0.9")
    assert other.exit_code == 2 and "hyper.gamma: 0.95 then, 0.9 now" in other.stderr
    went_on = run(train, *arguments, "--steps", "90", "--resume", "--json")
    assert went_on.exit_code == 0, went_on.output
    assert json.loads(went_on.stdout)["steps"] == 90


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "name a task"),
        (("reach", "--env", "gymnasium:Pendulum-v1"), "one of the two"),
        ((*POINT_MASS, "--set", "gama=0.9"), "did you mean gamma?"),
        ((*POINT_MASS, "--set", "gamma=2"), "gamma: Input should be less than 1, found 2"),
        ((*POINT_MASS, "--set", "gamma"), "expected key=value"),
        ((*POINT_MASS, "--set", "batch_size=2000000"), "above replay_capacity"),
        ((*POINT_MASS, "--algorithm", "td33"), "did you mean td3?"),
        (("--env", "gymnasium:Pendulm-v1"), "did you mean gymnasium:Pendulum-v1?"),
        (
            ("--env", "gymnasium:CartPole-v1"),
            "td3 is for continuous actions, CartPole-v1",
        ),
        (("reech",), "did you mean reach?"),
        ((*POINT_MASS, "--resume"), "--resume needs --out"),
    ],
)
def test_wrong_use_is_one_clear_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    done = run(train, *arguments)
    assert done.exit_code == 2
    assert message in done.stderr and done.stderr.count("\n") == 1, done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_policy_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    done = run(evaluate, str(tmp_path))
    assert done.exit_code == 2 and "policy.json: cannot be read" in done.stderr


def test_a_policy_is_not_evaluated_on_an_environment_of_other_sizes(tmp_path: Path) -> None:
    out = str(tmp_path / "run")
    assert run(train, *POINT_MASS, *SMALL, "--steps", "50", "--out", out).exit_code == 0
    done = run(evaluate, out, "--env", "gymnasium:Pendulum-v1")
    assert done.exit_code == 2 and "sizes (2, 2, 2)" in done.stderr


def test_an_environment_that_gives_nan_ends_with_one_line(tmp_path: Path) -> None:
    (tmp_path / "broken_mass.py").write_text(
        "import gymnasium\nfrom point_mass import PointMass\n"
        "gymnasium.register('Broken-v0', lambda: PointMass(fail_at=30))\n"
    )
    sys.path.insert(0, str(tmp_path))
    try:
        done = run(
            train, "--env", "gymnasium:Broken-v0", "--import", "broken_mass", *SMALL,
            "--out", str(tmp_path / "run"),
        )  # fmt: skip
    finally:
        sys.path.remove(str(tmp_path))
    assert done.exit_code == 1
    assert "step 29 of in-process: reward is nan" in done.stderr.splitlines()[-1]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_leaves_a_checkpoint_and_can_go_on(
    tmp_path: Path, number: signal.Signals
) -> None:
    out = tmp_path / "run"
    arguments = [*POINT_MASS, *SMALL, "--out", str(out), "--json"]
    code = (
        "import typer\nfrom robot_learning.commands.train import train\n"
        "app = typer.Typer()\napp.command()(train)\napp()\n"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(HERE), *sys.path])}
    process = subprocess.Popen(
        [sys.executable, "-c", code, *arguments, "--steps", "1000000"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    metrics, deadline = out / "metrics.jsonl", time.monotonic() + 60
    while not (metrics.exists() and metrics.stat().st_size) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 130, stderr
    assert stdout == "" and "stopped; the checkpoint is in" in stderr
    assert "Traceback" not in stderr
    steps = json.loads((out / "policy.json").read_text())["metrics"]["steps"]
    assert steps > 0
    went_on = run(train, *arguments, "--steps", str(steps + 20), "--resume")
    assert went_on.exit_code == 0, went_on.output
    assert json.loads(went_on.stdout)["steps"] == steps + 20
