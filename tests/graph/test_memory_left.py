"""Nodes take their shared memory with them; what a killed one leaves, the next one removes."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

import pytest
from conftest import Graph

pytestmark = [pytest.mark.graph, pytest.mark.timeout(120)]


def segments(pid: int) -> list[Path]:
    """The shared-memory segments that a process owns: it has their lock files open."""
    opened = [os.path.realpath(link) for link in Path(f"/proc/{pid}/fd").iterdir()]
    locks = [re.fullmatch(r"(/dev/shm/fastrtps_[0-9a-f]{16})_el", path) for path in opened]
    return [Path(lock[1]) for lock in locks if lock]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("name", ["lifecycle_manager", "arbiter"])
def test_a_node_that_ends_leaves_no_shared_memory(
    graph: Graph, name: str, number: signal.Signals
) -> None:
    node = graph.node(name)
    client = graph.client()
    client.listen(topic="heartbeat", type="robot_learning_interfaces/Heartbeat", best_effort=True)
    client.wait("heartbeat", lambda m: m["node"] == name, timeout_s=60)
    held = segments(node.pid)
    assert held
    node.send_signal(number)
    assert node.wait(20) == 0
    assert [path for path in held if path.exists()] == []


def test_what_a_killed_node_leaves_is_gone_once_another_starts(graph: Graph) -> None:
    killed = graph.node("arbiter")
    client = graph.client()
    client.listen(topic="heartbeat", type="robot_learning_interfaces/Heartbeat", best_effort=True)
    client.wait("heartbeat", lambda m: m["node"] == "arbiter", timeout_s=60)
    held = segments(killed.pid)
    killed.kill()
    killed.wait()
    assert held and all(path.exists() for path in held)
    for path in held:
        os.utime(path, (0, 0))  # as if it were long ago
    graph.node("lifecycle_manager")
    client.wait("heartbeat", lambda m: m["node"] == "lifecycle_manager", timeout_s=60)
    assert [path for path in held if path.exists()] == []
    assert client.process.poll() is None and all(p.exists() for p in segments(client.process.pid))
