"""The yardstick of `robot-learning bench graph`: processes that do nothing but pass a message on.

`ring`: index 0 starts one JointState round a ring of processes and counts the rounds per second.
`line`: index 0 sends a stamped JointState at a rate, the last measures its age on arrival.
Plain nodes on rclpy's default executor: what anybody would write first.
"""

from __future__ import annotations

import argparse
import json
import time

import numpy as np
import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from sensor_msgs.msg import JointState

from robot_learning_nodes.convert import to_seconds, to_time
from robot_learning_nodes.node_process import exit_process, leave_graph
from robot_learning_nodes.qos import COMMAND

JOINTS = 9
SETTLE_S = 1.0


class Chain(Node):
    """One process of the chain."""

    def __init__(self, kind: str, size: int, index: int, rate_hz: float) -> None:
        super().__init__(f"bench_chain_{index}")
        self.kind, self.size, self.index = kind, size, index
        self.rounds = self.counted_from = 0
        self.begun_s = self.counted_from_s = 0.0
        self.ages_s: list[float] = []
        follower = (index + 1) % size if kind == "ring" else index + 1
        self.out = self.create_publisher(JointState, f"bench_chain/hop{follower}", COMMAND)
        self.create_subscription(JointState, f"bench_chain/hop{index}", self._receive, COMMAND)
        if index == 0:
            self.create_timer(1.0 / rate_hz if kind == "line" else 0.2, self._start)

    def _start(self) -> None:
        """Sends a message: always in a line; in a ring until the first one has come round."""
        if self.kind == "ring" and self.rounds:
            return
        if self.out.get_subscription_count() == 0:
            return
        message = JointState(name=[f"joint{i}" for i in range(JOINTS)])
        message.position = message.velocity = message.effort = [0.0] * JOINTS
        message.header.stamp = to_time(time.time())
        self.out.publish(message)

    def _receive(self, message: JointState) -> None:
        if self.kind == "line" and self.index == self.size - 1:
            self.begun_s = self.begun_s or time.monotonic()
            self.ages_s.append(time.time() - to_seconds(message.header.stamp))
            return
        if self.index == 0:
            self.rounds += 1
            now_s = time.monotonic()
            self.begun_s = self.begun_s or now_s
            if now_s - self.begun_s < SETTLE_S:
                self.counted_from, self.counted_from_s = self.rounds, now_s
        self.out.publish(message)

    def measured_for_s(self) -> float:
        """Seconds since the first message came through."""
        return time.monotonic() - self.begun_s if self.begun_s else 0.0

    def result(self) -> dict[str, float]:
        """What this process measured."""
        if self.kind == "ring":
            span_s = time.monotonic() - self.counted_from_s
            return {"loops_per_s": (self.rounds - self.counted_from) / span_s}
        ages_ms = 1000.0 * np.array(self.ages_s[len(self.ages_s) // 10 :])
        return {
            "n": len(ages_ms),
            "p50_ms": float(np.percentile(ages_ms, 50)),
            "p99_ms": float(np.percentile(ages_ms, 99)),
        }


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=["ring", "line"])
    parser.add_argument("--size", type=int, required=True)
    parser.add_argument("--index", type=int, required=True)
    parser.add_argument("--rate-hz", type=float, default=20.0)
    parser.add_argument("--seconds", type=float, default=8.0)
    options, ros_arguments = parser.parse_known_args()
    rclpy.init(args=ros_arguments)
    node = Chain(options.kind, options.size, options.index, options.rate_hz)
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    measures = options.index == (0 if options.kind == "ring" else options.size - 1)
    try:
        while not (measures and node.measured_for_s() > options.seconds):
            executor.spin_once(timeout_sec=0.2)
    except (KeyboardInterrupt, ExternalShutdownException):
        leave_graph(executor, node)
        exit_process(0)
    print(json.dumps(node.result()), flush=True)
    leave_graph(executor, node)
    exit_process(0)
