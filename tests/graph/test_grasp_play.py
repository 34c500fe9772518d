"""A grasp policy's file is played over the graph, as it would be on a robot."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from robot_learning.grasping.policy import policy_of
from robot_learning.grasping.qt_opt import GraspQTOpt
from robot_learning.grasping.settings import GraspHyperParameters
from robot_learning.grasping.world import ContractWorld
from robot_learning.launch import LaunchSession
from robot_learning.workspace import graph_environment

LAUNCH = Path(__file__).resolve().parents[2] / "launch" / "sim_grasp_play.launch.xml"
EPISODES, LIMIT_S = 2, 150.0

pytestmark = [pytest.mark.graph, pytest.mark.timeout(300)]


def play(tmp_path: Path, policy: Path, task: str = "bin_grasp") -> tuple[int, str]:
    """The launch's exit status, and what was said."""
    lines: list[str] = []
    session = LaunchSession(
        LAUNCH,
        {
            "policy": str(policy),
            "task": task,
            "mode": "lockstep",
            "episodes": str(EPISODES),
            "out": str(tmp_path / "played"),
        },
        environment=graph_environment(15 + os.getpid() % 4),
        log_dir=tmp_path / "log_of_nodes",
        on_line=lambda label, line: lines.append(f"[{label}] {line}"),
        quiet=True,
    )
    with session:
        session.start()
        end = time.monotonic() + LIMIT_S
        while (status := session.poll(0.1)) is None:
            assert time.monotonic() < end, "not in time:\n" + "\n".join(lines[-60:])
    return status, "\n".join(lines)


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One that has learned nothing."""
    folder = tmp_path_factory.mktemp("policy")
    hyper = GraspHyperParameters(cem_samples=8, cem_elites=2)
    policy_of(GraspQTOpt(hyper, ContractWorld("panda", "bin_grasp").spaces, 0)).save(folder)
    return folder


def test_so_many_attempts_are_made_and_their_success_is_written(tmp_path: Path, policy: Path):
    status, said = play(tmp_path, policy)
    assert status == 0, said
    result = json.loads((tmp_path / "played" / "evaluation.json").read_text())
    assert result["n"] == EPISODES and 0.0 <= result["success_rate"] <= 1.0
    assert f"episode {EPISODES}/{EPISODES}: " in said


def test_a_policy_of_another_task_is_refused_before_anything_moves(tmp_path: Path, policy: Path):
    task = tmp_path / "other.yaml"
    text = (LAUNCH.parents[1] / "config" / "tasks" / "bin_grasp.yaml").read_text()
    task.write_text(text.replace("count_min: 1", "count_min: 2"))
    status, said = play(tmp_path, policy, str(task))
    assert status != 0
    assert "was trained under contract" in said and "give the robot and task" in said
    assert not (tmp_path / "played" / "evaluation.json").exists()
