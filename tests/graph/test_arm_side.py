"""Simulator, driver, monitor and arbiter as real processes; the test plays the policy.

One lockstep graph serves all tests of this file: every fault must end in a latched stop, and
after reset and arming the graph must work again.
"""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from arm_side import ARMED, CONTRACT, DISARMED, ESTOP, FAULT, ArmSide, seconds
from conftest import Graph

from robot_learning.kinematics import ArmKinematics

pytestmark = pytest.mark.graph


@pytest.fixture(scope="module")
def arm_side(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ArmSide]:
    with closing(Graph(tmp_path_factory.mktemp("arm_side"))) as graph:
        yield ArmSide(graph)


@pytest.fixture
def arm(arm_side: ArmSide) -> Iterator[ArmSide]:
    """The graph, armed before the test."""
    arm_side.arm()
    arm_side.client.take(topic="safety/state")
    yield arm_side


@pytest.fixture
def still_arm(arm: ArmSide) -> ArmSide:
    """Armed and at rest: simulated time stands still until an action is asked for."""
    arm.rest()
    arm.arm()
    return arm


def test_joint_states_carry_arm_and_fingers_with_velocity_and_effort(arm: ArmSide) -> None:
    state = arm.state()
    robot = CONTRACT.robot
    assert state["name"] == [*robot.arm.joint_names, *robot.gripper.joint_names]
    assert len(state["position"]) == len(state["velocity"]) == len(state["effort"]) == 9


def test_lockstep_moves_time_by_one_control_period_an_action(still_arm: ArmSide) -> None:
    before = seconds(still_arm.state())
    receipt = still_arm.ask([1.0, 0.0, 0.0])
    after = seconds(still_arm.client.wait("joint_states", lambda m: seconds(m) != before))
    assert after - before == pytest.approx(CONTRACT.control_period_s, abs=1e-6)
    assert receipt["executed"] == [1.0, 0.0, 0.0] and not receipt["refused"]


def test_what_the_gate_takes_away_is_not_in_the_executed_action(still_arm: ArmSide) -> None:
    receipt = still_arm.ask([5.0, 0.0, 0.0])
    assert receipt["requested"][0] == 5.0
    assert receipt["executed"][0] <= 1.0
    assert "action_range" in receipt["limits"]


def test_reward_is_of_the_state_with_the_same_stamp(still_arm: ArmSide) -> None:
    target = list(still_arm.reset(seed=3).values())
    still_arm.client.take(topic="reward")
    before = seconds(still_arm.state())
    still_arm.ask([0.0, 0.0, 1.0])
    states: dict[float, dict[str, Any]] = {}
    rewards: dict[float, dict[str, Any]] = {}
    end = time.monotonic() + 15
    while not (judged := {stamp for stamp in states if stamp > before} & set(rewards)):
        assert time.monotonic() < end, f"states {sorted(states)}, rewards {sorted(rewards)}"
        states |= {seconds(m): m for m in still_arm.client.take(topic="joint_states")}
        rewards |= {seconds(m): m for m in still_arm.client.take(topic="reward")}
        time.sleep(0.02)
    for stamp in judged:
        reward, position = rewards[stamp], np.array(states[stamp]["position"][:7])
        hand = ArmKinematics(CONTRACT.robot.arm).tcp_position(position)
        assert reward["distance_m"] == pytest.approx(np.linalg.norm(hand - target), abs=1e-6)
        assert reward["success"] == (reward["distance_m"] <= CONTRACT.task.success.distance_max_m)
        assert reward["reward"] == (0.0 if reward["success"] else -1.0)


def test_reset_draws_the_target_from_the_seed_and_leaves_the_arm(arm: ArmSide) -> None:
    before = arm.rest()["position"][:7]
    first, other, again = arm.reset(1), arm.reset(2), arm.reset(1)
    assert first == again and first != other
    assert arm.state()["position"][:7] == pytest.approx(before, abs=1e-3)


@pytest.mark.parametrize(
    ("action", "limit"),
    [
        ([math.nan, 0.0, 0.0], "action_malformed"),
        ([math.inf, 0.0, 0.0], "action_malformed"),
        ([0.1, 0.1], "action_malformed"),
        ([], "action_malformed"),
    ],
)
def test_an_action_that_is_no_action_is_refused_and_the_arm_stays(
    arm: ArmSide, action: list[float], limit: str
) -> None:
    receipt = arm.ask(action)
    assert receipt["refused"] and limit in " ".join(receipt["limits"])
    assert receipt["executed"] == [0.0, 0.0, 0.0]
    assert not arm.ask([0.0, 0.0, 0.0])["refused"]  # one bad message is not the end


def test_duplicate_stale_and_foreign_requests_are_refused_with_the_reason(arm: ArmSide) -> None:
    done = arm.ask([0.2, 0.0, 0.0])
    assert "duplicate" in arm.ask([0.2, 0.0, 0.0], sequence=done["sequence"])["limits"][0]
    old = {"stamp": {"sec": 0, "nanosec": 1}, "frame_id": "panda_link0"}
    if arm.state()["header"]["stamp"]["sec"] == 0:
        for _ in range(25):
            arm.ask([0.0, 0.0, 0.0])
    assert "stale" in arm.ask([0.2, 0.0, 0.0], header=old)["limits"][0]
    assert "contract" in arm.ask([0.2, 0.0, 0.0], contract_sha256="0" * 64)["limits"][0]
    arm.ask([0.0, 0.0, 0.0])


def test_a_doubted_action_is_done_more_slowly_and_one_beyond_the_limit_not_at_all(
    arm: ArmSide,
) -> None:
    limits = CONTRACT.robot.operation.doubt
    assert arm.ask([1.0, 0.0, 0.0], doubt=limits.slow_above)["executed"] == [1.0, 0.0, 0.0]
    slowed = arm.ask([1.0, 0.0, 0.0], doubt=2.0 * limits.slow_above)
    assert slowed["executed"] == pytest.approx([0.5, 0.0, 0.0]) and slowed["limits"] == ["doubt"]
    for doubt in (1.01 * limits.stop_above, -1.0, math.nan, math.inf):
        refused = arm.ask([1.0, 0.0, 0.0], doubt=doubt)
        assert refused["refused"] and refused["limits"] == ["doubt"]
        assert refused["executed"] == [0.0, 0.0, 0.0]
    assert not arm.ask([0.0, 0.0, 0.0])["refused"]


def test_doubt_that_stays_latches_a_fault_and_the_arm_moves_only_after_a_reset(
    arm: ArmSide,
) -> None:
    for _ in range(5):
        arm.ask([0.0, 0.0, 1.0], doubt=100.0)
    assert "the policy's model knows too little of this state" in arm.latched()["reason"]
    assert arm.ask([0.0, 0.0, 1.0])["refused"]
    arm.arm()
    assert not arm.ask([0.0, 0.0, 1.0])["refused"]


def test_five_refusals_in_a_row_latch_a_fault(arm: ArmSide) -> None:
    for _ in range(5):
        arm.ask([math.nan, 0.0, 0.0])
    assert "refused requests in a row" in arm.latched()["reason"]
    receipt = arm.ask([1.0, 0.0, 0.0])
    assert receipt["refused"] and receipt["executed"] == [0.0, 0.0, 0.0]


def test_estop_latches_reset_leads_to_disarmed_and_only_arming_moves_again(arm: ArmSide) -> None:
    arm.ask([1.0, 0.0, 0.0])
    assert arm.service("safety/estop")["success"]
    assert arm.latched()["state"] == ESTOP
    refused = arm.service("safety/arm")
    assert not refused["success"] and "reset first" in refused["message"]
    before = arm.rest()["position"][:7]
    arm.send([1.0, 0.0, 0.0])  # the arbiter passes nothing on
    time.sleep(0.3)
    assert arm.state()["position"][:7] == pytest.approx(before, abs=1e-3)
    end = time.monotonic() + 10
    while not arm.service("safety/reset")["success"]:
        assert time.monotonic() < end
    disarmed = arm.client.wait("safety/state", lambda m: m["state"] == DISARMED)
    assert disarmed["reason"] == ""
    assert arm.ask([1.0, 0.0, 0.0])["refused"], "reset must not allow motion"
    arm.arm()
    assert not arm.ask([1.0, 0.0, 0.0])["refused"]


def test_a_stopped_arm_taken_home_by_hand_works_again_once_armed(arm: ArmSide) -> None:
    for _ in range(10):
        arm.ask([0.0, 1.0, 0.0])
    home = [joint.home_position_rad for joint in CONTRACT.robot.arm.joints]
    assert arm.rest()["position"][:7] != pytest.approx(home, abs=0.02)
    assert arm.service("safety/estop")["success"]
    arm.latched()
    assert arm.service("free_arm")["success"]
    assert arm.rest()["position"][:7] == pytest.approx(home, abs=1e-3)
    arm.arm()
    assert not arm.ask([0.0, 1.0, 0.0])["refused"]


def test_a_second_publisher_on_the_command_topic_latches_a_fault_that_names_it(
    arm: ArmSide,
) -> None:
    topic = "arm_controller/joint_trajectory"
    arm.client.advertise(topic=topic, type="trajectory_msgs/JointTrajectory")
    try:
        assert "test_client" in arm.latched()["reason"]
        arm.rest()
        refused = arm.service("safety/reset")
        assert not refused["success"] and "publishers" in refused["message"]
    finally:
        arm.client.retire(topic=topic)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"position": [math.nan] * 7}, "not finite"),
        ({"names": ["panda_joint1"]}, "expected panda_joint1, panda_joint2"),
        ({"names": [f"other_joint{i}" for i in range(7)]}, "names joints other_joint0"),
        ({"position": [0.0] * 3}, "3 positions"),
    ],
)
def test_a_trajectory_that_no_arm_should_get_stops_the_arm(
    arm: ArmSide, change: dict[str, Any], says: str
) -> None:
    topic = "arm_controller/joint_trajectory"
    names = change.get("names", list(CONTRACT.robot.arm.joint_names))
    position = change.get("position", [0.0] * len(names))
    point = {"positions": position, "time_from_start": {"sec": 0, "nanosec": 50_000_000}}

    def publish() -> None:
        arm.client.publish(
            topic=topic,
            type="trajectory_msgs/JointTrajectory",
            fields={"joint_names": names, "points": [point]},
        )

    def said() -> bool:
        return says in arm.graph.log("sim") or says in arm.graph.log("safety_monitor")

    try:
        before = arm.rest()["position"][:7]
        publish()
        arm.latched()
        assert arm.state()["position"][:7] == pytest.approx(before, abs=2e-3)
        # Nodes say why at most every two seconds, and that a second publisher is there may have
        # latched first.
        end = time.monotonic() + 10
        while not said():
            assert time.monotonic() < end, f"nobody said {says!r}"
            publish()
            time.sleep(0.2)
    finally:
        arm.client.retire(topic=topic)


def kill(graph: Graph, name: str) -> None:
    graph.processes[name].send_signal(signal.SIGKILL)
    graph.processes[name].wait()


def test_the_driver_stops_when_the_monitor_is_killed(arm: ArmSide) -> None:
    arm.ask([1.0, 0.0, 0.0])
    arm.client.take(topic="arm_driver/state")
    kill(arm.graph, "safety_monitor")
    fault = arm.client.wait("arm_driver/state", lambda m: m["state"] == FAULT)
    assert "safety_monitor" in fault["reason"] and fault["at_rest"]
    arm.graph.node("safety_monitor", mode="lockstep")
    arm.arm(timeout_s=30)


def test_a_killed_simulator_is_named_and_its_restart_is_a_clock_that_went_back(
    arm: ArmSide,
) -> None:
    for _ in range(3):
        arm.ask([0.5, 0.0, 0.0])
    kill(arm.graph, "sim")
    assert "joint_states" in arm.latched()["reason"]
    arm.graph.node("sim", mode="lockstep")
    arm.arm(timeout_s=40)
    assert not arm.ask([0.5, 0.0, 0.0])["refused"]


@pytest.mark.slow
def test_a_killed_driver_latches_the_monitor_and_comes_back_not_armed(arm: ArmSide) -> None:
    arm.ask([1.0, 0.0, 0.0])
    kill(arm.graph, "arm_driver")
    assert "arm_driver" in arm.latched()["reason"]
    arm.graph.node("arm_driver", mode="lockstep")
    arm.client.take(topic="arm_driver/state")
    back = arm.client.wait("arm_driver/state", lambda m: True, timeout_s=40)
    assert back["state"] != ARMED and back["at_rest"]
    arm.arm(timeout_s=30)
    assert not arm.ask([0.0, 1.0, 0.0])["refused"]


def test_incidents_are_written_when_a_folder_is_given(tmp_path: Path, arm: ArmSide) -> None:
    # The shared graph gives none; the monitor must say so by writing nothing.
    assert not list(arm.graph.folder.glob("**/incident-*.jsonl"))
