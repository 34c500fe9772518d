"""A training run in its folder: who acts when, what is kept, going on after a stop."""

from __future__ import annotations

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from grasp_samples import CONTRACT, WORLD, make_episode
from typer.testing import CliRunner

from robot_learning.cli import app
from robot_learning.contract import load_contract
from robot_learning.grasping import run as run_module
from robot_learning.grasping.log import GraspLog
from robot_learning.grasping.policy import read_grasp_policy
from robot_learning.grasping.run import (
    SHARD_EPISODES,
    GraspPlan,
    GraspRun,
)
from robot_learning.grasping.settings import GraspHyperParameters
from robot_learning.grasping.workers import LocalLabeller
from robot_learning.training.checkpoint import CheckpointError, load_checkpoint
from robot_learning.training.interrupt import Interrupted, StopRequest
from robot_learning.training.run_directory import RunDirectory

HYPER = GraspHyperParameters(
    cem_samples=4, cem_elites=2, batch_size=8, labels_per_step=1.0, updates_per_step=0.1
)
QUICK = ("--set", "cem_samples=4", "--set", "cem_elites=2", "--set", "batch_size=8")


class MadeUp:
    """Collects episodes that nobody acted in; remembers what it was asked for."""

    capacity = 1

    def __init__(self, policy_success: float = 1.0) -> None:
        self.asked: list[tuple[int, bool]] = []
        self.policies = 0
        self._success = policy_success
        self._open: list[tuple[int, bool]] = []

    def take_policy(self, policy):
        self.policies += 1

    def ask(self, seed, by_policy):
        self.asked.append((seed, by_policy))
        self._open.append((seed, by_policy))

    def finished(self, wait_s):
        if not wait_s:
            return []
        requests, self._open = self._open, []
        episodes = []
        for seed, by_policy in requests:
            rate = self._success if by_policy else 0.3
            success = bool(np.random.default_rng(seed).random() < rate)
            source = "noisy" if by_policy else "scripted"
            made = make_episode(seed, steps=4, terminated=success)
            episodes.append(replace(made, success=success, source=source))
        return episodes

    def close(self):
        pass


class StopAfter(StopRequest):
    """Asks to end after so many looks."""

    def __init__(self, looks: int) -> None:
        super().__init__()
        self._left = looks

    def raise_if_requested(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise Interrupted


def begin(path, plan, *, resume=False, offline=(), hyper=HYPER):
    directory = RunDirectory(path)
    directory.begin({"seed": plan.seed}, resume=resume)
    return GraspRun(WORLD, hyper, plan, directory, offline=offline, resume=resume)


def run(path, plan, collectors, stop=None, **options):
    made = begin(path, plan, **options)
    try:
        made.run(collectors, LocalLabeller(), lambda status, now: None, stop or StopRequest())
    finally:
        made.learner.close()
    return made


def test_a_few_updates_for_logs_come_before_the_first_episode_and_the_others_beside_all_of_them(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(run_module, "FIRST_UPDATES", 5)
    monkeypatch.setattr(run_module, "BEHIND_UPDATES_MAX", 0)
    logged = [make_episode(k, steps=4) for k in range(100)]  # 40 updates
    GraspLog(tmp_path / "log", CONTRACT.sha256).write(logged)
    updates: list[int] = []

    class Watched(MadeUp):
        def ask(self, seed, by_policy):
            updates.append(made.learner.counts.updates)
            super().ask(seed, by_policy)

    plan = GraspPlan(episodes=20, scripted_episodes=20)  # 8 more updates
    hyper = HYPER.model_copy(update={"labels_per_step": 8.0})
    made = begin(tmp_path / "run", plan, offline=[tmp_path / "log"], hyper=hyper)
    made.run(Watched(), LocalLabeller(), lambda status, now: None, StopRequest())
    made.learner.close()
    assert updates[0] == 5
    np.testing.assert_allclose(updates, np.linspace(5, 46, 20), atol=4.0)
    assert made.learner.counts.updates == 48


@pytest.mark.parametrize(("success", "share"), [(1.0, 0.95), (0.0, 0.75)])
def test_first_the_script_then_the_policy_and_more_of_it_once_it_is_better(
    tmp_path, success, share
):
    collectors = MadeUp(success)
    run(tmp_path / "run", GraspPlan(episodes=260, scripted_episodes=60), collectors)
    assert [seed for seed, _ in collectors.asked] == list(range(260))
    assert not any(by_policy for _, by_policy in collectors.asked[:60])
    by_policy = np.mean([by_policy for _, by_policy in collectors.asked[70:]])
    assert by_policy == pytest.approx(share, abs=0.1)
    assert collectors.policies == 1 + -(-260 // SHARD_EPISODES)


def test_nobody_is_asked_to_act_before_logs_are_learned_from(tmp_path, monkeypatch):
    """Or else many of the episodes would be those of a policy that has learned nothing yet."""
    monkeypatch.setattr(run_module, "BEHIND_UPDATES_MAX", 20)
    GraspLog(tmp_path / "log", CONTRACT.sha256).write([make_episode(k, steps=4) for k in range(50)])
    updates: list[int] = []

    class Impatient(MadeUp):
        capacity = 3

        def ask(self, seed, by_policy):
            updates.append(made.learner.counts.updates)
            super().ask(seed, by_policy)

        def finished(self, wait_s):
            return super().finished(1.0)  # robots elsewhere go on while the learner learns

    hyper = HYPER.model_copy(update={"updates_per_step": 0.5})
    plan = GraspPlan(episodes=6, scripted_episodes=0)
    made = begin(tmp_path / "run", plan, offline=[tmp_path / "log"], hyper=hyper)
    made.run(Impatient(), LocalLabeller(), lambda status, now: None, StopRequest())
    made.learner.close()
    assert len(updates) == 6 and min(updates) >= 50 * 4 * 0.5 - 20


def test_a_learner_without_labels_does_not_stop_the_collecting(tmp_path):
    hyper = HYPER.model_copy(update={"updates_per_step": 100.0, "labels_per_step": 0.0})
    made = run(tmp_path / "run", GraspPlan(20, 20), MadeUp(), hyper=hyper)
    assert made.collected == 20 and made.learner.counts.updates == 0


def test_it_leaves_log_policy_and_figures(tmp_path):
    made = run(tmp_path / "run", GraspPlan(episodes=60, scripted_episodes=60), MadeUp())
    logged = list(GraspLog(tmp_path / "run" / "log", CONTRACT.sha256).episodes())
    assert [episode.seed for episode in logged] == list(range(60))
    assert read_grasp_policy(tmp_path / "run").spaces == WORLD.spaces
    rows = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").open()]
    assert [row["episodes"] for row in rows] == [50, 60] and rows[-1]["steps"] == 240
    assert rows[-1]["updates"] == made.learner.counts.updates == 24


def test_a_stopped_run_goes_on_as_if_it_had_not_been(tmp_path):
    plan = GraspPlan(episodes=75, scripted_episodes=20)
    run(tmp_path / "whole", plan, MadeUp())
    with pytest.raises(Interrupted):
        run(tmp_path / "run", plan, MadeUp(), StopAfter(30))
    collectors = MadeUp()
    run(tmp_path / "run", plan, collectors, resume=True)
    assert collectors.asked[0][0] == 31
    logs = [
        [(e.seed, e.source) for e in GraspLog(tmp_path / name / "log", CONTRACT.sha256).episodes()]
        for name in ("whole", "run")
    ]
    assert logs[0] == logs[1]
    (one, _), (other, _) = (load_checkpoint(tmp_path / n / "checkpoint") for n in ("whole", "run"))
    assert all(torch.equal(one[key], other[key]) for key in one)


def test_a_run_with_other_settings_is_not_gone_on_with(tmp_path):
    run(tmp_path / "run", GraspPlan(episodes=10, scripted_episodes=10), MadeUp())
    changed = HYPER.model_copy(update={"gamma": 0.8})
    with pytest.raises(CheckpointError, match="other settings: hyper_parameters"):
        begin(tmp_path / "run", GraspPlan(10, 10), resume=True, hyper=changed)


def test_it_learns_from_logs_alone_and_leaves_damaged_shards_out(tmp_path):
    log = GraspLog(tmp_path / "log", CONTRACT.sha256)
    paths = [log.write([make_episode(10 * n + k) for k in range(10)]) for n in range(4)]
    paths[2].write_bytes(b"torn")
    offline = [tmp_path / "log"]
    made = run(tmp_path / "run", GraspPlan(0, 0), MadeUp(), offline=offline)
    assert made.learner.counts.episodes == 30 and made.learner.counts.updates == 12
    assert made.collected == 0 and len(made.warnings) == 1 and str(paths[2]) in made.warnings[0]


def test_from_the_command_line_a_simulated_arm_collects_learns_and_is_judged(tmp_path):
    out, command = str(tmp_path / "run"), CliRunner()
    words = ["grasp", "train", "--episodes", "3", "--scripted-episodes", "2", "--out", out, *QUICK]
    assert command.invoke(app, words).exit_code == 0
    pictures = tmp_path / "pictures"
    words_too = ["--pictures", str(pictures), "--videos", "1"]
    judged = command.invoke(
        app, ["grasp", "evaluate", out, "--episodes", "2", "--json", *words_too]
    )
    figures = json.loads(judged.stdout.splitlines()[-1])
    assert judged.exit_code == 0 and figures["n"] == 2 and 0.0 <= figures["success_rate"] <= 1.0
    films = [cv2.VideoCapture(str(path)) for path in pictures.glob("*.mp4")]
    assert len(films) == (1 if figures["success_rate"] in (0.0, 1.0) else 2)
    assert all(film.get(cv2.CAP_PROP_FPS) == 10.0 and film.read()[0] for film in films)
    assert cv2.imread(str(pictures / "failures.png")).shape[1] == 8 * 128
    assert cv2.imread(str(pictures / "objects.png")) is not None
    again = command.invoke(app, words)
    assert again.exit_code == 2 and "already holds a run" in again.output
    wrong = command.invoke(app, ["grasp", "evaluate", out, "--robot", "iiwa7"])
    assert wrong.exit_code == 2 and "was trained under contract" in wrong.output
    other = load_contract("iiwa7", "bin_grasp")
    GraspLog(tmp_path / "other", other.sha256).write([make_episode(0)])
    words = ["grasp", "train", "--episodes", "0", "--offline", str(tmp_path / "other")]
    refused = command.invoke(app, [*words, "--out", str(tmp_path / "b")])
    assert refused.exit_code == 2 and "was collected under contract" in refused.output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["train", "--episodes", "0"], "give --offline FOLDER"),
        (["train", "--resume"], "--resume needs --out"),
        (["train", "--set", "gama=0.9"], "did you mean gamma?"),
        (["train", "--set", "gamma=2"], "gamma: "),
        (["train", "--set", "network=large"], "images of 32 px are too small for this network"),
        (["train", "--task", "reach"], "grasping needs one of bin_grasp"),
        (["evaluate", "nowhere"], "holds no grasp_policy.safetensors"),
        (["evaluate", "scripted", "--objects", "all"], "known are train and unseen"),
    ],
)
def test_wrong_use_is_one_line_and_exit_code_2(tmp_path, monkeypatch, words, said):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["grasp", *words])
    assert done.exit_code == 2 and said in done.output
    assert len([line for line in done.output.splitlines() if "robot-learning" in line]) == 1
