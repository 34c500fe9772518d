"""The topics by which whoever acts sees the world: states, and what the task needs beside them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from geometry_msgs.msg import PoseStamped, WrenchStamped
from rclpy.qos import QoSProfile
from sensor_msgs.msg import JointState

from robot_learning.contract import Contract
from robot_learning.hardware import Array, Moment, RobotState, Scene
from robot_learning.perception.scene_sight import SceneSight
from robot_learning_nodes.convert import JointNames, read_position, read_wrench, to_seconds
from robot_learning_nodes.qos import LATCHED, SENSOR


class Listen(Protocol):
    """Makes a subscription; a callback may refuse a message (MessageError)."""

    def __call__(
        self,
        kind: type,
        topic: str,
        callback: Callable[[Any], None],
        qos: QoSProfile,
        *,
        always: bool = False,
    ) -> None:
        """Of this type, on this topic; `always`: also while its node is not active."""


class Seeing(Protocol):
    """Who acts."""

    def on_state(self, state: RobotState, scene: Scene) -> None:
        """A new measurement, and where the task's objects are in it."""

    def on_target(self, stamp_s: float, position_m: Array) -> None:
        """The target of the task, base frame."""


class SceneTopics:
    """Joins joint states, object poses and wrenches by their stamps, for one who acts."""

    def __init__(
        self, contract: Contract, listen: Listen, actor: Seeing, *, lockstep: bool
    ) -> None:
        """Subscribes to what the contract's task needs."""
        self.actor = actor
        self.names = JointNames(contract.robot)
        self.base = contract.robot.arm.base_frame
        self.sight = SceneSight(contract, lockstep=lockstep, with_target=False)
        listen(JointState, "joint_states", self._state, SENSOR)
        if "target_position_m" in contract.task.scene:
            listen(PoseStamped, "target_pose", self._target, LATCHED, always=True)
        if "object_position_m" in self.sight.needs:
            listen(PoseStamped, "object_pose", self._object, SENSOR)
        if "wrench" in self.sight.needs:
            listen(WrenchStamped, "wrench", self._felt, SENSOR)

    def missing(self) -> str | None:
        """What the newest state waits for, as its topic is called; None: nothing."""
        return self.sight.missing()

    def _state(self, message: JointState) -> None:
        self._see(self.sight.on_state(self.names.read_state(message)))

    def _object(self, message: PoseStamped) -> None:
        place = read_position(message, "object_pose", self.base)
        stamp_s = to_seconds(message.header.stamp)
        self._see(self.sight.on_part("object_position_m", stamp_s, place))

    def _felt(self, message: WrenchStamped) -> None:
        stamp_s = to_seconds(message.header.stamp)
        self._see(self.sight.on_part("wrench", stamp_s, read_wrench(message)))

    def _target(self, message: PoseStamped) -> None:
        target = read_position(message, "target_pose", self.base)
        self.actor.on_target(to_seconds(message.header.stamp), target)

    def _see(self, moment: Moment | None) -> None:
        if moment is not None:
            self.actor.on_state(*moment)
