"""Any Gymnasium program drives the real node graph, through driver, gate and arbiter."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import REPOSITORY, Graph

from robot_learning.launch import LaunchSession

SCRIPT = Path(__file__).with_name("gymnasium_script.py")

pytestmark = [pytest.mark.graph, pytest.mark.timeout(180)]


def test_a_program_takes_the_place_of_the_policy_and_the_graph_ends_with_it(
    graph: Graph, tmp_path: Path
) -> None:
    lines: list[str] = []
    with LaunchSession(
        REPOSITORY / "launch" / "gymnasium.launch.xml",
        {"script": str(SCRIPT), "out": str(tmp_path / "out")},
        environment=graph.environment,
        log_dir=tmp_path / "log",
        on_line=lambda label, line: lines.append(line),
    ) as session:
        session.start()
        code = None
        while code is None:
            code = session.poll(0.5)
    assert code == 0, "\n".join(lines[-60:])
    result = next(line for line in lines if "RESULT " in line)
    episodes = json.loads(result.partition("RESULT ")[2])
    assert [episode["steps"] for episode in episodes] == [50, 50]
    assert all(episode["success"] and -50 < episode["return"] < 0 for episode in episodes)
