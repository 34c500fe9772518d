"""A grasp policy's file is played over the graph, as it would be on a robot."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from launched import Launched, run_launch

from robot_learning.grasping.policy import policy_of
from robot_learning.grasping.qt_opt import GraspQTOpt
from robot_learning.grasping.settings import GraspHyperParameters
from robot_learning.grasping.world import ContractWorld
from robot_learning.workspace import config_dir

EPISODES = 2

pytestmark = [pytest.mark.graph, pytest.mark.timeout(300)]


def play(tmp_path: Path, policy: Path, task: str = "bin_grasp") -> Launched:
    """How attempts of a policy ended."""
    return run_launch(
        "sim_grasp_play",
        tmp_path / "log_of_nodes",
        {
            "policy": str(policy),
            "task": task,
            "mode": "lockstep",
            "episodes": str(EPISODES),
            "out": str(tmp_path / "played"),
        },
    )


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One that has learned nothing."""
    folder = tmp_path_factory.mktemp("policy")
    hyper = GraspHyperParameters(cem_samples=8, cem_elites=2)
    policy_of(GraspQTOpt(hyper, ContractWorld("panda", "bin_grasp").spaces, 0)).save(folder)
    return folder


def test_so_many_attempts_are_made_and_their_success_is_written(tmp_path: Path, policy: Path):
    launched = play(tmp_path, policy)
    assert launched.code == 0, launched.said
    result = json.loads((tmp_path / "played" / "evaluation.json").read_text())
    assert result["n"] == EPISODES and 0.0 <= result["success_rate"] <= 1.0
    assert f"episode {EPISODES}/{EPISODES}: " in launched.said


def test_a_policy_of_another_task_is_refused_before_anything_moves(tmp_path: Path, policy: Path):
    task = tmp_path / "other.yaml"
    text = (config_dir() / "tasks" / "bin_grasp.yaml").read_text()
    task.write_text(text.replace("count_min: 1", "count_min: 2"))
    launched = play(tmp_path, policy, str(task))
    assert launched.code != 0
    assert "was trained under contract" in launched.said
    assert "give the robot and task" in launched.said
    assert not (tmp_path / "played" / "evaluation.json").exists()
