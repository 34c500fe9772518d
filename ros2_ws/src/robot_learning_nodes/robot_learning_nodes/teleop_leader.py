"""A person with a leader arm."""

from __future__ import annotations

import time

from sensor_msgs.msg import JointState, Joy

from robot_learning.hardware import RobotState
from robot_learning.teleoperation import DeviceError, LeaderBindings, load_bindings
from robot_learning.teleoperation.leader import Leader
from robot_learning_nodes.convert import MessageError
from robot_learning_nodes.graph_node import Parameter
from robot_learning_nodes.node_process import exit_process, run
from robot_learning_nodes.teleop_node import DEVICE, OPERATOR, TeleopNode


class TeleopLeader(TeleopNode):
    """Feeds the leader's joint states, and the arm's."""

    name = "teleop_leader"
    device_kind = "leader"
    parameters = (
        OPERATOR,
        Parameter("bindings", "leader", "a name in config/teleop or a path to YAML"),
    )

    def configure(self) -> None:
        """Listens to leader and pedals."""
        bindings = load_bindings(self.values["bindings"], LeaderBindings)
        self.leader = Leader(bindings, self.contract)
        self.listen(JointState, "leader/joint_states", self._leader, DEVICE)
        self.listen(Joy, "joy", self._pedals, DEVICE)
        self.connect(self.leader, bindings)

    def state_seen(self, state: RobotState) -> None:
        """Where the arm is."""
        self.leader.on_arm(state.position_rad)

    def _leader(self, message: JointState) -> None:
        try:
            self.leader.feed(message.name, message.position, time.monotonic())
        except DeviceError as error:
            raise MessageError(str(error)) from None

    def _pedals(self, message: Joy) -> None:
        self.leader.feed_buttons(message.buttons, time.monotonic())


def main() -> None:
    """Entry point."""
    exit_process(run(TeleopLeader))
