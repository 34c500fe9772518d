"""The driver on the stand-in of an xArm's controller, by the maker's SDK over TCP.

The contract is that of the xArm 7 at a fifth of its rates, so that a loaded machine keeps up.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Graph

from robot_learning.backends.xarm import WATCHDOG_PERIODS
from robot_learning.contract import Contract, config_dir, load_contract
from sim.xarm.controller import COLLISION, XArmController
from sim.xarm.server import XArmServer

NODES = ["safety_monitor", "arm_driver"]
DISARMED, ARMED, FAULT = 0, 1, 3

pytestmark = [pytest.mark.graph, pytest.mark.real_time]


@pytest.fixture
def contract_path(tmp_path: Path) -> Path:
    text = (config_dir() / "robots" / "xarm7.yaml").read_text()
    for before, after in (
        ("command_hz: 100.0", "command_hz: 20.0"),
        ("state_hz: 100.0", "state_hz: 20.0"),
        ("state_age_max_s: 0.05", "state_age_max_s: 0.3"),
    ):
        assert before in text
        text = text.replace(before, after)
    path = tmp_path / "xarm7_slow.yaml"
    path.write_text(text)
    return path


@pytest.fixture
def box(contract_path: Path) -> Iterator[XArmServer]:
    joints = load_contract(contract_path).robot.arm.joints
    controller = XArmController(np.array([joint.home_position_rad for joint in joints]))
    process = os.getpid()
    host = f"127.{1 + process % 250}.{1 + process // 250 % 250}.200"
    with XArmServer(controller, host, 30502) as server:
        yield server


class Hand:
    """Arms, and asks for motion in a policy's place."""

    def __init__(self, graph: Graph, contract: Contract, box: XArmServer) -> None:
        self.client, self.contract, self.box = graph.client(), contract, box
        self.sequence = 0
        self.client.listen(topic="joint_states", type="sensor_msgs/JointState")
        self.client.listen(
            topic="safety/state", type="robot_learning_interfaces/SafetyState", latched=True
        )
        self.client.listen(topic="arm_driver/state", type="robot_learning_interfaces/DriverState")
        self.client.advertise(
            topic="gripper_controller/joint_trajectory", type="trajectory_msgs/JointTrajectory"
        )

    def speed(self) -> float:
        return float(np.abs(self.box.controller.snapshot().velocity_rad_s).max())

    def ask_up(self) -> None:
        states = self.client.take(topic="joint_states")
        if not states:
            return
        self.sequence += 1
        fields = {
            "header": {"stamp": states[-1]["header"]["stamp"], "frame_id": "link_base"},
            "source": "policy",
            "sequence": self.sequence,
            "kind": 0,
            "action": [0.0, 0.0, 0.5],
            "contract_sha256": self.contract.sha256,
        }
        self.client.publish(
            topic="active_action", type="robot_learning_interfaces/ActionRequest", fields=fields
        )

    def until(self, condition: Callable[[], bool], what: str, timeout_s: float = 40.0) -> None:
        end = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < end, f"waited in vain for {what}"
            time.sleep(0.02)

    def arm_and_move(self) -> None:
        """Resets and arms until the arm moves on request, as a person would."""

        def moving() -> bool:
            state = self.driver_state()
            if state != ARMED and not self.client.call_once(service="safety/arm").get("success"):
                self.client.call_once(service="safety/reset")
            self.ask_up()
            return self.speed() > 0.02

        self.until(moving, "motion")

    def driver_state(self) -> int:
        heard = self.client.take(topic="arm_driver/state")
        return int(heard[-1]["state"]) if heard else -1

    def monitor_says(self, condition: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        return dict(self.client.wait("safety/state", condition, timeout_s=20.0))


def test_the_driver_moves_an_xarm_names_its_errors_and_its_death_stops_it(
    graph: Graph, contract_path: Path, box: XArmServer
) -> None:
    robot = str(contract_path)
    graph.node("safety_monitor", robot=robot)
    graph.node(
        "arm_driver", robot=robot, backend="xarm", address=box.address, monitor_timeout_s=2.0
    )
    graph.node("lifecycle_manager", robot=robot, nodes=",".join(NODES))
    graph.wait_for_log("lifecycle_manager", "nodes are active", timeout_s=60)
    contract = load_contract(contract_path)
    hand = Hand(graph, contract, box)
    state = hand.client.wait("joint_states", lambda m: True)
    joints, gripper = contract.robot.arm.joints, contract.robot.gripper
    assert state["name"] == [*contract.robot.arm.joint_names, *gripper.joint_names]
    home = [joint.home_position_rad for joint in joints]
    assert state["position"][:7] == pytest.approx(home, abs=1e-3)
    assert len(state["velocity"]) == len(state["effort"]) == 9
    assert not box.controller.commands  # nothing moves before a person arms it
    hand.arm_and_move()

    # An error of the controller latches in both layers, under the maker's name.
    box.controller.fail(COLLISION)
    fault = hand.monitor_says(lambda m: m["state"] == FAULT)
    graph.wait_for_log("arm_driver", "C31: Collision")
    assert "C31" in fault["reason"] or "silent" in fault["reason"]
    assert hand.client.call_once(service="safety/reset")["success"]
    hand.until(lambda: box.controller.snapshot().error == 0, "the error to be cleared")
    hand.arm_and_move()

    points = [{"positions": [0.01, 0.01], "velocities": [0.0, 0.0]}]
    points[0]["time_from_start"] = {"sec": 1, "nanosec": 0}  # type: ignore[assignment]
    hand.client.publish(
        topic="gripper_controller/joint_trajectory",
        type="trajectory_msgs/JointTrajectory",
        fields={"joint_names": list(gripper.joint_names), "points": points},
    )
    hand.until(lambda: box.controller.gripper.position < 400, "the gripper to close")
    hand.arm_and_move()

    hand.client.take(topic="safety/state")  # of the fault before
    graph.processes["arm_driver"].send_signal(signal.SIGKILL)
    graph.processes["arm_driver"].wait()
    hand.until(lambda: hand.speed() == 0.0, "rest")
    sent = list(box.controller.commands)
    assert all(command.duration_s == pytest.approx(WATCHDOG_PERIODS / 20.0) for command in sent)
    fastest = np.abs([command.velocity_rad_s for command in sent]).max(axis=0)
    assert (fastest <= [0.5 * joint.velocity_max_rad_s for joint in joints]).all()
    assert hand.monitor_says(lambda m: m["state"] == FAULT)["missing"]
    time.sleep(0.5)
    rest = box.controller.snapshot()
    assert not rest.velocity_rad_s.any() and rest.error == 0
