"""What is said of the model of a run: in its metrics, its folder, and by the verb."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
import typer
from typer.testing import CliRunner, Result

from robot_learning.commands.model import model
from robot_learning.commands.train import train
from robot_learning.demonstrations import read_demonstrations
from robot_learning.dynamics import Transitions
from robot_learning.training.model_report import ModelReport, judge_model
from robot_learning.training.policy_file import read_policy

torch.set_num_threads(1)
NET = ("--set", "hidden_sizes=[24,24]", "--set", "batch_size=32")
PETS = (
    *("--env", "gymnasium:robot_learning/CartPole-v0", "--import", "robot_learning.envs"),
    *("--algorithm", "pets", *NET, "--set", "members=3", "--set", "elites=3"),
    *("--set", "population=8", "--set", "rounds=1", "--set", "horizon=6", "--set", "epochs=15"),
    *("--set", "warmup_steps=150", "--set", "update_every_steps=150", "--steps", "320"),
    *("--evaluation-episodes", "0"),
)
MBPO = (
    *("--env", "gymnasium:Pendulum-v1", "--algorithm", "mbpo", *NET, "--steps", "230"),
    *("--set", "warmup_steps=200", "--set", "updates_per_step=2", "--set", "rollouts=50"),
    *("--set", 'model={"members":2,"elites":2,"hidden_sizes":[16],"epochs":4}'),
    *("--set", "refit_every_steps=30", "--evaluation-episodes", "0"),
)
TD3 = ("--env", "gymnasium:Pendulum-v1", *NET, "--steps", "40", "--evaluation-episodes", "0")


def run(command: Any, *arguments: str) -> Result:
    app = typer.Typer()
    app.command()(command)
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def trained(folder: Path, *arguments: str) -> Path:
    done = run(train, *arguments, "--out", str(folder))
    assert done.exit_code == 0, done.output
    return folder


@pytest.fixture(scope="module")
def pets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(tmp_path_factory.mktemp("runs") / "pets", *PETS)


def is_picture(path: Path) -> bool:
    return path.read_bytes().startswith(b"\x89PNG")


def test_a_run_has_the_models_figures_beside_its_returns_and_a_picture(pets: Path) -> None:
    rows = [json.loads(line) for line in (pets / "metrics.jsonl").read_text().splitlines()]
    judged = [row for row in rows if "model_error" in row]
    assert judged and all(row["return"] is not None for row in judged)
    for name in ("model_error_1", "model_error_at_horizon", "model_honest_horizon"):
        assert judged[-1][name] >= 0.0
    assert 0.0 <= judged[-1]["model_coverage_0.95"] <= 1.0
    assert is_picture(pets / "model.png")


def test_the_verb_judges_on_the_episodes_that_no_fit_saw(pets: Path) -> None:
    report = judge_model(pets)
    spaces_of = read_policy(pets).policy
    data = _all_steps(pets)
    held = data.split(0.15)[1]
    assert report.held_out and report.transitions == len(held) < len(data)
    assert report.episodes == len(held.episodes.unique()) >= 1
    assert report.ahead == ("horizon", 6) and report.honesty.horizons[-1] <= 12
    assert spaces_of.action_size == 1 and report.members == 3
    assert report.mismatch and set(report.mismatch[-1]) >= {"steps", "return", "model_error"}


def test_the_verb_prints_a_table_or_one_json_object_and_draws(pets: Path, tmp_path: Path) -> None:
    picture = tmp_path / "there.png"
    done = run(model, str(pets), "--json", "--picture", str(picture), "--horizon", "4")
    assert done.exit_code == 0, done.output
    facts = json.loads(done.stdout)
    assert facts["horizons"] == [1, 2, 3, 4] and facts["picture"] == str(picture)
    assert len(facts["error"]) == len(facts["error_of_no_change"]) == len(facts["starts"]) == 4
    assert facts["looks_ahead"] == 6 and set(facts["coverage"]) >= {"0.5", "0.8", "0.95"}
    assert is_picture(picture)
    shown = run(model, str(pets), "--picture", str(picture))
    assert shown.exit_code == 0 and "honest for" in shown.stdout
    assert "saying nothing changes" in shown.stdout


def test_a_policy_folder_alone_is_judged_on_episodes_that_are_given(
    pets: Path, tmp_path: Path
) -> None:
    for name in ("policy.json", "policy.safetensors"):
        shutil.copy(pets / name, tmp_path)
    refused = run(model, str(tmp_path))
    assert refused.exit_code == 2 and "give --episodes FILE" in refused.stderr
    steps = pets / "checkpoint" / "steps.journal"
    done = run(model, str(tmp_path), "--episodes", str(steps), "--json")
    assert done.exit_code == 0, done.output
    facts = json.loads(done.stdout)
    assert facts["transitions"] == 320 and facts["held_out"] is False
    assert facts["objective_mismatch"] == []


def test_a_horizon_beyond_the_honest_range_is_a_warning_of_the_run_and_the_verb(
    pets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("robot_learning.dynamics.honesty.ERROR_MAX", 1e-6)
    monkeypatch.setattr(
        "robot_learning.dynamics.honesty.Honesty.honest_horizon.__defaults__", (1e-6,)
    )
    done = run(model, str(pets), "--picture", str(tmp_path / "model.png"))
    assert done.exit_code == 0 and "warning: horizon is 6, the model is honest for 0" in done.stdout
    again = run(train, *PETS, "--out", str(tmp_path / "run"))
    assert again.exit_code == 0, again.output
    assert "horizon is 6, the model is honest for 0 of these steps" in again.stderr
    status = json.loads((tmp_path / "run" / "status.json").read_text())
    assert "lower horizon or gather more" in status["message"]


def test_mbpo_has_its_model_in_the_checkpoint(tmp_path: Path) -> None:
    out = trained(tmp_path / "mbpo", *MBPO)
    assert is_picture(out / "model.png")
    report: ModelReport = judge_model(out)
    assert report.ahead == ("rollout_steps", 1) and report.members == 2
    assert report.transitions == 30  # of the second episode, which was cut after so many
    shutil.rmtree(out / "checkpoint")
    done = run(model, str(out), "--episodes", str(tmp_path / "none"))
    assert done.exit_code == 2


def test_a_run_without_a_model_is_refused_and_draws_none(tmp_path: Path) -> None:
    out = trained(tmp_path / "td3", *TD3)
    assert not (out / "model.png").exists()
    done = run(model, str(out))
    assert done.exit_code == 2 and "td3 learns no model of the dynamics" in done.stderr
    assert "pets" in done.stderr and done.stderr.count("\n") == 1


def test_a_run_too_short_for_a_model_is_refused_or_says_so(tmp_path: Path) -> None:
    short = ("--steps", "20", "--out", str(tmp_path / "pets"))
    refused = run(train, *PETS[:-4], *short)
    assert refused.exit_code == 2 and "no model before step 150" in refused.stderr

    words = list(MBPO)
    words[words.index("230")] = "20"
    out = trained(tmp_path / "mbpo", *words)  # SAC would have learned by now
    assert not (out / "model.png").exists()
    done = run(model, str(out))
    assert done.exit_code == 1 and "before it was fitted" in done.stderr


def _all_steps(directory: Path) -> Transitions:
    from robot_learning.training.model_report import _spaces, _transitions

    spaces = _spaces(read_policy(directory))
    shown = read_demonstrations(directory / "checkpoint" / "steps.journal", spaces)
    return _transitions(shown, spaces)
