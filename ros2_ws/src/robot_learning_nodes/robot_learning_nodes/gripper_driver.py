"""Holds the gripper at the width that the task asks for, and says what it holds."""

from __future__ import annotations

import time
from typing import Any

from robot_learning_interfaces.msg import ActionRequest, GripperState, SafetyState
from sensor_msgs.msg import JointState
from trajectory_msgs.msg import JointTrajectory

from robot_learning.contract.actions import TcpGrasp, TcpPick
from robot_learning.control.action import ActionKind
from robot_learning.control.gripper_control import GripperControl
from robot_learning_nodes.convert import JointNames, MessageError, to_seconds
from robot_learning_nodes.graph_node import OK, GraphNode, Parameter
from robot_learning_nodes.node_process import exit_process, run
from robot_learning_nodes.qos import COMMAND, LATCHED, SENSOR, STREAM

STILL_M_S = 1e-3
REPORT_PERIOD_S = 0.1
SEND_AGAIN_S = 1.0


class GripperDriver(GraphNode):
    """The task's action sets the width; a width is sent as a one-point trajectory."""

    name = "gripper_driver"
    shares_memory = False
    parameters = (
        Parameter(
            "held_gap_m",
            0.004,
            "an object is held when the fingers rest this far from the commanded width",
            minimum=0.0,
            maximum=0.1,
        ),
        Parameter(
            "says_force",
            True,
            "say the task's force as the trajectory's effort; the simulator and backends know it, "
            "ros2_control's joint trajectory controller drops a trajectory that has one",
        ),
    )

    def configure(self) -> None:
        """Subscribes to the active action and the joint states."""
        self.names = JointNames(self.contract.robot)
        self.gripper = self.contract.robot.gripper
        self.control = GripperControl(self.contract)
        action = self.contract.task.action
        grasps = isinstance(action, TcpGrasp | TcpPick) and self.values["says_force"]
        self.force_n = action.gripper_force_n if grasps else None
        self.sent_width_m: float | None = None
        self.sent_s = 0.0
        self.object_held = False
        self.latest: JointState | None = None
        self.command = self.advertise(
            JointTrajectory, "gripper_controller/joint_trajectory", COMMAND
        )
        self.out = self.advertise(GripperState, "gripper_driver/state", STREAM)
        self.listen(ActionRequest, "active_action", self._action, COMMAND)
        self.listen(JointState, "joint_states", self._state, SENSOR)
        self.listen(SafetyState, "safety/state", self._safety, LATCHED, always=True)
        self.every(REPORT_PERIOD_S, self._report_state)

    def diagnose(self) -> tuple[bytes, str, dict[str, Any]]:
        """The commanded width and whether something is held."""
        figures = {"target_width_m": self.sent_width_m, "object_held": self.object_held}
        return OK, "holding width", figures

    def _action(self, message: ActionRequest) -> None:
        stamp_s = to_seconds(message.header.stamp)
        try:
            kind = ActionKind(message.kind)
        except ValueError:
            raise MessageError(f"{message.source} asks for kind {message.kind}") from None
        reason = self.control.on_request(
            message.source,
            message.sequence,
            kind,
            message.action,
            stamp_s,
            self._stamp_now_s(stamp_s),
            message.contract_sha256,
            message.doubt,
        )
        if reason is not None:
            raise MessageError(reason)
        width_m = self.control.width_m
        if width_m is not None and (width_m != self.sent_width_m or self._stalls()):
            self._send(width_m)

    def _stalls(self) -> bool:
        """The fingers rest elsewhere: on an object, or because the command was lost."""
        waited_s = time.monotonic() - self.sent_s
        return self.object_held and waited_s > SEND_AGAIN_S

    def _stamp_now_s(self, stamp_s: float) -> float:
        """The present on the clock of the stamps; in lockstep no later than what is known."""
        if not self.lockstep:
            return self.wall_now_s()
        return stamp_s if self.latest is None else max(stamp_s, _stamp_s(self.latest))

    def _state(self, message: JointState) -> None:
        if self.latest is not None and _stamp_s(message) < _stamp_s(self.latest):
            self.sent_width_m = None  # the simulator was started again, its gripper too
        self.latest = message

    def _safety(self, message: SafetyState) -> None:
        armed = message.state == SafetyState.ARMED
        self.control.set_allowed(None if armed else f"safety: {message.reason or 'not armed'}")

    def _send(self, width_m: float) -> None:
        travel_s = self.gripper.width_max_m / self.gripper.speed_max_m_s
        self.command.publish(self.names.write_grip(width_m, travel_s, self.force_n))
        self.sent_width_m, self.sent_s = width_m, time.monotonic()

    def _report_state(self) -> None:
        if self.latest is None:
            return
        try:
            state = self.names.read_state(self.latest)
        except MessageError as error:
            self.reject("joint_states", str(error))
            return
        target_m = state.gripper_width_m if self.sent_width_m is None else self.sent_width_m
        still = abs(state.gripper_speed_m_s) < STILL_M_S
        self.object_held = bool(
            still and abs(state.gripper_width_m - target_m) > self.values["held_gap_m"]
        )
        message = GripperState(
            width_m=state.gripper_width_m,
            speed_m_s=state.gripper_speed_m_s,
            target_width_m=target_m,
            force_n=state.gripper_force_n,
            object_held=self.object_held,
        )
        message.header = self.latest.header
        self.out.publish(message)


def _stamp_s(message: JointState) -> float:
    return to_seconds(message.header.stamp)


def main() -> None:
    """Entry point."""
    exit_process(run(GripperDriver))
