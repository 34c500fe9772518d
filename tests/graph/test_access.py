"""The access table in config/security against nodes that run: nothing is missing, nothing too much.

A node that may not have one of its own topics does not start where SROS2 is on; a topic that nobody
needs is a door left open.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from conftest import Graph

from robot_learning.algorithms.td3 import TD3
from robot_learning.contract import load_contract
from robot_learning.security.access import KINDS, Rights, by_enclave, load_access
from robot_learning.training.policy_file import PolicyFile, save_policy
from robot_learning.training.task_settings import task_learner_settings

pytestmark = [pytest.mark.graph, pytest.mark.slow, pytest.mark.timeout(240)]

OPTIONS = ("camera_capture", "gripper_action", "stand_in")
MANAGED = (
    "camera",
    "safety_monitor",
    "black_box",
    "arm_driver",
    "gripper_driver",
    "gripper_action",
    "self_test",
    "arbiter",
    "reward_monitor",
    "scene",
    "recorder",
    "learner",
    "policy",
    "demonstrator",
    "exciter",
    "shadow",
)
# What only tasks about forces have, the judge of pictures, and other devices than a gamepad.
ELSEWHERE: dict[str, dict[str, set[str]]] = {
    "policy": {"hears": {"/wrench"}},
    "demonstrator": {"hears": {"/wrench"}},
    "shadow": {"hears": {"/wrench"}},
    "reward_monitor": {
        "hears": {
            "/wrench",
            "/camera/observation",
            "/episode_event",
            "/executed_action",
            "/teleop/event",
        },
        "calls": {"/camera/trigger"},
    },
    "teleop": {"hears": {"/leader/joint_states"}},
}
# Of other packages, or there for the length of a call.
NOT_HERE = {"robot", "operator"}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """What every node of a physical robot's graph has: all modes at once, nothing armed."""
    with closing(Graph(tmp_path_factory.mktemp("access"))) as graph:
        yield _come_up(graph)


def _come_up(graph: Graph) -> dict[str, Any]:
    given = {"robot": "panda", "task": "push"}
    own: dict[str, dict[str, Any]] = {
        "safety_monitor": {"self_test": True},
        "self_test": {"camera": True},
        "black_box": {"out": "."},
        "recorder": {"out": "episodes", "pictures": False},
        "policy": {"algorithm": "td3", "anticipate": True},
        "learner": {"algorithm": "td3", "out": "run"},
        "shadow": {"policy": str(_policy(graph.folder)), "out": "shadow", "anticipate": True},
    }
    graph.node("stand_in_robot", **given)
    for name in MANAGED:
        graph.node(name, **given, **own.get(name, {}))
    graph.node("camera_capture", **given, source=str(graph.folder / "no_camera"))
    graph.node("teleop_gamepad", label="teleop", **given)
    for manager, names in (
        ("lifecycle_manager", MANAGED),
        ("teleop_lifecycle", ("teleop",)),
        ("camera_lifecycle", ("camera_capture",)),
    ):
        graph.node(
            "lifecycle_manager",
            label=manager,
            nodes=",".join(names),
            ends_with_learner=manager == "lifecycle_manager",
        )
    client = graph.client()
    graph.wait_for_log("lifecycle_manager", "nodes are active", timeout_s=180)
    graph.wait_for_log("teleop_lifecycle", "nodes are active", timeout_s=60)
    end = time.monotonic() + 20
    while True:
        nodes: dict[str, Any] = client.nodes()
        nodes.pop("test_client")
        if "/joy" in nodes.get("teleop", {"hears": ()})["hears"] or time.monotonic() > end:
            return nodes
        time.sleep(0.5)


def _policy(folder: Path) -> Path:
    contract = load_contract("panda", "push")
    settings = task_learner_settings(
        contract, "td3", {"hidden_sizes": [8]}, seed=0, steps=10, evaluation_episodes=0
    )
    policy = TD3(settings.spaces, settings.hyper, 0).policy().frozen(1)
    save_policy(folder / "policy", PolicyFile(policy, "td3", {}, contract, None, {}))
    return folder / "policy"


def allowed() -> dict[str, Rights]:
    rows = load_access().profiles(["camera"], options=OPTIONS)
    return {path.rpartition("/")[2]: rights for path, rights in by_enclave(rows).items()}


def had(found: dict[str, Any]) -> dict[str, dict[str, set[str]]]:
    """What the processes have, by enclave and kind."""
    processes: dict[str, dict[str, set[str]]] = {}
    for node in found.values():
        name = node["enclave"].rpartition("/")[2]
        process = processes.setdefault(name, {kind: set() for kind in KINDS})
        for kind in KINDS:
            process[kind] |= set(node[kind])
    return processes


def test_every_node_is_in_an_enclave_of_the_table_under_its_name(found: dict[str, Any]) -> None:
    rows = load_access().profiles(["camera"], options=OPTIONS)
    of = {row.node: row.enclave for row in rows}
    assert {name: node["enclave"] for name, node in found.items()} == {
        name: of.get(name) for name in found
    }
    assert set(had(found)) == set(allowed()) - NOT_HERE


def test_every_node_may_have_what_it_has(found: dict[str, Any]) -> None:
    may = allowed()
    refused = {
        (name, kind, thing)
        for name, process in had(found).items()
        for kind in KINDS
        for thing in process[kind] - set(getattr(may[name], kind))
    }
    assert refused == set()


def test_no_node_may_have_what_it_has_no_use_for(found: dict[str, Any]) -> None:
    has = had(found)
    idle = {
        (name, kind, thing)
        for name, rights in allowed().items()
        if name not in NOT_HERE
        for kind in KINDS
        for thing in set(getattr(rights, kind)) - has[name][kind]
    }
    assert idle == {
        (name, kind, thing)
        for name, kinds in ELSEWHERE.items()
        for kind, things in kinds.items()
        for thing in things
    }
