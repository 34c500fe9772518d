"""Any Gymnasium program drives the real node graph, through driver, gate and arbiter."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Graph
from launched import run_launch

from robot_learning.contract import load_contract
from robot_learning.envs import field_slices, make_env

HERE = Path(__file__).parent

pytestmark = [pytest.mark.graph, pytest.mark.timeout(240)]


def played(graph: Graph, tmp_path: Path, script: str, task: str) -> list[dict[str, Any]]:
    """What a program said about its episodes; the graph has ended with it."""
    launched = run_launch(
        "gymnasium",
        tmp_path / "log",
        {"script": str(HERE / script), "task": task, "out": str(tmp_path / "out")},
        graph.environment | {"TASK": task},
    )
    assert launched.code == 0, launched.said
    result = next(line for line in launched.lines if "RESULT " in line)
    episodes: list[dict[str, Any]] = json.loads(result.partition("RESULT ")[2])
    return episodes


def test_a_program_takes_the_place_of_the_policy_and_the_graph_ends_with_it(
    graph: Graph, tmp_path: Path
) -> None:
    episodes = played(graph, tmp_path, "gymnasium_script.py", "reach")
    assert [episode["steps"] for episode in episodes] == [50, 50]
    assert all(episode["success"] and -50 < episode["return"] < 0 for episode in episodes)


def test_a_program_lifts_what_it_sees_and_each_episode_shows_its_own_scene(
    graph: Graph, tmp_path: Path
) -> None:
    episodes = played(graph, tmp_path, "gymnasium_task_script.py", "lift")
    contract = load_contract("panda", "lift")
    beside, at = make_env("panda", "lift"), field_slices(contract)["object_position_m"]
    for seed, episode in enumerate(episodes):
        assert episode["terminated"] and episode["success"] and episode["return"] == 1.0
        lasted_s = episode["steps"] * contract.control_period_s
        assert episode["lasted_s"] == pytest.approx(lasted_s, abs=0.01), "every step its period"
        observed, info = beside.reset(seed=seed)
        assert np.array(episode["place"]) == pytest.approx(observed[at], abs=0.006)
        assert set(info) <= set(episode["info"])
    beside.close()
