"""Listens to a running graph for `robot-learning bench graph`: latency, rates, as one JSON line."""

from __future__ import annotations

import argparse
import json
import time

import numpy as np
import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from robot_learning_interfaces.msg import ActionRequest, ExecutedAction
from trajectory_msgs.msg import JointTrajectory

from robot_learning_nodes.node_process import exit_process, leave_graph
from robot_learning_nodes.qos import COMMAND, RECEIPT


class Probe(Node):
    """Collects the ages that the driver reports and counts the commands on the wire."""

    def __init__(self) -> None:
        super().__init__("bench_probe")
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

    def _command(self, _message: JointTrajectory) -> None:
        self.commands += 1
        self.begun_s = self.begun_s or time.monotonic()


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=20.0)
    options, ros_arguments = parser.parse_known_args()
    rclpy.init(args=ros_arguments)
    node = Probe()
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    end_s = time.monotonic() + options.seconds
    try:
        while time.monotonic() < end_s:
            executor.spin_once(timeout_sec=0.2)
    except (KeyboardInterrupt, ExternalShutdownException):
        leave_graph(executor, node)
        exit_process(0)
    ages_ms = 1000.0 * np.array(node.ages_s or [float("nan")])
    span_s = time.monotonic() - node.begun_s
    result = {
        "n": len(node.ages_s),
        "p50_ms": float(np.percentile(ages_ms, 50)),
        "p99_ms": float(np.percentile(ages_ms, 99)),
        "actions_per_s": len(node.ages_s) / span_s,
        "commands_per_s": node.commands / span_s,
    }
    print(json.dumps(result), flush=True)
    leave_graph(executor, node)
    exit_process(0)
