"""A gripper that is moved by an action, as the Franka Hand is, does what gripper_driver sends."""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from conftest import Client, Graph

from robot_learning.contract import load_contract

ROBOT = load_contract("fr3", "lift").robot
FINGERS = list(ROBOT.gripper.joint_names)
OBJECT_M = 0.03
GIVEN = {"robot": "fr3", "task": "lift"}
STAND_IN = {**GIVEN, "gripper_action": True, "object_m": OBJECT_M}

pytestmark = [pytest.mark.graph, pytest.mark.timeout(120)]


class Hand:
    """The gripper's commands, and its width."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        graph.node("stand_in_robot", **STAND_IN)
        graph.node("gripper_action", **GIVEN)
        graph.node("lifecycle_manager", nodes="gripper_action")
        self.client: Client = graph.client()
        self.client.listen(topic="joint_states", type="sensor_msgs/JointState", best_effort=True)
        self.client.listen(topic="/diagnostics", type="diagnostic_msgs/DiagnosticArray")
        graph.wait_for_log("lifecycle_manager", "nodes are active", timeout_s=60)

    def send(self, width_m: float, force_n: float | None = 20.0) -> None:
        point = {
            "positions": [width_m / 2] * 2,
            "velocities": [0.0, 0.0],
            "effort": [] if force_n is None else [force_n] * 2,
            "time_from_start": {"sec": 1, "nanosec": 0},
        }
        self.client.publish(
            topic="gripper_controller/joint_trajectory",
            type="trajectory_msgs/JointTrajectory",
            fields={"joint_names": FINGERS, "points": [point]},
        )

    def stands_at(self, width_m: float) -> None:
        self.client.take(topic="joint_states")
        self.client.wait(
            "joint_states", lambda m: abs(width(m) - width_m) < 1e-3 and not moves(m), timeout_s=20
        )

    def says(self, node: str, word: str) -> dict[str, str]:
        """Waits until a node's diagnostics have a word in their line; its figures."""
        self.client.take(topic="/diagnostics")

        def of(message: dict[str, Any]) -> bool:
            status = message["status"][0]
            return bool(status["name"] == node and word in status["message"])

        found = self.client.wait("/diagnostics", of, timeout_s=20)["status"][0]
        return {pair["key"]: pair["value"] for pair in found["values"]}


def width(message: dict[str, Any]) -> float:
    return sum(message["position"][message["name"].index(name)] for name in FINGERS)


def moves(message: dict[str, Any]) -> bool:
    return any(message["velocity"][message["name"].index(name)] for name in FINGERS)


@pytest.fixture(scope="module")
def hand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hand]:
    with closing(Graph(tmp_path_factory.mktemp("hand"))) as graph:
        yield Hand(graph)


def test_it_closes_on_an_object_and_opens_again(hand: Hand) -> None:
    hand.send(0.0)
    hand.stands_at(OBJECT_M)
    assert hand.says("gripper_action", "holding")["stalled"] == "True"
    hand.send(0.06)
    hand.stands_at(0.06)
    assert hand.says("gripper_action", "holding")["reached"] == "True"


def test_a_width_that_is_told_amid_another_ends_the_one_and_is_reached(hand: Hand) -> None:
    for width_m in (0.0, 0.07, 0.04, 0.05):
        hand.send(width_m)
        time.sleep(0.1)
    hand.stands_at(0.05)
    # The server refuses a goal beside another: it never had two.
    assert hand.says("stand_in_robot", "follows")["goals at once"] == "0"
    assert hand.says("gripper_action", "holding")["refused goals"] == "0"


def test_a_goal_that_a_dead_client_left_is_ended_before_the_next_is_asked_for(hand: Hand) -> None:
    hand.send(0.07)
    hand.stands_at(0.07)
    left = {"position": 0.0, "max_effort": 20.0}
    action, kind = "gripper_controller/gripper_cmd", "control_msgs/GripperCommand"
    assert hand.client.send_goal(action=action, type=kind, fields={"command": left})
    hand.send(0.06)
    hand.stands_at(0.06)
    assert "ends a goal of another" in hand.graph.log("gripper_action")
    assert hand.says("stand_in_robot", "follows")["goals at once"] == "0"
    assert hand.says("gripper_action", "holding")["refused goals"] == "0"


def test_fully_open_is_kept_off_by_what_homing_may_have_found_less(hand: Hand) -> None:
    hand.send(ROBOT.gripper.width_max_m)
    hand.stands_at(ROBOT.gripper.width_max_m - 0.0005)


@pytest.mark.parametrize(("said_n", "pressed_n"), [(25.0, 25.0), (None, 10.0), (500.0, 70.0)])
def test_it_presses_as_the_task_says_gently_where_it_says_nothing_and_never_beyond_the_contract(
    hand: Hand, said_n: float | None, pressed_n: float
) -> None:
    assert ROBOT.gripper.force_max_n == 70.0
    hand.send(0.04 if said_n else 0.045, said_n)
    hand.stands_at(0.04 if said_n else 0.045)
    figures = hand.says("stand_in_robot", "follows")
    assert float(figures["gripper's max effort"]) == pressed_n


def test_what_is_no_command_moves_nothing(hand: Hand) -> None:
    hand.send(0.05)
    hand.stands_at(0.05)
    hand.send(0.02, force_n=math.nan)
    hand.send(math.nan)
    time.sleep(0.5)
    hand.stands_at(0.05)


def test_a_server_that_is_gone_is_said_and_told_the_width_when_it_is_back(hand: Hand) -> None:
    hand.send(0.05)
    hand.stands_at(0.05)
    robot = hand.graph.processes["stand_in_robot"]
    robot.send_signal(signal.SIGINT)
    assert robot.wait(20) == 0
    hand.says("gripper_action", "no server of gripper_controller/gripper_cmd")
    hand.graph.node("stand_in_robot", **STAND_IN)  # it wakes up open
    hand.stands_at(0.05)
