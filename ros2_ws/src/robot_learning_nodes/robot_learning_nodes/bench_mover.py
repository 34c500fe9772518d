"""Keeps an arm moving for `robot-learning bench faults`: requests as a policy makes them."""

from __future__ import annotations

from robot_learning_interfaces.msg import ActionRequest
from sensor_msgs.msg import JointState

from robot_learning.benchmark.circling import Circling
from robot_learning.control.action import ActionKind
from robot_learning_nodes.actor_messages import write_request
from robot_learning_nodes.convert import JointNames
from robot_learning_nodes.graph_node import GraphNode
from robot_learning_nodes.node_process import exit_process, run
from robot_learning_nodes.qos import COMMAND, SENSOR


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
        self.out = self.advertise(ActionRequest, "policy/action", COMMAND)
        self.listen(JointState, "joint_states", self._state, SENSOR)

    def _state(self, message: JointState) -> None:
        state = self.names.read_state(message)
        if 0.0 <= state.stamp_s - self.asked_s < self.wait_s:
            return
        self.asked_s = state.stamp_s
        action = self.circling.action(state)
        kind = ActionKind.ACTION
        request = write_request(self.contract, self.sequence, kind, action, state.stamp_s)
        self.out.publish(request)
        self.sequence += 1


def main() -> None:
    """Entry point."""
    exit_process(run(BenchMover))
