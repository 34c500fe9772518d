"""Keeps an arm moving for `robot-learning bench faults`: requests as a policy makes them.

When it is told so, requests as a policy must never make them.
"""

from __future__ import annotations

import json
import math

import numpy as np
from robot_learning_interfaces.msg import ActionRequest
from sensor_msgs.msg import JointState
from std_msgs.msg import String

from robot_learning.benchmark.circling import Circling
from robot_learning.control.action import ActionKind
from robot_learning_nodes.actor_messages import write_request
from robot_learning_nodes.convert import JointNames, MessageError, to_seconds, to_time
from robot_learning_nodes.graph_node import GraphNode
from robot_learning_nodes.node_process import exit_process, run
from robot_learning_nodes.qos import COMMAND, RECEIPT, SENSOR

# What a request is made into.
_NUMBERS = {"nan": math.nan, "infinite": math.inf, "huge": 1e38}
_BAD = (*_NUMBERS, "too_long", "too_short", "old", "ahead", "twice", "other_contract", "other_kind")


class BenchMover(GraphNode):
    """One request a control period, for the newest state."""

    name = "bench_mover"

    def configure(self) -> None:
        """Subscribes to the states."""
        self.names = JointNames(self.contract.robot)
        self.circling = Circling(self.contract)
        self.sequence = 0
        self.asked_s = float("-inf")
        self.wait_s = self.contract.control_period_s - 0.5 / self.contract.robot.rates.state_hz
        self.bad, self.bad_left = "", 0
        self.out = self.advertise(ActionRequest, "policy/action", COMMAND)
        self.listen(String, "bench_mover/misbehave", self._misbehave, RECEIPT)
        self.listen(JointState, "joint_states", self._state, SENSOR)

    def _state(self, message: JointState) -> None:
        state = self.names.read_state(message)
        if 0.0 <= state.stamp_s - self.asked_s < self.wait_s:
            return
        self.asked_s = state.stamp_s
        action = self.circling.action(state)
        kind = ActionKind.ACTION
        request = write_request(self.contract, self.sequence, kind, action, state.stamp_s)
        self.sequence += 1
        if self.bad_left:
            self.bad_left -= 1
            self._spoil(request)
        self.out.publish(request)

    def _misbehave(self, message: String) -> None:
        asked = json.loads(message.data)
        if asked["what"] not in _BAD:
            raise MessageError(f"no request is {asked['what']!r}; known: {', '.join(_BAD)}")
        self.bad, self.bad_left = asked["what"], asked["count"]

    def _spoil(self, request: ActionRequest) -> None:
        size = self.contract.task.action.size
        if self.bad in _NUMBERS:
            request.action = np.full(size, _NUMBERS[self.bad], np.float32)
        elif self.bad in ("too_long", "too_short"):
            request.action = np.zeros(size + (1 if self.bad == "too_long" else -1), np.float32)
        elif self.bad in ("old", "ahead"):
            off_s = -2.0 if self.bad == "old" else 2.0
            request.header.stamp = to_time(to_seconds(request.header.stamp) + off_s)
        elif self.bad == "twice":
            self.out.publish(request)
        elif self.bad == "other_contract":
            request.contract_sha256 = "0" * 64
        else:
            request.kind = 77


def main() -> None:
    """Entry point."""
    exit_process(run(BenchMover))
