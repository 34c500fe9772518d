"""The nodes of a physical robot beside a stand-in for it: what the arm does is read off its wire.

The stand-in is a process of its own with the habits of ros2_control. Nobody here arms by itself:
the test calls what a person calls.
"""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import numpy as np
import pytest
from conftest import Graph
from mcap.reader import make_reader

from robot_learning.benchmark.fault_graph import MANAGED
from robot_learning.contract import load_contract
from robot_learning.kinematics import ArmKinematics
from robot_learning.safety.wire_record import Cycles, WireRecord

pytestmark = [pytest.mark.graph, pytest.mark.real_time]

CONTRACT = load_contract("panda", "reach")
ARMED, FAULT = 1, 3
OWN: dict[str, dict[str, Any]] = {"safety_monitor": {"self_test": True}, "black_box": {"out": "."}}
# By when a stop must be over: what noticed it within 0.35 s at most, and the stop itself.
NOTICED_WITHIN_S = 0.5
AT_REST_RAD_S = 0.01


class Physical:
    """The running graph, the stand-in's record, and a person's hand on the services."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.path = graph.folder / "wire"
        graph.node("stand_in_robot", record=str(self.path))
        self.nodes = {name: graph.node(name, **OWN.get(name, {})) for name in MANAGED}
        graph.node("lifecycle_manager", nodes=",".join(MANAGED))
        self.client = graph.client()
        kind = "robot_learning_interfaces/SafetyState"
        self.client.listen(topic="safety/state", type=kind, latched=True)
        graph.wait_for_log("lifecycle_manager", "nodes are active", timeout_s=90)

    def arm(self, timeout_s: float = 40.0) -> list[str]:
        """Resets and arms until it is allowed; what was answered before."""
        end, refusals = time.monotonic() + timeout_s, list[str]()
        while time.monotonic() < end:
            answer: dict[str, Any] = self.client.call_once("safety/arm")
            if answer.get("success") or "the state is ARMED" in str(answer.get("message")):
                return refusals
            refusals.append(str(answer.get("message", answer)))
            if "reset first" in refusals[-1]:
                self.client.call_once("safety/reset")
            time.sleep(0.2)
        raise AssertionError(f"not armed in {timeout_s} s: {refusals[-3:]}")

    def moving(self) -> float:
        """Waits until the arm moves; the time."""
        end = time.monotonic() + 20.0
        while time.monotonic() < end:
            time.sleep(0.1)
            if speeds(self.wire(time.monotonic() - 0.2)).max(initial=0.0) > 0.05:
                return time.monotonic()
        raise AssertionError(f"the arm does not move:\n{self.graph.logs()}")

    def wire(self, since_s: float) -> Cycles:
        return WireRecord.open(self.path, 7).since(since_s)

    def rests(self, since_s: float) -> None:
        """The arm comes to rest in time and stays there."""
        stop_s = CONTRACT.robot.rates.stop_time_max_s
        time.sleep(NOTICED_WITHIN_S + stop_s + 1.0)
        cycles = self.wire(since_s)
        late = cycles.time_s > since_s + NOTICED_WITHIN_S + stop_s
        assert late[1:].sum() > 500
        assert speeds(cycles)[late[1:]].max() < AT_REST_RAD_S

    def inject(self, fault: dict[str, Any]) -> None:
        self.client.take(topic="safety/state")
        self.client.publish(
            topic="stand_in_robot/inject",
            type="std_msgs/String",
            fields={"data": json.dumps(fault)},
        )

    def latched(self) -> str:
        said = self.client.wait("safety/state", lambda m: m["state"] == FAULT, timeout_s=10)
        return str(said["reason"])


def speeds(cycles: Cycles) -> np.ndarray:
    """The fastest joint's speed between cycles, rad/s."""
    steps = np.abs(np.diff(cycles.position_rad, axis=0)).max(axis=1, initial=0.0)
    return np.asarray(steps / np.diff(cycles.time_s))


@pytest.fixture(scope="module")
def physical(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Physical]:
    with closing(Graph(tmp_path_factory.mktemp("physical"))) as graph:
        yield Physical(graph)


def test_nothing_moves_before_a_person_arms_it_and_that_waits_for_the_self_test(
    physical: Physical,
) -> None:
    since_s = time.monotonic()
    time.sleep(0.5)
    assert speeds(physical.wire(since_s)).max() < AT_REST_RAD_S
    refused = physical.arm()
    physical.graph.wait_for_log("self_test", "self-test passed", timeout_s=1)
    assert all("self-test" in text or "not heard" in text for text in refused), refused
    physical.moving()


@pytest.mark.parametrize(
    ("fault", "named"),
    [
        ({"kind": "state_nan", "for_s": 0.5}, "joint_states has a position that is not finite"),
        ({"kind": "force", "for_s": 0.5, "amount": 80.0}, "external force 80"),
        # By the gate or by the monitor, whoever comes first.
        ({"kind": "state_silent", "for_s": 1.0}, "nothing new|silent: joint_states"),
    ],
    ids=["nan", "force", "silence"],
)
def test_a_fault_on_the_wire_stops_the_arm_and_latches(
    physical: Physical, fault: dict[str, Any], named: str
) -> None:
    physical.arm()
    at_s = physical.moving()
    physical.inject(fault)
    physical.rests(at_s)
    assert re.search(named, physical.latched())


@pytest.mark.parametrize("name", ["safety_monitor", "bench_mover", "arm_driver"])
def test_the_arm_rests_when_a_node_is_killed(physical: Physical, name: str) -> None:
    """The driver last: a killed publisher is listed for seconds, and nobody is armed meanwhile."""
    physical.arm()
    at_s = physical.moving()
    physical.nodes[name].send_signal(signal.SIGKILL)
    physical.nodes[name].wait()
    physical.rests(at_s)
    physical.nodes[name] = physical.graph.node(name, **OWN.get(name, {}))


def test_a_person_is_told_how_things_are_and_what_happened_is_on_the_disk(
    physical: Physical,
) -> None:
    words = [sys.executable, "-m", "robot_learning", "operator", "state", "--json"]
    words += ["--domain", str(physical.graph.domain_id)]
    told = subprocess.run(words, capture_output=True, text=True, timeout=60, check=True)
    answer = json.loads(told.stdout)
    assert answer["state"] == "FAULT" and "arm_driver" in answer["reason"]
    assert answer["self_test"] == []
    bags = sorted((physical.graph.folder / "incidents").glob("*.mcap"))
    assert len(bags) >= 4  # three on the wire, the monitor and the driver killed
    with bags[0].open("rb") as file:
        topics = {channel.topic for _, channel, _ in make_reader(file).iter_messages()}
    assert {"/joint_states", "/arm_controller/joint_trajectory", "/safety/state"} <= topics


def test_beside_the_successor_of_a_killed_driver_the_arm_is_armed_again(
    physical: Physical,
) -> None:
    assert physical.nodes["arm_driver"].poll() is None
    physical.arm(timeout_s=8.0)  # DDS alone would list the dead one for 20 s
    physical.moving()


def test_no_limit_was_exceeded_on_the_wire(physical: Physical) -> None:
    cycles = physical.wire(0.0)
    robot, box = CONTRACT.robot, CONTRACT.workspace
    velocity = np.diff(cycles.position_rad, axis=0) / np.diff(cycles.time_s)[:, None]
    top = np.array([joint.velocity_max_rad_s for joint in robot.arm.joints])
    assert (np.abs(velocity) <= robot.operation.velocity_fraction * top).all()
    kinematics = ArmKinematics(robot.arm)
    tool = np.array([kinematics.tcp_position(q) for q in cycles.position_rad[::20]])
    assert (tool >= np.array(box.min_m) - 1e-3).all() and (tool <= np.array(box.max_m) + 1e-3).all()
    moved = np.linalg.norm(np.diff(tool, axis=0), axis=1) / np.diff(cycles.time_s[::20])
    assert 0.05 < moved.max() <= robot.operation.tcp_speed_max_m_s * 1.02
