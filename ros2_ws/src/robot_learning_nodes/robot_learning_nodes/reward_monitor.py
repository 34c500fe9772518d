"""Judges every state: reward, success, distance to the goal."""

from __future__ import annotations

from typing import Any

import numpy as np
from geometry_msgs.msg import PoseStamped
from robot_learning_interfaces.msg import Reward
from sensor_msgs.msg import JointState

from robot_learning.contract import ReachTask, task_of
from robot_learning.hardware import Array
from robot_learning.kinematics import ArmKinematics
from robot_learning.rewards.reach import ReachReward
from robot_learning_nodes.convert import JointNames, MessageError, finite_floats
from robot_learning_nodes.graph_node import OK, WARN, GraphNode
from robot_learning_nodes.node_process import exit_process, run
from robot_learning_nodes.qos import LATCHED, RECEIPT


class RewardMonitor(GraphNode):
    """The task's reward for the state with the same stamp."""

    name = "reward_monitor"
    gives_way = True

    def configure(self) -> None:
        """Subscribes to states and the target."""
        self.names = JointNames(self.contract.robot)
        self.kinematics = ArmKinematics(self.contract.robot.arm)
        self.reward = ReachReward(task_of(self.contract, ReachTask))
        self.goal: Array | None = None
        self.judged = 0
        self.out = self.advertise(Reward, "reward", RECEIPT)
        self.listen(PoseStamped, "target_pose", self._target, LATCHED, always=True)
        self.listen(JointState, "joint_states", self._state, RECEIPT)

    def diagnose(self) -> tuple[bytes, str, dict[str, Any]]:
        """Whether there is a goal to judge by."""
        if self.goal is None:
            return WARN, "no target_pose yet", {"judged": self.judged}
        return OK, "judging", {"judged": self.judged}

    def _target(self, message: PoseStamped) -> None:
        position = message.pose.position
        goal = [position.x, position.y, position.z]
        if not finite_floats(goal):
            raise MessageError(f"target_pose is not finite: {goal}")
        base = self.contract.robot.arm.base_frame
        if message.header.frame_id != base:
            raise MessageError(f"target_pose is in frame {message.header.frame_id!r}, not {base!r}")
        self.goal = np.array(goal)

    def _state(self, message: JointState) -> None:
        if self.goal is None:
            return
        state = self.names.read_state(message)
        achieved = self.kinematics.tcp_position(state.position_rad)
        self.out.publish(
            Reward(
                header=message.header,
                reward=float(self.reward.reward(achieved, self.goal)),
                success=bool(self.reward.success(achieved, self.goal)),
                terminated=False,
                distance_m=float(self.reward.distance_m(achieved, self.goal)),
            )
        )
        self.judged += 1


def main() -> None:
    """Entry point."""
    exit_process(run(RewardMonitor))
