"""Listens to a running graph for `robot-learning bench`: latency, rates, as one JSON line.

With `--answers` also how long the policy takes from a state to its request, both as they are heard
here, and what it says of its plans in its diagnostics. An interrupt ends it as its time does.
"""

from __future__ import annotations

import argparse
import json
import time

import numpy as np
import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from robot_learning_interfaces.msg import ActionRequest, ExecutedAction
from sensor_msgs.msg import JointState
from trajectory_msgs.msg import JointTrajectory

from robot_learning_nodes.convert import to_seconds
from robot_learning_nodes.node_process import exit_process, leave_graph
from robot_learning_nodes.qos import COMMAND, RECEIPT, SENSOR, STREAM


class Probe(Node):
    """Collects the ages that the driver reports and counts the commands on the wire."""

    def __init__(self, *, answers: bool) -> None:
        super().__init__("bench_probe")
        self.heard_s: dict[float, float] = {}
        self.answers_s: list[float] = []
        self.said: dict[str, str] = {}
        if answers:
            self.create_subscription(JointState, "joint_states", self._state, SENSOR)
            self.create_subscription(ActionRequest, "policy/action", self._request, COMMAND)
            self.create_subscription(DiagnosticArray, "/diagnostics", self._diagnosis, STREAM)
        self.ages_s: list[float] = []
        self.commands = 0
        self.begun_s = 0.0
        self.create_subscription(ExecutedAction, "executed_action", self._executed, RECEIPT)
        self.create_subscription(
            JointTrajectory, "arm_controller/joint_trajectory", self._command, COMMAND
        )

    def _executed(self, message: ExecutedAction) -> None:
        if message.kind == ActionRequest.KIND_ACTION and not message.refused:
            self.ages_s.append(message.observation_age_s)

    def _state(self, message: JointState) -> None:
        self.heard_s[_moment(message)] = time.monotonic()

    def _request(self, message: ActionRequest) -> None:
        heard_s = self.heard_s.get(_moment(message))
        if heard_s is not None and message.kind == ActionRequest.KIND_ACTION:
            self.answers_s.append(time.monotonic() - heard_s)

    def _diagnosis(self, message: DiagnosticArray) -> None:
        for status in message.status:
            if status.name == "policy" and any(entry.key == "plans" for entry in status.values):
                self.said = {entry.key: entry.value for entry in status.values}

    def answers(self) -> dict[str, object]:
        """Times in milliseconds, and the newest diagnostics."""
        return {"answers_ms": [1e3 * answer for answer in self.answers_s], "policy": self.said}

    def _command(self, _message: JointTrajectory) -> None:
        self.commands += 1
        self.begun_s = self.begun_s or time.monotonic()


def _moment(message: JointState | ActionRequest) -> float:
    """The stamp as a name: seconds, without the last digits, which are not the same everywhere."""
    return round(to_seconds(message.header.stamp), 4)


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--answers", action="store_true")
    options, ros_arguments = parser.parse_known_args()
    rclpy.init(args=ros_arguments)
    node = Probe(answers=options.answers)
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    end_s = time.monotonic() + options.seconds
    try:
        while time.monotonic() < end_s:
            executor.spin_once(timeout_sec=0.2)
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    ages_ms = 1000.0 * np.array(node.ages_s or [float("nan")])
    span_s = time.monotonic() - node.begun_s
    result: dict[str, object] = {
        "n": len(node.ages_s),
        "p50_ms": float(np.percentile(ages_ms, 50)),
        "p99_ms": float(np.percentile(ages_ms, 99)),
        "actions_per_s": len(node.ages_s) / span_s,
        "commands_per_s": node.commands / span_s,
    }
    if options.answers:
        result |= node.answers()
    print(json.dumps(result), flush=True)
    leave_graph(executor, node)
    exit_process(0)
