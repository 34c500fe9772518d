"""A Gen3 on the wire: a start where angles jump, joints in any order, one knuckle for a gripper."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import numpy as np
import pytest
from conftest import Graph

from robot_learning.benchmark.fault_graph import MANAGED
from robot_learning.contract import load_contract
from robot_learning.kinematics.gripper_joints import GripperJoints
from robot_learning.safety.wire_record import WireRecord

pytestmark = [pytest.mark.graph, pytest.mark.real_time]

CONTRACT = load_contract("gen3", "reach_near")
ROBOT = CONTRACT.robot
KNUCKLE = ROBOT.gripper.joint_names[0]
WHAT = {"robot": "gen3", "task": "reach_near"}
OWN: dict[str, dict[str, Any]] = {
    "safety_monitor": {"self_test": True},
    "black_box": {"out": "."},
    "gripper_driver": {"says_force": False},
}
# Joint 1 was turned past half a turn; the driver says -3.083.
BEYOND = [3.2, *(joint.home_position_rad for joint in ROBOT.arm.joints[1:])]


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Graph]:
    with closing(Graph(tmp_path_factory.mktemp("gen3"))) as graph:
        start = ",".join(str(angle) for angle in BEYOND)
        wire = str(graph.folder / "wire")
        graph.node("stand_in_robot", **WHAT, record=wire, start_rad=start)
        for name in MANAGED:
            graph.node(name, **WHAT, **OWN.get(name, {}))
        graph.node("lifecycle_manager", nodes=",".join(MANAGED))
        yield graph


def test_a_gen3_is_not_armed_beyond_its_limits_and_then_moves_within_them(graph: Graph) -> None:
    client = graph.client()
    for topic, kind in (
        ("joint_states", "sensor_msgs/JointState"),
        ("gripper_controller/joint_trajectory", "trajectory_msgs/JointTrajectory"),
        ("gripper_driver/state", "robot_learning_interfaces/GripperState"),
    ):
        client.listen(topic=topic, type=kind)
    graph.wait_for_log("self_test", "joint_1 at -3.083", timeout_s=90)
    refused = client.call_once("safety/arm")
    assert not refused["success"] and "self-test" in refused["message"]
    wire = WireRecord.open(graph.folder / "wire", 7)
    rested = wire.since(0.0).position_rad[:, 0]
    assert np.ptp(rested) < 1e-6 and rested[-1] == pytest.approx(3.2)

    freed_s = time.monotonic()
    assert client.call_once("stand_in_robot/free")["success"]
    graph.wait_for_log("self_test", "self-test passed", timeout_s=30)
    end = time.monotonic() + 30
    while not (answer := client.call_once("safety/arm"))["success"]:
        assert time.monotonic() < end, answer
        time.sleep(0.3)

    asked = client.wait("gripper_controller/joint_trajectory", lambda m: True, timeout_s=20)
    assert asked["joint_names"] == [KNUCKLE]
    point, width_m = asked["points"][-1], CONTRACT.task.action.gripper_width_m
    assert GripperJoints(ROBOT.gripper).width_m(point["positions"]) == pytest.approx(width_m)
    assert not point["effort"]
    client.wait("gripper_driver/state", lambda m: abs(m["width_m"] - width_m) < 1e-3, timeout_s=20)
    said = client.wait("joint_states", lambda m: True, timeout_s=5)
    assert set(said["name"]) == {*ROBOT.arm.joint_names, KNUCKLE}
    assert said["name"] != [*ROBOT.arm.joint_names, KNUCKLE]
    assert math.isnan(said["effort"][said["name"].index(KNUCKLE)])

    time.sleep(3.0)
    cycles = wire.since(freed_s + 0.5)
    speeds = np.abs(np.diff(cycles.position_rad, axis=0)) / np.diff(cycles.time_s)[:, None]
    top = np.array([joint.velocity_max_rad_s for joint in ROBOT.arm.joints])
    assert speeds.max() > 0.05  # it moves
    assert (speeds <= ROBOT.operation.velocity_fraction * top).all()
    furthest = np.array([joint.position_max_rad for joint in ROBOT.arm.joints])
    assert (np.abs(cycles.position_rad) < furthest - ROBOT.operation.position_margin_rad).all()
