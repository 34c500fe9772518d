"""Moves a gripper whose driver has an action server and no joint trajectory controller.

Franka Hand, xArm Gripper and ros2_control's gripper controllers are moved so. `gripper_driver`
knows nothing of it: what it sends is taken from its topic and asked of the server.
"""

from __future__ import annotations

import time
from typing import Any

from action_msgs.msg import GoalStatus, GoalStatusArray
from action_msgs.srv import CancelGoal
from control_msgs.action import GripperCommand
from rclpy.action import ActionClient
from rclpy.qos import qos_profile_action_status_default
from trajectory_msgs.msg import JointTrajectory

from robot_learning.control.gripper_goals import (
    Ask,
    Cancel,
    CancelOthers,
    GripperGoal,
    GripperGoals,
)
from robot_learning.kinematics.gripper_joints import GripperJoints
from robot_learning_nodes.convert import JointNames
from robot_learning_nodes.graph_node import ERROR, OK, WARN, GraphNode, Parameter
from robot_learning_nodes.node_process import exit_process, run
from robot_learning_nodes.qos import COMMAND

LOOK_PERIOD_S = 0.1
SERVER_MISSING_S = 2.0
UNDER_WAY = (GoalStatus.STATUS_ACCEPTED, GoalStatus.STATUS_EXECUTING, GoalStatus.STATUS_CANCELING)


class GripperAction(GraphNode):
    """The gripper's trajectories in, goals of control_msgs/action/GripperCommand out."""

    name = "gripper_action"
    shares_memory = False
    parameters = (
        Parameter(
            "action",
            "gripper_controller/gripper_cmd",
            "the action of type control_msgs/action/GripperCommand that moves the gripper",
        ),
        Parameter(
            "unsaid_force_n",
            10.0,
            "N, how hard it may press where the task says no force: gently, for it holds nothing",
            minimum=0.0,
            maximum=100.0,
        ),
        Parameter(
            "keep_off_m",
            0.0005,
            "no width nearer to fully open is asked for: franka_gripper refuses one that is "
            "wider than it found itself to be when it was homed",
            minimum=0.0,
            maximum=0.01,
        ),
    )

    def configure(self) -> None:
        """Subscribes to the gripper's commands, and looks for the server."""
        self.names = JointNames(self.contract.robot)
        self.gripper = self.contract.robot.gripper
        self.joints = GripperJoints(self.gripper)
        self.goals = GripperGoals()
        self.result: GripperCommand.Result | None = None
        self.goal_handle: Any = None
        self.at_work: set[bytes] = set()  # the server's goals, by their ids
        self.missing_since_s: float | None = time.monotonic()
        action = self.values["action"]
        self.client = ActionClient(self, GripperCommand, action)
        self.release_later(self.client.destroy)
        # ActionClient knows of its own goals alone.
        self.cancel_all = self.client_of(CancelGoal, f"{action}/_action/cancel_goal")
        status = f"{action}/_action/status"
        self.listen(
            GoalStatusArray, status, self._status, qos_profile_action_status_default, always=True
        )
        topic = "gripper_controller/joint_trajectory"
        self.listen(JointTrajectory, topic, self._command, COMMAND)
        self.every(LOOK_PERIOD_S, self._go_on)

    def diagnose(self) -> tuple[bytes, str, dict[str, Any]]:
        """Whether the server is there and takes what it is asked for."""
        figures: dict[str, Any] = {"refused goals": self.goals.refused}
        if self.result is not None:
            figures |= {"stalled": self.result.stalled, "reached": self.result.reached_goal}
        if self.missing_since_s is not None:
            return ERROR, f"no server of {self.values['action']}: does its driver run?", figures
        if self.goals.refused and self.goals.given is None:
            return WARN, f"{self.values['action']} takes no goal", figures
        if self._others_at_work():
            return WARN, f"{self.values['action']} is at work on a goal of another", figures
        return OK, "moving" if self.goals.under_way else "holding", figures

    def _command(self, message: JointTrajectory) -> None:
        width_m, force_n = self.names.read_grip(message)
        width_m = min(width_m, self.gripper.width_max_m - self.values["keep_off_m"])
        effort_n = self.values["unsaid_force_n"] if force_n is None else force_n
        effort_n = min(effort_n, self.gripper.force_max_n)
        self.goals.want(GripperGoal(float(self.joints.positions(width_m)[0]), effort_n))
        self._go_on()

    def _go_on(self) -> None:
        ready = self._server_is_there()
        due = self.goals.next(time.monotonic(), ready, self._others_at_work())
        if isinstance(due, Cancel):
            self.goal_handle.cancel_goal_async()
        elif isinstance(due, CancelOthers):
            self.get_logger().warning(f"{self.values['action']}: ends a goal of another")
            answer = self.cancel_all.call_async(CancelGoal.Request())  # no id, no time: every goal
            answer.add_done_callback(self._others_end)
        elif isinstance(due, Ask):
            goal = GripperCommand.Goal()
            goal.command.position = due.goal.position
            goal.command.max_effort = due.goal.max_effort_n
            number = due.number
            answer = self.client.send_goal_async(goal)
            answer.add_done_callback(lambda future: self._answered(number, future.result()))

    def _server_is_there(self) -> bool:
        now_s = time.monotonic()
        if self.client.server_is_ready():
            self.missing_since_s = None
            return True
        if self.missing_since_s is None:  # it was there: its goals ended with it
            self.missing_since_s = now_s
            self.at_work.clear()
        if now_s - self.missing_since_s > SERVER_MISSING_S:
            text = f"no server of {self.values['action']}: does the gripper's driver run?"
            self.get_logger().error(text, throttle_duration_sec=10.0)
        return False

    def _status(self, message: GoalStatusArray) -> None:
        self.at_work = {
            bytes(status.goal_info.goal_id.uuid)
            for status in message.status_list
            if status.status in UNDER_WAY
        }

    def _others_end(self, answer: Any) -> None:
        # One that was started anew says no status before its first goal: the last is of the dead.
        if not answer.result().goals_canceling:
            self.at_work.clear()

    def _others_at_work(self) -> bool:
        # A goal's result may come before the status that says so.
        own = set() if self.goal_handle is None else {bytes(self.goal_handle.goal_id.uuid)}
        return not self.goals.under_way and bool(self.at_work - own)

    def _answered(self, number: int, handle: Any) -> None:
        wanted = self.goals.answered(number, handle.accepted, time.monotonic())
        if not handle.accepted:
            text = f"{self.values['action']} refused a goal; it is asked again"
            self.get_logger().warning(text, throttle_duration_sec=2.0)
            return
        if not wanted:
            handle.cancel_goal_async()
            return
        self.goal_handle = handle
        handle.get_result_async().add_done_callback(
            lambda future: self._ended(number, future.result().result)
        )

    def _ended(self, number: int, result: Any) -> None:
        self.result = result
        self.goals.ended(number)
        self._go_on()


def main() -> None:
    """Entry point."""
    exit_process(run(GripperAction))
