"""One call of a person in the graph, or a look at it, as one JSON line.

`robot-learning operator` runs it.
"""

from __future__ import annotations

import argparse
import json
import time
from typing import Any

import rclpy
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from robot_learning_interfaces.msg import SafetyState
from std_srvs.srv import Trigger

from robot_learning_nodes.enclave import with_enclave
from robot_learning_nodes.node_process import exit_process, leave_graph
from robot_learning_nodes.qos import LATCHED

SERVICES = {
    "arm": "safety/arm",
    "reset": "safety/reset",
    "estop": "safety/estop",
    "arranged": "scene/arranged",
    "self-test": "self_test/run",
}
SELF_TEST = "self_test/result"
SETTLES_S = 2.0  # until a self-test is found, where there is one
NAMES = {
    getattr(SafetyState, name): name for name in ("DISARMED", "ARMED", "STOPPING", "FAULT", "ESTOP")
}


class Caller(Node):
    """Hears the monitor and the self-test, and calls a service."""

    def __init__(self) -> None:
        super().__init__("operator_call")
        self.state: SafetyState | None = None
        self.tested: DiagnosticArray | None = None
        self.create_subscription(SafetyState, "safety/state", self._heard, LATCHED)
        self.create_subscription(DiagnosticArray, SELF_TEST, self._found, LATCHED)

    def _heard(self, message: SafetyState) -> None:
        self.state = message

    def _found(self, message: DiagnosticArray) -> None:
        self.tested = message

    def report(self) -> dict[str, Any]:
        """What was heard."""
        state, tested = self.state, self.tested
        found = (
            [] if tested is None else [s for s in tested.status if s.level != DiagnosticStatus.OK]
        )
        return {
            "state": None if state is None else NAMES[state.state],
            "reason": "" if state is None else state.reason,
            "missing": [] if state is None else list(state.missing),
            "self_test": None if tested is None else [f"{s.name}: {s.message}" for s in found],
        }


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=[*SERVICES, "state"])
    parser.add_argument("--wait", type=float, default=5.0)
    options, ros_arguments = parser.parse_known_args()
    rclpy.init(args=with_enclave(ros_arguments, "operator"))
    node = Caller()
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    print(json.dumps(_do(node, executor, options.what, options.wait)), flush=True)
    leave_graph(executor, node)
    exit_process(0)


def _do(node: Caller, executor: SingleThreadedExecutor, what: str, wait_s: float) -> dict[str, Any]:
    end_s = time.monotonic() + wait_s
    if what == "state":
        while node.state is None and time.monotonic() < end_s:
            executor.spin_once(timeout_sec=0.1)
        heard_s = time.monotonic()
        while node.tested is None:
            patience_s = wait_s if node.count_publishers(SELF_TEST) else SETTLES_S
            if time.monotonic() > heard_s + patience_s:
                break
            executor.spin_once(timeout_sec=0.1)
        heard = node.state is not None
        return {"success": heard, "message": "" if heard else _NOBODY, **node.report()}
    client = node.create_client(Trigger, SERVICES[what])
    while not client.service_is_ready():
        if time.monotonic() > end_s:
            return {"success": False, "message": f"nobody serves {SERVICES[what]}: {_NOBODY}"}
        executor.spin_once(timeout_sec=0.05)
    future = client.call_async(Trigger.Request())
    while not future.done() and time.monotonic() < end_s:
        executor.spin_once(timeout_sec=0.05)
    if not future.done():
        return {"success": False, "message": f"no answer from {SERVICES[what]} in {wait_s:g} s"}
    result = future.result()
    return {"success": result.success, "message": result.message}


_NOBODY = "does the graph run, in this ROS_DOMAIN_ID?"
