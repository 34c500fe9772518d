"""What can be given wrong to `robot-learning train`: one clear line, and nothing lost.

Exit code 2 for wrong use, 1 for what failed. Unknown names, keys and values are in test_run.py.
"""

from __future__ import annotations

import errno
import json
import os
import re
import resource
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import faulty
import pytest
import typer
import yaml
from typer.testing import CliRunner, Result

from robot_learning import files
from robot_learning.commands.evaluate import evaluate
from robot_learning.commands.train import train
from robot_learning.contract import load_contract
from robot_learning.demonstrations.record import record_demonstrations
from robot_learning.replay import StepError, read_steps
from robot_learning.training import run as run_module
from robot_learning.training.checkpoint import load_checkpoint
from robot_learning.training.environments import EnvironmentFailedError, make_environment
from robot_learning.training.run_directory import RunDirectory, RunDirectoryError

FAULTY = ("--env", "gymnasium:robot_learning_tests/Faulty-v0", "--import", "faulty")


def options(*settings: str) -> tuple[str, ...]:
    return tuple(word for setting in settings for word in ("--set", setting))


LOOPS = {
    "td3": options("hidden_sizes=[8]", "batch_size=8", "warmup_steps=20"),
    "a2c": options("hidden_sizes=[8]", "environments=2", "rollout_steps=5"),
    "bc": (*options("hidden_sizes=[8]", "epochs=2"), "--expert", "faulty:Expert"),
}
"""A method of each loop, as small as it goes."""


def run(command: Any, *arguments: str) -> Result:
    app = typer.Typer()
    app.command()(command)
    return CliRunner().invoke(app, list(arguments))


def last_line(done: Result) -> str:
    """What was said at the end: one line, and no traceback."""
    assert "Traceback" not in done.stderr
    line = done.stderr.splitlines()[-1]
    assert line.startswith("robot-learning: "), done.output
    return line


@pytest.mark.parametrize("algorithm", LOOPS)
@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("observation", "not finite|is nan"),
        ("first observation", "not finite|is nan"),
        ("reward", "reward is nan"),
        ("step", r"failed in step 2 of episode \d+: RuntimeError: the cable is out; .* --resume"),
        ("reset", r"failed in the reset of episode 3: RuntimeError: the cable is out; .* --resume"),
    ],
)
def test_a_run_on_a_faulty_environment_ends_with_one_line_and_goes_on_when_it_is_mended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, algorithm: str, wrong: str, message: str
) -> None:
    monkeypatch.setattr(run_module, "CHECKPOINT_EVERY_S", 0.0)
    monkeypatch.setattr(faulty, "WRONG", wrong)
    method = ("--algorithm", algorithm, *LOOPS[algorithm], "--evaluation-episodes", "0")
    arguments = (*FAULTY, *method, "--out", str(tmp_path), "--steps", "50", "--json")
    done = run(train, *arguments)
    assert done.exit_code == 1, done.output
    line = last_line(done)
    assert re.search(message, line), line
    assert "mend" in line
    found = load_checkpoint(tmp_path / "checkpoint")
    assert found is not None

    monkeypatch.setattr(faulty, "WRONG", "")
    went_on = run(train, *arguments, "--resume")
    assert went_on.exit_code == 0, went_on.output
    assert json.loads(went_on.stdout)["steps"] == 50


@pytest.mark.parametrize("wrong", ["observation", "first observation", "reward", "step"])
def test_an_environment_that_fails_in_the_evaluation_is_not_judged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: str
) -> None:
    arguments = (*FAULTY, *LOOPS["td3"], "--out", str(tmp_path))
    assert run(train, *arguments, "--steps", "10", "--evaluation-episodes", "0").exit_code == 0
    monkeypatch.setattr(faulty, "WRONG", wrong)
    done = run(evaluate, str(tmp_path), "--import", "faulty", "--json")
    assert done.exit_code == 1 and done.stdout == ""
    assert "mend" in last_line(done)
    done = run(train, *arguments, "--steps", "10", "--resume")
    assert done.exit_code == 1, done.output
    assert "mend" in last_line(done)


@pytest.mark.parametrize("wrong", ["observation", "step"])
def test_demonstrations_that_were_not_finished_are_no_file_and_can_be_begun_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: str
) -> None:
    path = tmp_path / "shown.steps"

    def record() -> None:
        environment = make_environment(FAULTY[1], FAULTY[3])
        record_demonstrations(environment, faulty.Expert(), path, episodes=5, seed=0)

    monkeypatch.setattr(faulty, "WRONG", wrong)
    with pytest.raises((StepError, EnvironmentFailedError), match="mend"):
        record()
    assert not path.exists()
    monkeypatch.setattr(faulty, "WRONG", "")
    record()
    assert len(list(read_steps(path))) == 5 * faulty.EPISODE_STEPS
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ("1 / 0", "--import broken_module failed: ZeroDivisionError"),
        ("import nothing_of_this_name", "--import broken_module: No module named"),
        (
            "import gymnasium\n"
            "def make():\n    raise OSError('no camera')\n"
            "gymnasium.register('Broken-v1', make)",
            "Broken-v1 failed while it was made: OSError: no camera",
        ),
    ],
)
def test_what_cannot_even_be_made_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str, message: str
) -> None:
    (tmp_path / "broken_module.py").write_text(program)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "broken_module", raising=False)
    out = tmp_path / "run"
    environment = ("--env", "gymnasium:Broken-v1", "--import", "broken_module")
    done = run(train, *environment, "--out", str(out))
    assert done.exit_code in (1, 2) and message in last_line(done)
    assert done.stderr.count("\n") == 1 and not out.exists()


@pytest.mark.parametrize(
    ("algorithm", "environment", "message"),
    [
        ("dqn", "Pendulum-v1", "dqn is for discrete actions, Pendulum-v1 has continuous ones"),
        ("sac", "CartPole-v1", "sac is for continuous actions, CartPole-v1 has discrete ones"),
        ("q_learning", "CartPole-v1", "q_learning keeps a table of states, CartPole-v1"),
    ],
)
def test_a_method_for_another_kind_of_space_is_refused_with_those_that_fit(
    tmp_path: Path, algorithm: str, environment: str, message: str
) -> None:
    out = tmp_path / "run"
    asked = ("--env", f"gymnasium:{environment}", "--algorithm", algorithm, "--out", str(out))
    done = run(train, *asked)
    assert done.exit_code == 2 and message in last_line(done)
    fitting = done.stderr.partition("use one of: ")[2].split(", ")
    assert "ppo" in fitting and algorithm not in fitting
    assert done.stderr.count("\n") == 1 and not out.exists()


@pytest.mark.parametrize(
    ("algorithm", "key"), [("td3", "gamma"), ("a2c", "gamma"), ("bc", "learning_rate")]
)
def test_a_run_is_not_resumed_with_other_hyper_parameters_and_keeps_its_own(
    tmp_path: Path, algorithm: str, key: str
) -> None:
    method = ("--algorithm", algorithm, *LOOPS[algorithm], "--evaluation-episodes", "0")
    arguments = (*FAULTY, *method, "--out", str(tmp_path))
    assert run(train, *arguments, "--steps", "20").exit_code == 0
    config = (tmp_path / "config.yaml").read_bytes()
    done = run(train, *arguments, "--steps", "40", "--resume", *options(f"{key}=0.5"))
    assert done.exit_code == 2
    assert re.search(rf"hyper.{key}: .* then, 0.5 now; resume with the same", last_line(done))
    assert (tmp_path / "config.yaml").read_bytes() == config
    assert run(train, *arguments, "--steps", "40", "--resume").exit_code == 0
    assert yaml.safe_load((tmp_path / "config.yaml").read_text())["steps"] == 40


def test_a_run_is_not_resumed_under_another_contract_and_the_keys_are_named(
    tmp_path: Path,
) -> None:
    begun = load_contract("panda", "reach")
    task = begun.task.model_copy(update={"episode_steps": 7})
    now = begun.model_copy(update={"task": task})

    def config(contract: Any) -> dict[str, Any]:
        return {"task": "reach", "contract": contract.model_dump(mode="json")}

    directory = RunDirectory(tmp_path)
    directory.begin(config(begun), resume=False)
    directory.begin(config(begun), resume=True)
    message = r"another contract .*task.episode_steps: 7 here, 50 there; resume with the same"
    with pytest.raises(RunDirectoryError, match=message):
        directory.begin(config(now), resume=True)
    (tmp_path / "config.yaml").write_text("- no\n- run")
    with pytest.raises(RunDirectoryError, match=r"config.yaml: is no description of a run"):
        directory.begin(config(begun), resume=True)


@pytest.mark.parametrize("algorithm", LOOPS)
def test_a_disk_that_is_full_while_checkpointing_leaves_the_last_good_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, algorithm: str
) -> None:
    write, indices = files._write, list[bytes]()

    def full_from_the_third(path: Path, data: bytes, durable: bool) -> None:
        if len(indices) == 2:
            path.write_bytes(data[: len(data) // 2])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if "learner.json" in path.name:
            indices.append(data)
        write(path, data, durable)

    monkeypatch.setattr(run_module, "CHECKPOINT_EVERY_S", 0.0)
    method = ("--algorithm", algorithm, *LOOPS[algorithm], "--evaluation-episodes", "0")
    arguments = (*FAULTY, *method, "--out", str(tmp_path), "--steps", "50", "--json")
    with monkeypatch.context() as patch:
        patch.setattr(files, "_write", full_from_the_third)
        done = run(train, *arguments)
    assert done.exit_code == 1, done.output
    assert (
        "the disk is full: free some space and run it again, a training with --resume"
        in last_line(done)
    )
    checkpoint = tmp_path / "checkpoint"
    assert (checkpoint / "learner.json").read_bytes() == indices[-1]
    assert load_checkpoint(checkpoint) is not None
    assert not list(tmp_path.rglob("*.part"))
    went_on = run(train, *arguments, "--resume")
    assert went_on.exit_code == 0, went_on.output
    assert json.loads(went_on.stdout)["steps"] == 50


@pytest.fixture
def file_size_limit() -> Iterator[Callable[[int], None]]:
    """Limits, in bytes, what this process may write into a file, as a full disk would."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_journal_that_cannot_grow_ends_the_run_with_one_line_and_it_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file_size_limit: Callable[[int], None]
) -> None:
    """Of all files the journal of steps is the first to reach the limit."""
    monkeypatch.setattr(run_module, "CHECKPOINT_EVERY_S", 0.0)
    arguments = (*FAULTY, *LOOPS["td3"], "--out", str(tmp_path), "--evaluation-episodes", "0")
    file_size_limit(20_000)
    done = run(train, *arguments, "--steps", "20000")
    assert done.exit_code == 1, done.output
    assert "raise `ulimit -f` and run it again, a training with --resume" in last_line(done)
    found = load_checkpoint(tmp_path / "checkpoint")
    assert found is not None

    file_size_limit(resource.getrlimit(resource.RLIMIT_FSIZE)[1])
    steps = len(list(read_steps(tmp_path / "checkpoint" / "steps.journal")))
    went_on = run(train, *arguments, "--steps", str(steps + 10), "--resume", "--json")
    assert went_on.exit_code == 0, went_on.output
    assert json.loads(went_on.stdout)["steps"] == steps + 10


@pytest.mark.parametrize(
    ("settings", "code", "message"),
    [
        ((), 2, "no formula of what is good here: .* learn it from recorded rewards: --set "),
        (('objective={"name":"learned","depth":2}',), 2, "objective learned: depth"),
        (
            ('objective={"name":"learned"}', "warmup_steps=9", "update_every_steps=9"),
            1,
            "9 transitions are too few to fit a model, 50 are wanted: gather more",
        ),
    ],
    ids=["no objective", "unknown field", "too few steps"],
)
def test_what_a_planner_cannot_plan_with_is_one_line(
    tmp_path: Path, settings: tuple[str, ...], code: int, message: str
) -> None:
    arguments = (*FAULTY, "--algorithm", "pets", *options(*settings), "--out", str(tmp_path))
    done = run(train, *arguments, "--steps", "300", "--evaluation-episodes", "0")
    assert done.exit_code == code, done.output
    assert re.search(message, last_line(done))
