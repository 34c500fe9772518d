"""Judges what the task is about: in every state, or in every picture.

States are judged by what the robot itself knows, or, with a classifier, by pictures alone.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable
from typing import Any

import numpy as np
from geometry_msgs.msg import PoseStamped, WrenchStamped
from robot_learning_interfaces.msg import EpisodeEvent, ExecutedAction, Reward
from sensor_msgs.msg import Image, JointState

from robot_learning.contract import BinGraspTask
from robot_learning.control.action import ActionKind
from robot_learning.hardware import Moment
from robot_learning.kinematics import ArmKinematics
from robot_learning.perception.image_pipeline import ImageError
from robot_learning.perception.scene_sight import SceneSight
from robot_learning.perception.sight import Seen, Sight
from robot_learning.perception.task_camera import task_camera
from robot_learning.rewards.judge import make_judge
from robot_learning.rewards.lift import lift_step
from robot_learning.rewards.lift_monitor import JudgedMoment, LiftMonitor
from robot_learning_nodes.camera_messages import read_image
from robot_learning_nodes.convert import (
    JointNames,
    MessageError,
    read_position,
    read_wrench,
    to_seconds,
    to_time,
)
from robot_learning_nodes.graph_node import ERROR, OK, WARN, GraphNode, Parameter
from robot_learning_nodes.node_process import exit_process, run
from robot_learning_nodes.pixel_rewards import PixelRewards
from robot_learning_nodes.qos import IMAGE, LATCHED, RECEIPT, RECORD, SENSOR


class RewardMonitor(GraphNode):
    """The task's reward for the state, or the picture, with the same stamp."""

    name = "reward_monitor"
    gives_way = True
    parameters = (
        Parameter(
            "success_classifier",
            "",
            "folder of a classifier of pictures (robot-learning reward fit) whose word is the only "
            "reward; empty: the task's own condition judges",
        ),
        Parameter("out", "runs/graph", "folder for the record of a person's words over it"),
    )

    def configure(self) -> None:
        """Subscribes to what the task is judged by."""
        self.names = JointNames(self.contract.robot)
        self.kinematics = ArmKinematics(self.contract.robot.arm)
        self.judged = 0
        self.out = self.advertise(Reward, "reward", RECEIPT)
        task = self.contract.task
        self.lift: LiftMonitor | None = None
        self.pixels: PixelRewards | None = None
        if self.values["success_classifier"]:
            self.pixels = PixelRewards(self, self._publish_success)
        elif isinstance(task, BinGraspTask):
            self.task = task
            self.lift = LiftMonitor(self.contract, self.kinematics)
            self.sight = Sight(self.contract, time.monotonic)
            camera = task_camera(self.contract)
            self.listen(JointState, "joint_states", self._seen_state, SENSOR)
            self.listen(Image, f"{camera.name}/observation", self._picture, IMAGE)
            self.listen(ExecutedAction, "executed_action", self._executed, RECEIPT)
            self.listen(EpisodeEvent, "episode_event", self._event, RECORD)
        else:
            self.base = self.contract.robot.arm.base_frame
            self.judge = make_judge(self.contract, self.kinematics)
            self.scene = SceneSight(self.contract, lockstep=self.lockstep, with_target=True)
            if "target_position_m" in task.scene:
                self.listen(PoseStamped, "target_pose", self._target, LATCHED, always=True)
            if "object_position_m" in self.scene.needs:
                self.listen(PoseStamped, "object_pose", self._object, RECEIPT)
            if "wrench" in self.scene.needs:
                self.listen(WrenchStamped, "wrench", self._felt, RECEIPT)
            self.listen(JointState, "joint_states", self._state, RECEIPT)

    def diagnose(self) -> tuple[bytes, str, dict[str, Any]]:
        """Whether there is something to judge by."""
        if self.pixels is not None:
            return self.pixels.diagnose()
        figures = {"judged": self.judged}
        if self.lift is not None:
            if self.sight.blind is not None:
                return ERROR, self.sight.blind, figures
            return OK, "judging" if self.lift.judging else "no episode runs", figures
        if (missing := self.scene.missing()) is not None:
            return WARN, f"no {missing} of the newest state", figures
        return OK, "judging", figures

    # By numbers.

    def _target(self, message: PoseStamped) -> None:
        self._judge(self.scene.on_target(read_position(message, "target_pose", self.base)))

    def _object(self, message: PoseStamped) -> None:
        place = read_position(message, "object_pose", self.base)
        stamp_s = to_seconds(message.header.stamp)
        self._judge(self.scene.on_part("object_position_m", stamp_s, place))

    def _felt(self, message: WrenchStamped) -> None:
        stamp_s = to_seconds(message.header.stamp)
        self._judge(self.scene.on_part("wrench", stamp_s, read_wrench(message)))

    def _state(self, message: JointState) -> None:
        self._judge(self.scene.on_state(self.names.read_state(message)))

    def _judge(self, moment: Moment | None) -> None:
        if moment is None:
            return
        judged = self.judge.judge(*moment)
        self._publish(
            moment.state.stamp_s,
            judged.reward,
            judged.success,
            judged.terminated,
            judged.distance_m,
        )

    # By pictures.

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
            self._publish(moment.stamp_s, step.reward, success, step.terminated)

    # By a classifier.

    def _publish_success(self, stamp_s: float, success: bool) -> None:
        self._publish(stamp_s, float(success), success, success)

    def _publish(
        self,
        stamp_s: float,
        reward: float,
        success: bool,
        terminated: bool,
        distance_m: float = math.nan,
    ) -> None:
        message = Reward(
            reward=reward, success=success, terminated=terminated, distance_m=distance_m
        )
        message.header.stamp = to_time(stamp_s)
        message.header.frame_id = self.contract.robot.arm.base_frame
        self.out.publish(message)
        self.judged += 1


def main() -> None:
    """Entry point."""
    exit_process(run(RewardMonitor))
