"""`sim_mbrl` is the ordinary training graph with a method that learns a model."""

from __future__ import annotations

from pathlib import Path

import pytest

from robot_learning.launch.errors import LaunchError
from robot_learning.launch.expand import expand
from robot_learning.workspace import graph_environment

LAUNCH = Path(__file__).resolve().parents[2] / "launch"


def parameters(tmp_path: Path, file: str, **arguments: str) -> dict[str, str]:
    """The parameters' text of every node, by executable."""
    plan = expand(
        LAUNCH / f"{file}.launch.xml",
        arguments,
        environment=graph_environment(0),
        parameters_dir=tmp_path,
    )
    return {
        Path(process.command[0]).name: "".join(process.parameter_files.values())
        for process in plan.processes
    }


def test_it_starts_the_nodes_of_sim_train_and_plans_by_default(tmp_path: Path) -> None:
    told = parameters(tmp_path, "sim_mbrl", task="push")
    assert told.keys() == parameters(tmp_path, "sim_train").keys()
    for node in ("policy", "learner"):
        assert "algorithm: pets" in told[node] and "task: push" in told[node]
    assert "replan_budget_s: 0.0" in told["policy"] and "steps: 4000" in told["learner"]


def test_its_time_for_a_plan_and_its_settings_reach_the_policy(tmp_path: Path) -> None:
    told = parameters(
        tmp_path, "sim_mbrl", algorithm="mbpo", replan_budget_s="0.02", overrides='{"gamma": 0.9}'
    )
    assert "replan_budget_s: 0.02" in told["policy"]
    for node in ("policy", "learner"):
        assert "algorithm: mbpo" in told[node] and '{"gamma": 0.9}' in told[node]


def test_a_method_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LaunchError, match="pets"):
        parameters(tmp_path, "sim_mbrl", algorithm="td3")
