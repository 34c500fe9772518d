"""A person's hand, and a saboteur's, for `robot-learning bench faults`.

One JSON object a line on standard input, one on standard output. It calls the services that a
person calls, tells the stand-in robot and the mover what to do wrong, is a rival on the command
topic, and remembers on the steady clock when whose state changed.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from robot_learning_interfaces.msg import DriverState, SafetyState
from std_msgs.msg import String
from std_srvs.srv import Trigger
from trajectory_msgs.msg import JointTrajectory

from robot_learning_nodes.node_process import exit_process, leave_graph
from robot_learning_nodes.qos import COMMAND, LATCHED, RECEIPT, SENSOR

ANSWER_WITHIN_S = 3.0
RIVAL_TOPIC = "arm_controller/joint_trajectory"


class Hand(Node):
    """Does what it is asked, in the thread that asks; messages come in another."""

    def __init__(self) -> None:
        super().__init__("bench_hand")
        self.changes: list[dict[str, Any]] = []
        self.newest: dict[str, tuple[int, str]] = {}
        self.rival: Any = None
        self.create_subscription(SafetyState, "safety/state", self._monitor, LATCHED)
        self.create_subscription(DriverState, "arm_driver/state", self._driver, SENSOR)
        names = ("arm", "reset", "estop")
        self.callers = {name: self.create_client(Trigger, f"safety/{name}") for name in names}
        self.callers["recover"] = self.create_client(Trigger, "stand_in_robot/recover")
        self.callers["free"] = self.create_client(Trigger, "stand_in_robot/free")
        topics = {"inject": "stand_in_robot/inject", "misbehave": "bench_mover/misbehave"}
        self.words = {
            name: self.create_publisher(String, topic, RECEIPT) for name, topic in topics.items()
        }

    def _monitor(self, message: SafetyState) -> None:
        self._note("safety_monitor", message.state, message.reason)

    def _driver(self, message: DriverState) -> None:
        self._note("arm_driver", message.state, message.reason)

    def _note(self, who: str, state: int, reason: str) -> None:
        if self.newest.get(who) != (state, reason):
            self.newest[who] = (state, reason)
            row = {"at_s": time.monotonic(), "who": who, "state": state, "reason": reason}
            self.changes.append(row)

    def do(self, verb: str, **given: Any) -> Any:
        """What a line asks."""
        if verb in self.callers:
            return self._call(verb)
        if verb in self.words:
            self.words[verb].publish(String(data=json.dumps(given)))
            return {"at_s": time.monotonic()}
        if verb == "since":
            changes = [row for row in list(self.changes) if row["at_s"] >= given["at_s"]]
            return {"changes": changes, "newest": self.newest}
        if verb == "rival":
            self.rival = self.create_publisher(JointTrajectory, RIVAL_TOPIC, COMMAND)
            return {"at_s": time.monotonic()}
        if verb == "retire":
            self.destroy_publisher(self.rival)
            return {}
        return {"error": f"unknown: {verb}"}

    def _call(self, name: str) -> dict[str, Any]:
        client = self.callers[name]
        if not client.wait_for_service(timeout_sec=ANSWER_WITHIN_S):
            return {"success": False, "message": f"nobody serves {name}"}
        at_s, future = time.monotonic(), client.call_async(Trigger.Request())
        while not future.done() and time.monotonic() < at_s + ANSWER_WITHIN_S:
            time.sleep(0.002)
        if not future.done():
            return {"success": False, "message": f"no answer from {name}"}
        result = future.result()
        return {"success": result.success, "message": result.message, "at_s": at_s}


def main() -> None:
    """Entry point."""
    rclpy.init(args=sys.argv)
    hand = Hand()
    executor = SingleThreadedExecutor()
    executor.add_node(hand)
    ending = threading.Event()
    spinning = threading.Thread(target=_spin, args=(executor, ending.is_set))
    spinning.start()
    print(json.dumps("ready"), flush=True)
    try:
        for line in sys.stdin:
            print(json.dumps(hand.do(**json.loads(line))), flush=True)
    except KeyboardInterrupt:
        pass
    ending.set()
    spinning.join()
    leave_graph(executor, hand)
    exit_process(0)


def _spin(executor: SingleThreadedExecutor, ending: Callable[[], bool]) -> None:
    try:
        while not ending():
            executor.spin_once(timeout_sec=0.05)
    except ExternalShutdownException:
        return
