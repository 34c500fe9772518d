"""What the lifecycle manager does where a graph cannot come up, with real nodes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import Graph
from launched import run_launch

pytestmark = [pytest.mark.graph, pytest.mark.timeout(180)]


def test_a_node_that_refuses_its_configuration_ends_the_bring_up(graph: Graph) -> None:
    graph.node("sim", hardware="nothing")
    manager = graph.node("lifecycle_manager", nodes="sim")
    assert manager.wait(90) == 1
    assert "no hardware called 'nothing' is installed" in graph.log("sim")
    said = graph.log("lifecycle_manager")
    assert "sim cannot be configured; its own line above says why. Nothing can run" in said


def test_a_second_graph_in_a_domain_leaves_and_the_first_stays(graph: Graph) -> None:
    first = graph.node("lifecycle_manager")
    graph.wait_for_log("lifecycle_manager", "nodes are active", timeout_s=60)
    second = graph.node("lifecycle_manager", nodes="sim")
    assert second.wait(60) == 1
    said = graph.log("lifecycle_manager")
    assert f"another graph runs in ROS domain {graph.domain_id}" in said
    assert f"is process {first.pid}" in said and "--domain" in said
    assert first.poll() is None


def test_an_occupied_out_folder_ends_the_launch_with_its_reason(
    graph: Graph, tmp_path: Path
) -> None:
    (tmp_path / "config.yaml").write_text("")
    launched = run_launch(
        "sim_train",
        tmp_path / "log",
        {"out": str(tmp_path), "overrides": json.dumps({"hidden_sizes": [8]})},
        graph.environment,
    )
    assert launched.code == 1, launched.said
    assert any("already holds a run" in line for line in launched.lines)
