"""The grasping actor's node: states, pictures, rewards and weights in; requests and episodes out.

It makes the attempts that the learner orders, by the script or by the newest policy. With a policy
file it plays that many attempts and reports.
"""

from __future__ import annotations

import time
import uuid
from pathlib import Path
from typing import Any

from robot_learning_interfaces.msg import (
    GraspEpisode,
    GraspOrder,
    PolicyParameters,
    Reward,
)
from sensor_msgs.msg import Image, JointState
from std_srvs.srv import Trigger

from robot_learning.grasping.actor import GraspActor
from robot_learning.grasping.attempt import RunningAttempt
from robot_learning.grasping.graph_play import GraspPlay
from robot_learning.grasping.orders import Orders
from robot_learning.grasping.policy import grasp_policy_from_bytes, read_grasp_policy
from robot_learning.grasping.workers import Exploration
from robot_learning.grasping.world import ContractWorld
from robot_learning.perception.image_pipeline import ImageError
from robot_learning.perception.task_camera import task_camera
from robot_learning.replay.images import UInt8
from robot_learning.replay.step import Float32
from robot_learning.training.actor_types import Choice, EpisodeEnd, EpisodePlan, Outcome
from robot_learning.training.policy_bytes import PolicyFileError
from robot_learning_nodes.actor_node import PATIENCE, ActorNode
from robot_learning_nodes.camera_messages import read_image
from robot_learning_nodes.convert import MessageError, to_seconds
from robot_learning_nodes.graph_node import ERROR, Parameter, StartError
from robot_learning_nodes.grasp_messages import read_order, write_episode
from robot_learning_nodes.node_process import exit_process, run
from robot_learning_nodes.qos import EPISODE, IMAGE, LATCHED, RECEIPT, SENSOR

TICK_PERIOD_S = 0.2


class GraspPolicyNode(ActorNode):
    """Carries out what the library's GraspActor asks (it is its link)."""

    name = "policy"
    parameters = (
        Parameter("policy", "", "policy folder to play; empty: train with a learner"),
        Parameter("episodes", 10, "episodes to play", minimum=1, maximum=1000000),
        Parameter("seed", 0, "seed of the scenes of playing", minimum=0, maximum=2**31 - 1),
        Parameter("out", "", "folder for the result of playing"),
        PATIENCE,
    )

    def configure(self) -> None:
        """Loads the policy where one is to be played; subscribes."""
        self.actor_id = uuid.uuid4().hex
        world = ContractWorld(self.values["robot"], self.values["task"])
        self.orders: Orders[GraspEpisode] = Orders(world, Exploration(), time.monotonic)
        self.play = self._load(world) if self.values["policy"] else None
        self.grasping = GraspActor(
            self.contract,
            self,
            clock=time.monotonic,
            stamp_clock=None if self.lockstep else self.wall_now_s,
            patience_s=self.values["patience_s"],
        )
        self.connect(self.grasping)
        camera = task_camera(self.contract)
        self.look_client = self.client_of(Trigger, f"{camera.name}/trigger")
        self.episode_out = self.advertise(GraspEpisode, "grasp_episode", EPISODE)
        self.listen(JointState, "joint_states", self._state, SENSOR)
        self.listen(Image, f"{camera.name}/observation", self._picture, IMAGE)
        self.listen(Reward, "reward", self._reward, RECEIPT)
        if self.play is None:
            self.listen(GraspOrder, "grasp_order", self._order, LATCHED, always=True)
            self.listen(PolicyParameters, "policy/parameters", self._weights, LATCHED, always=True)
        self.every(TICK_PERIOD_S, self._tick)

    def _load(self, world: ContractWorld) -> GraspPlay:
        try:
            policy = read_grasp_policy(Path(self.values["policy"]), world.spaces)
        except PolicyFileError as error:
            self.exit_code = 2
            raise StartError(str(error)) from None
        return GraspPlay(policy, seed=self.values["seed"], episodes=self.values["episodes"])

    def diagnose(self) -> tuple[bytes, str, dict[str, Any]]:
        """Phase, decisions, episodes not yet acknowledged; an error where nothing is seen."""
        decisions, actor = self.grasping.decisions, self.grasping
        figures = {
            "phase": actor.phase.value,
            "episodes": actor.episodes,
            "aborted": actor.aborted,
            "policy_version": self.orders.version,
            "decisions": decisions.made,
            "missed_deadlines": decisions.missed,
            "decision_p50_ms": f"{decisions.quantile_ms(0.5):.1f}",
            "decision_p99_ms": f"{decisions.quantile_ms(0.99):.1f}",
            "unacknowledged": len(self.orders),
            "resent": self.orders.resent,
        }
        if actor.sight.blind is not None:
            return ERROR, f"the arm holds: {actor.sight.blind}", figures
        return *self.doing(), figures

    # What the actor asks (GraspLink).

    def plan(self) -> EpisodePlan | str:
        """The next attempt that the learner wants, or that is to be played."""
        return (self.play or self.orders).plan()

    def choose(self, picture: UInt8, state: Float32) -> Choice:
        """The action of whoever acts in this attempt."""
        return (self.play or self.orders).choose(picture, state)

    def look(self) -> None:
        """Asks the camera for a picture, where time stands still."""
        if self.look_client.service_is_ready():
            self.look_client.call_async(Trigger.Request())

    def attempted(self, attempt: RunningAttempt) -> None:
        """Publishes the episode and keeps it until the learner has it on disk."""
        if self.play is not None:
            return
        seed = self.orders.seed
        message = write_episode(
            attempt.episode(self.orders.source, seed),
            self.actor_id,
            attempt.first_stamp_s,
            self.contract.robot.arm.base_frame,
            self.contract.sha256,
        )
        self.orders.keep(seed, message)
        self.episode_out.publish(message)

    def episode_ended(self, end: EpisodeEnd) -> None:
        """Publishes the event; ends a finished play."""
        super().episode_ended(end)
        if self.play is None or end.outcome is Outcome.ABORTED:
            return
        self.play.count(end)
        self.get_logger().info(self.play.line())
        if self.play.done and self.values["out"]:
            self.play.write(Path(self.values["out"]), self.contract.sha256)

    # Messages in.

    def _state(self, message: JointState) -> None:
        self.grasping.on_state(self.names.read_state(message))

    def _picture(self, message: Image) -> None:
        try:
            picture = read_image(message)
        except MessageError as error:
            self.grasping.on_bad_picture(str(error))
            raise
        try:
            self.grasping.on_picture(to_seconds(message.header.stamp), picture)
        except ImageError as error:
            raise MessageError(str(error)) from None

    def _reward(self, message: Reward) -> None:
        self.grasping.on_judgement(to_seconds(message.header.stamp), message.success)

    def _order(self, message: GraspOrder) -> None:
        self.require_contract("an order", message.contract_sha256)
        wanted, acknowledged = read_order(message)
        self.orders.take(wanted, acknowledged, done=message.done)

    def _weights(self, message: PolicyParameters) -> None:
        self.require_contract("weights", message.contract_sha256)
        try:
            policy = grasp_policy_from_bytes(bytes(message.safetensors), "policy/parameters")
        except PolicyFileError as error:
            raise MessageError(str(error)) from None
        self.orders.take_policy(policy, message.version)

    def _tick(self) -> None:
        self.grasping.tick()
        if self.play is not None and self.play.done:
            self.exit_code = 0
        again = self.orders.due()
        if again:
            self.get_logger().warning(f"sending {len(again)} episodes again")
        for message in again:
            self.episode_out.publish(message)


def main() -> None:
    """Entry point."""
    exit_process(run(GraspPolicyNode))
