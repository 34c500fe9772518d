"""Simulator, driver, monitor and arbiter in lockstep, and a hand on their topics."""

from __future__ import annotations

import time
from typing import Any

from conftest import Graph

from robot_learning.contract import load_contract

CONTRACT = load_contract("panda", "reach")
ARMED, FAULT, ESTOP, DISARMED = 1, 3, 4, 0
NODES = ["sim", "safety_monitor", "arm_driver", "gripper_driver", "arbiter", "reward_monitor"]


class ArmSide:
    """The running nodes and a hand on their topics."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        for name in NODES:
            graph.node(name, mode="lockstep")
        graph.node("lifecycle_manager", nodes=",".join(NODES))
        self.client = client = graph.client()
        self.sequence = 0
        client.listen(topic="joint_states", type="sensor_msgs/JointState")
        client.listen(topic="executed_action", type="robot_learning_interfaces/ExecutedAction")
        client.listen(
            topic="safety/state", type="robot_learning_interfaces/SafetyState", latched=True
        )
        client.listen(topic="arm_driver/state", type="robot_learning_interfaces/DriverState")
        client.listen(topic="reward", type="robot_learning_interfaces/Reward")
        client.listen(
            topic="arm_controller/joint_trajectory", type="trajectory_msgs/JointTrajectory"
        )
        client.listen(topic="target_pose", type="geometry_msgs/PoseStamped", latched=True)
        graph.wait_for_log("lifecycle_manager", "nodes are active", timeout_s=90)
        self.arm(timeout_s=60)

    def service(self, name: str, timeout_s: float = 30) -> dict[str, Any]:
        """Calls a trigger, again where a killed server took the call with it."""
        end = time.monotonic() + timeout_s
        while True:
            answer: dict[str, Any] = self.client.call_once(service=name)
            if "error" not in answer:
                return answer
            assert time.monotonic() < end, answer["error"]

    def arm(self, timeout_s: float = 15) -> None:
        """Resets where needed and arms, as a person would: until it is allowed."""
        end = time.monotonic() + timeout_s
        answer: dict[str, Any] = {}
        while time.monotonic() < end:
            answer = self.service("safety/arm")
            if answer["success"] or "the state is ARMED" in answer["message"]:
                self.client.take(topic="arm_driver/state")
                self.client.wait("arm_driver/state", lambda m: m["state"] == ARMED)
                return
            if "reset first" in answer["message"]:
                self.service("safety/reset")
            time.sleep(0.1)
        raise AssertionError(f"not armed in {timeout_s} s: {answer}")

    def state(self) -> dict[str, Any]:
        self.client.take(topic="joint_states")
        return self.client.wait("joint_states", lambda m: True)

    def rest(self) -> dict[str, Any]:
        """The state once the arm is at rest: without actions the driver sees to that.

        It is looked at twice: a state may be said again after an action was asked for, before
        anything has come of it.
        """
        end = time.monotonic() + 15
        rests: dict[str, Any] | None = None
        while True:
            state = self.state()
            if max(abs(speed) for speed in state["velocity"][:7]) >= 1e-3:
                rests = None
            elif rests is not None and state["position"] == rests["position"]:
                return state
            else:
                rests = state
                time.sleep(0.5)
            assert time.monotonic() < end, f"the arm does not come to rest: {state}"

    def reset(self, seed: int) -> dict[str, float]:
        """Draws a target; returns where it is."""
        self.client.take(topic="target_pose")
        answer = self.client.call(
            service="reset", type="robot_learning_interfaces/ResetEpisode", fields={"seed": seed}
        )
        assert answer["success"]
        return dict(self.client.wait("target_pose", lambda m: True)["pose"]["position"])

    def ask(self, action: list[float], **changes: Any) -> dict[str, Any]:
        """Sends one action for the present state; returns the driver's receipt."""
        sequence = self.send(action, **changes)
        return self.client.wait(
            "executed_action", lambda m: m["sequence"] == sequence, timeout_s=10
        )

    def send(self, action: list[float], **changes: Any) -> int:
        stamp = self.state()["header"]["stamp"]
        fields = {
            "header": {"stamp": stamp, "frame_id": "panda_link0"},
            "source": "policy",
            "sequence": self.sequence,
            "kind": 0,
            "action": action,
            "contract_sha256": CONTRACT.sha256,
        } | changes
        self.sequence = max(self.sequence, fields["sequence"]) + 1
        self.client.take(topic="executed_action")
        self.client.publish(
            topic="policy/action", type="robot_learning_interfaces/ActionRequest", fields=fields
        )
        return int(fields["sequence"])

    def latched(self, timeout_s: float = 10) -> dict[str, Any]:
        """Waits for a latched stop and returns the monitor's words."""
        return self.client.wait(
            "safety/state", lambda m: m["state"] in (FAULT, ESTOP), timeout_s=timeout_s
        )


def seconds(message: dict[str, Any]) -> float:
    stamp = message["header"]["stamp"]
    return float(stamp["sec"] + stamp["nanosec"] * 1e-9)
