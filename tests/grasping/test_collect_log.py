"""Scripted attempts into a log, by several processes."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from grasp_samples import CONTRACT, WORLD, make_episode

from robot_learning.grasping import collect_log
from robot_learning.grasping.collect_log import CollectError, collect_in_processes, missing_shards
from robot_learning.grasping.log import GraspLog
from robot_learning.training.interrupt import StopRequest


def test_only_what_is_missing_is_made_whoever_makes_it(tmp_path, monkeypatch):
    made: list[int] = []

    def collect(env, grasper, seed):
        made.append(seed)
        return make_episode(seed, size_px=16)

    class NoRobot:
        def close(self):
            pass

    monkeypatch.setattr(collect_log, "collect_episode", collect)
    monkeypatch.setattr(type(WORLD), "open", lambda self, objects: NoRobot())
    log = GraspLog(tmp_path, CONTRACT.sha256)
    assert missing_shards(log, 120) == [0, 1, 2]
    collect_log.collect_part(WORLD, tmp_path, 120, part=1, parts=2)
    assert made == list(range(50, 100)) and missing_shards(log, 120) == [0, 2]
    collect_log.collect_part(WORLD, tmp_path, 120, part=0, parts=1)
    assert made[50:] == [*range(50), *range(100, 120)] and not missing_shards(log, 120)
    assert [episode.seed for episode in log.episodes()] == list(range(120))


def test_a_process_that_fails_ends_the_others_with_one_line(tmp_path):
    log = GraspLog(tmp_path, "a")
    program = "import sys, time; time.sleep(0.2 if sys.argv[-1] == '0/2' else 60); sys.exit(7)"
    command = [sys.executable, "-c", program]
    with pytest.raises(CollectError, match="ended with code 7"):
        collect_in_processes(log, 100, command, 2, lambda missing: None, StopRequest())


def test_from_the_command_line_two_processes_fill_a_log(tmp_path):
    command = [sys.executable, "-m", "robot_learning", "grasp", "collect"]
    words = ["--episodes", "2", "--processes", "2", "--out", str(tmp_path / "log")]
    done = subprocess.run([*command, *words], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert figures["episodes"] == 2 and figures["bytes"] > 10_000
    logged = GraspLog(tmp_path / "log", CONTRACT.sha256).episodes()
    assert [episode.seed for episode in logged] == [0, 1]
