"""An arm behind a backend, for the driver: in the place of topics to and from a robot's own driver.

What it measures goes to the driver in this process and out as `joint_states`, so that the second
safety layer and everybody else see it as they see any other robot.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sensor_msgs.msg import JointState
from trajectory_msgs.msg import JointTrajectory

from robot_learning.backends import BACKENDS, BackendError, open_backend
from robot_learning.hardware import RobotState
from robot_learning.safety.state_machine import SafetyMode
from robot_learning_nodes.graph_node import Parameter, StartError
from robot_learning_nodes.qos import COMMAND, STREAM

if TYPE_CHECKING:
    from robot_learning_nodes.arm_driver import ArmDriver

TOPIC = "topic"
STATE_TOPIC = "joint_states"
PARAMETERS = (
    Parameter(
        "backend",
        TOPIC,
        "how the arm is reached: by the topics of ros2_control's joint trajectory controller, or "
        "by its maker's own interface",
        choices=(TOPIC, *BACKENDS),
    ),
    Parameter("address", "", "of the arm's controller, where the backend needs one"),
)


class DirectArm:
    """Carries between one backend and the driver's node (it is the backend's listener)."""

    def __init__(self, node: ArmDriver) -> None:
        """Connects and advertises.

        Raises:
            StartError: not in lockstep, or the backend refuses; its line says why.
        """
        name = node.values["backend"]
        if node.lockstep:
            raise StartError(f"backend {name} moves a real arm: it needs mode real_time")
        self._node = node
        self._word = SafetyMode.DISARMED
        self._frame = node.contract.robot.arm.base_frame
        self._states = node.advertise(JointState, STATE_TOPIC, STREAM)
        node.listen(JointTrajectory, "gripper_controller/joint_trajectory", self._grip, COMMAND)
        try:
            self.backend = open_backend(name, node.contract.robot, node.values["address"])
            self.backend.connect(self)
        except BackendError as error:
            raise StartError(str(error)) from None
        node.release_later(self.close)

    def close(self) -> None:
        """Lets go of the arm; safe to call twice."""
        self.backend.close()

    def on_state(self, state: RobotState) -> None:
        """A measurement: to the driver first."""
        self._node.driver.on_state(state)
        self._states.publish(self._node.names.write_state(state, self._frame))

    def on_fault(self, reason: str) -> None:
        """The arm does not follow: the driver latches it."""
        self._node.driver.fault(reason)

    def passes(self, word: SafetyMode) -> bool:
        """Whether the monitor's word may reach the driver.

        A reset begins with the arm itself, and the driver's fault stays until that is done.
        """
        before, self._word = self._word, word
        if word is not SafetyMode.DISARMED or not (reason := self.backend.fault()):
            return True
        if before in (SafetyMode.FAULT, SafetyMode.ESTOP):
            self._node.say(f"clearing: {reason}")
            self.backend.clear()
        return False

    def _grip(self, message: JointTrajectory) -> None:
        self.backend.set_gripper(*self._node.names.read_grip(message))
