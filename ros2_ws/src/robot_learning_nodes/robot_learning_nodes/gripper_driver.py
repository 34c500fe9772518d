"""Holds the gripper at the width that the task asks for, and says what it holds."""

from __future__ import annotations

from typing import Any

import numpy as np
from robot_learning_interfaces.msg import ActionRequest, GripperState
from sensor_msgs.msg import JointState
from trajectory_msgs.msg import JointTrajectory

from robot_learning.contract import ReachTask, task_of
from robot_learning.hardware import JointPoint
from robot_learning_nodes.convert import JointNames
from robot_learning_nodes.graph_node import OK, GraphNode, Parameter
from robot_learning_nodes.node_process import exit_process, run
from robot_learning_nodes.qos import COMMAND, SENSOR, STREAM

STILL_M_S = 1e-3
REPORT_PERIOD_S = 0.1


class GripperDriver(GraphNode):
    """The task's action sets the width; a width is sent as a one-point trajectory."""

    name = "gripper_driver"
    gives_way = True
    parameters = (
        Parameter(
            "held_gap_m",
            0.004,
            "an object is held when the fingers rest this far from the commanded width",
            minimum=0.0,
            maximum=0.1,
        ),
    )

    def configure(self) -> None:
        """Subscribes to the active action and the joint states."""
        self.names = JointNames(self.contract.robot)
        self.gripper = self.contract.robot.gripper
        self.target_width_m = task_of(self.contract, ReachTask).action.gripper_width_m
        self.sent_width_m: float | None = None
        self.object_held = False
        self.latest: JointState | None = None
        self.command = self.advertise(
            JointTrajectory, "gripper_controller/joint_trajectory", COMMAND
        )
        self.out = self.advertise(GripperState, "gripper_driver/state", STREAM)
        self.listen(ActionRequest, "active_action", self._action, COMMAND)
        self.listen(JointState, "joint_states", self._state, SENSOR)
        self.every(REPORT_PERIOD_S, self._report_state)

    def diagnose(self) -> tuple[bytes, str, dict[str, Any]]:
        """The commanded width and whether something is held."""
        return (
            OK,
            "holding width",
            {
                "target_width_m": self.target_width_m,
                "object_held": self.object_held,
            },
        )

    def _action(self, _message: ActionRequest) -> None:
        if self.sent_width_m != self.target_width_m:
            self._send()

    def _state(self, message: JointState) -> None:
        self.latest = message

    def _send(self) -> None:
        half = min(max(self.target_width_m, 0.0), self.gripper.width_max_m) / 2
        travel_s = self.gripper.width_max_m / self.gripper.speed_max_m_s
        point = JointPoint(travel_s, np.full(2, half), np.zeros(2))
        self.command.publish(self.names.write_trajectory([point], fingers=True))
        self.sent_width_m = self.target_width_m

    def _report_state(self) -> None:
        if self.latest is None:
            return
        state = self.names.read_state(self.latest)
        gap_m = state.gripper_width_m - self.target_width_m
        still = abs(state.gripper_speed_m_s) < STILL_M_S
        self.object_held = bool(
            self.sent_width_m is not None and still and gap_m > self.values["held_gap_m"]
        )
        message = GripperState(
            width_m=state.gripper_width_m,
            speed_m_s=state.gripper_speed_m_s,
            target_width_m=self.target_width_m,
            force_n=state.gripper_force_n,
            object_held=self.object_held,
        )
        message.header = self.latest.header
        self.out.publish(message)


def main() -> None:
    """Entry point."""
    exit_process(run(GripperDriver))
