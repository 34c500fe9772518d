"""Judges what the task is about: the way to the goal in every state, or a lift in every picture."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable
from typing import Any

import numpy as np
from geometry_msgs.msg import PoseStamped
from robot_learning_interfaces.msg import EpisodeEvent, ExecutedAction, Reward
from sensor_msgs.msg import Image, JointState

from robot_learning.contract import BinGraspTask
from robot_learning.control.action import ActionKind
from robot_learning.hardware import Array
from robot_learning.kinematics import ArmKinematics
from robot_learning.perception.image_pipeline import ImageError
from robot_learning.perception.sight import Seen, Sight
from robot_learning.perception.task_camera import task_camera
from robot_learning.rewards.lift import lift_step
from robot_learning.rewards.lift_monitor import JudgedMoment, LiftMonitor
from robot_learning.rewards.reach import ReachReward
from robot_learning_nodes.actor_messages import read_target
from robot_learning_nodes.convert import (
    JointNames,
    MessageError,
    read_image,
    to_seconds,
    to_time,
)
from robot_learning_nodes.graph_node import ERROR, OK, WARN, GraphNode
from robot_learning_nodes.node_process import exit_process, run
from robot_learning_nodes.qos import IMAGE, LATCHED, RECEIPT, RECORD, SENSOR


class RewardMonitor(GraphNode):
    """The task's reward for the state, or the picture, with the same stamp."""

    name = "reward_monitor"
    gives_way = True

    def configure(self) -> None:
        """Subscribes to what the task is judged by."""
        self.names = JointNames(self.contract.robot)
        self.kinematics = ArmKinematics(self.contract.robot.arm)
        self.judged = 0
        self.out = self.advertise(Reward, "reward", RECEIPT)
        task = self.contract.task
        self.lift: LiftMonitor | None = None
        if isinstance(task, BinGraspTask):
            self.task = task
            self.lift = LiftMonitor(self.contract, self.kinematics)
            self.sight = Sight(self.contract, time.monotonic)
            camera = task_camera(self.contract)
            self.listen(JointState, "joint_states", self._seen_state, SENSOR)
            self.listen(Image, f"{camera.name}/observation", self._picture, IMAGE)
            self.listen(ExecutedAction, "executed_action", self._executed, RECEIPT)
            self.listen(EpisodeEvent, "episode_event", self._event, RECORD)
        else:
            self.reward = ReachReward(task)
            self.goal: Array | None = None
            self.listen(PoseStamped, "target_pose", self._target, LATCHED, always=True)
            self.listen(JointState, "joint_states", self._state, RECEIPT)

    def diagnose(self) -> tuple[bytes, str, dict[str, Any]]:
        """Whether there is something to judge by."""
        figures = {"judged": self.judged}
        if self.lift is not None:
            if self.sight.blind is not None:
                return ERROR, self.sight.blind, figures
            return OK, "judging" if self.lift.judging else "no episode runs", figures
        if self.goal is None:
            return WARN, "no target_pose yet", figures
        return OK, "judging", figures

    # Reaching.

    def _target(self, message: PoseStamped) -> None:
        self.goal = read_target(message, self.contract)

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

    # Lifting.

    def _seen_state(self, message: JointState) -> None:
        self._see(self.sight.on_state(self.names.read_state(message)))

    def _picture(self, message: Image) -> None:
        try:
            seen = self.sight.on_picture(to_seconds(message.header.stamp), read_image(message))
        except ImageError as error:
            raise MessageError(str(error)) from None
        except MessageError as error:
            self.sight.refuse(str(error))
            raise
        self._see(seen)

    def _see(self, seen: Seen | None) -> None:
        if seen is not None and self.lift is not None:
            self._say(self.lift.on_seen(seen))

    def _executed(self, message: ExecutedAction) -> None:
        if message.kind == int(ActionKind.ACTION) and self.lift is not None:
            gated = np.asarray(message.gated, np.float64)
            self._say(self.lift.on_action(to_seconds(message.header.stamp), gated))

    def _event(self, message: EpisodeEvent) -> None:
        assert self.lift is not None
        if message.event == EpisodeEvent.START:
            self._say(self.lift.on_start(to_seconds(message.header.stamp)))
        elif message.event == EpisodeEvent.END:
            self.lift.on_end()

    def _say(self, moments: Iterable[JudgedMoment]) -> None:
        for moment in moments:
            success = moment.judgement.success
            step = lift_step(self.task, asked_to_end=False, last=True, success=success)
            message = Reward(
                reward=step.reward,
                success=success,
                terminated=step.terminated,
                distance_m=math.nan,
            )
            message.header.stamp = to_time(moment.stamp_s)
            message.header.frame_id = self.contract.robot.arm.base_frame
            self.out.publish(message)
            self.judged += 1


def main() -> None:
    """Entry point."""
    exit_process(run(RewardMonitor))
