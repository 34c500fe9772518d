"""The actor's node: states, rewards and weights in; action requests and episode steps out.

With a learner it collects training and evaluation episodes as the learner's status asks. With a
policy file it plays that many episodes and reports.
"""

from __future__ import annotations

import json
import time
import uuid
from pathlib import Path
from typing import Any

import numpy as np
from geometry_msgs.msg import PoseStamped, WrenchStamped
from robot_learning_interfaces.msg import (
    EpisodeEvent,
    EpisodeStep,
    LearnerStatus,
    PolicyParameters,
    Reward,
)
from sensor_msgs.msg import JointState

from robot_learning.hardware import Moment
from robot_learning.perception.scene_sight import SceneSight
from robot_learning.replay.step import Float32, Step
from robot_learning.training.actor import Actor
from robot_learning.training.actor_types import Choice, EpisodeEnd, EpisodePlan, Outcome
from robot_learning.training.collection import Collection
from robot_learning.training.outbox import Outbox
from robot_learning.training.play import Play
from robot_learning.training.policy_file import PolicyFileError, load_policy, policy_from_bytes
from robot_learning.training.task_settings import task_exploration
from robot_learning_nodes.actor_messages import (
    read_judgement,
    read_label,
    write_mark,
)
from robot_learning_nodes.actor_node import PATIENCE, ActorNode
from robot_learning_nodes.convert import (
    MessageError,
    read_position,
    read_wrench,
    to_seconds,
)
from robot_learning_nodes.graph_node import Parameter, StartError
from robot_learning_nodes.learner_messages import read_status
from robot_learning_nodes.node_process import exit_process, run
from robot_learning_nodes.qos import LATCHED, RECEIPT, RECORD, SENSOR, STREAM
from robot_learning_nodes.step_messages import write_step

TICK_PERIOD_S = 0.2


class PolicyNode(ActorNode):
    """Carries out what the library's Actor asks (it is the Actor's link)."""

    name = "policy"
    parameters = (
        Parameter("algorithm", "td3", "learning method, for its exploration"),
        Parameter("overrides", "{}", "hyper-parameters that differ from the defaults, as JSON"),
        Parameter("seed", 0, "seed of scenes and exploration", minimum=0, maximum=2**31 - 1),
        Parameter("policy", "", "policy folder to play; empty: train with a learner"),
        Parameter("episodes", 10, "episodes to play", minimum=1, maximum=1000000),
        Parameter("out", "", "folder for the result of playing"),
        PATIENCE,
    )

    def configure(self) -> None:
        """Loads the policy where one is to be played; subscribes."""
        self.actor_id = uuid.uuid4().hex
        self.actor = Actor(
            self.contract,
            self,
            actor_id=self.actor_id,
            lockstep=self.lockstep,
            clock=time.monotonic,
            patience_s=self.values["patience_s"],
        )
        self.outbox: Outbox[EpisodeStep] = Outbox(time.monotonic)
        self.program: Collection | Play = self._play() if self.values["policy"] else self._collect()
        self.connect(self.actor)
        self.step_out = self.advertise(EpisodeStep, "episode_step", RECORD)
        self.sight = SceneSight(self.contract, lockstep=self.lockstep, with_target=False)
        self.base = self.contract.robot.arm.base_frame
        self.listen(JointState, "joint_states", self._state, SENSOR)
        self.listen(Reward, "reward", self._reward, RECEIPT)
        self.listen(EpisodeEvent, "teleop/event", self._person_says, RECORD)
        self.person_acts = False
        if "target_position_m" in self.contract.task.scene:
            self.listen(PoseStamped, "target_pose", self._target, LATCHED, always=True)
        if "object_position_m" in self.sight.needs:
            self.listen(PoseStamped, "object_pose", self._object, SENSOR)
        if "wrench" in self.sight.needs:
            self.listen(WrenchStamped, "wrench", self._felt, SENSOR)
        if isinstance(self.program, Collection):
            self.listen(PolicyParameters, "policy/parameters", self._weights, LATCHED, always=True)
            self.listen(LearnerStatus, "learner/status", self._learner, STREAM, always=True)
        self.every(TICK_PERIOD_S, self._tick)

    def _play(self) -> Play:
        try:
            policy = load_policy(Path(self.values["policy"]), self.contract)
        except PolicyFileError as error:
            self.exit_code = 2
            raise StartError(str(error)) from None
        return Play(policy, seed=self.values["seed"], episodes=self.values["episodes"])

    def _collect(self) -> Collection:
        seed = self.values["seed"]
        random = np.random.default_rng([seed, int(self.actor_id[:8], 16)])
        exploration = task_exploration(
            self.contract,
            self.values["algorithm"],
            json.loads(self.values["overrides"]),
            seed=int(random.integers(2**31)),
        )
        return Collection(exploration, random, self.outbox, seed=seed)

    def diagnose(self) -> tuple[bytes, str, dict[str, Any]]:
        """Phase, weights in use, steps not yet acknowledged."""
        figures = {
            "phase": self.actor.phase.value,
            "episodes": self.actor.episodes,
            "aborted": self.actor.aborted,
            "policy_version": self.program.policy.version if self.program.policy else 0,
            "unacknowledged": len(self.outbox),
            "resent": self.outbox.resent,
        }
        return *self.doing(), figures

    # What the actor asks (ActorLink).

    def plan(self) -> EpisodePlan | str:
        """Training, evaluation or playing, and the scene's seed."""
        return self.program.plan()

    def choose(self, observation: Float32, goal: Float32, is_evaluation: bool) -> Choice:
        """The policy's action; while training with exploration, or random during warm-up."""
        return self.program.choose(observation, goal, is_evaluation)

    def step(self, step: Step) -> None:
        """Publishes a step and keeps it until the learner has it on disk."""
        message = write_step(step, self.contract.robot.arm.base_frame, self.contract.sha256)
        if isinstance(self.program, Collection):
            self.outbox.keep(message)
        if step.is_intervention != self.person_acts:
            self._mark_intervention(step.is_intervention, step.episode, step.stamp_s)
        self.step_out.publish(message)

    def episode_ended(self, end: EpisodeEnd) -> None:
        """Publishes the event; counts; ends a finished play."""
        if self.person_acts:
            self._mark_intervention(False, end.episode, self.wall_now_s())
        super().episode_ended(end)
        if end.outcome is Outcome.ABORTED:
            return
        self.program.count(end)
        if isinstance(self.program, Play):
            self.get_logger().info(self.program.line())
            if self.program.done and self.values["out"]:
                self.program.write(Path(self.values["out"]), self.contract.sha256)

    def _mark_intervention(self, begins: bool, episode: int, stamp_s: float) -> None:
        self.person_acts = begins
        event = EpisodeEvent.INTERVENTION_START if begins else EpisodeEvent.INTERVENTION_END
        self.event_out.publish(write_mark(self.actor_id, episode, event, stamp_s, ""))

    # Messages in.

    def _person_says(self, message: EpisodeEvent) -> None:
        """A person ends the running episode, or wants its scene again."""
        who, episode = message.actor_id, self.actor.episodes
        if message.event == EpisodeEvent.DISCARD:
            if self.actor.discard(f"discarded by {who}; its scene begins again"):
                stamp_s, event = self.wall_now_s(), EpisodeEvent.DISCARD
                self.event_out.publish(write_mark(self.actor_id, episode, event, stamp_s, who))
        elif message.event == EpisodeEvent.END:
            label = read_label(message)
            self.actor.end_episode(label, f"ended by {who}" + (f": {label.value}" if label else ""))

    def _state(self, message: JointState) -> None:
        self._see(self.sight.on_state(self.names.read_state(message)))

    def _object(self, message: PoseStamped) -> None:
        place = read_position(message, "object_pose", self.base)
        stamp_s = to_seconds(message.header.stamp)
        self._see(self.sight.on_part("object_position_m", stamp_s, place))

    def _felt(self, message: WrenchStamped) -> None:
        stamp_s = to_seconds(message.header.stamp)
        self._see(self.sight.on_part("wrench", stamp_s, read_wrench(message)))

    def _see(self, moment: Moment | None) -> None:
        if moment is not None:
            self.actor.on_state(*moment)

    def _reward(self, message: Reward) -> None:
        self.actor.on_reward(to_seconds(message.header.stamp), read_judgement(message))

    def _target(self, message: PoseStamped) -> None:
        target = read_position(message, "target_pose", self.base)
        self.actor.on_target(to_seconds(message.header.stamp), target)

    def _weights(self, message: PolicyParameters) -> None:
        self.require_contract("weights", message.contract_sha256)
        try:
            self.program.policy, _ = policy_from_bytes(
                bytes(message.safetensors), "policy/parameters"
            )
        except PolicyFileError as error:
            raise MessageError(str(error)) from None

    def _learner(self, message: LearnerStatus) -> None:
        assert isinstance(self.program, Collection)
        status = self.program.status = read_status(message)
        if self.actor_id in status.actor_ids:
            index = status.actor_ids.index(self.actor_id)
            self.outbox.acknowledge(status.acknowledged_steps[index])
        again = self.outbox.due()
        if again:
            self.get_logger().warning(f"sending {len(again)} steps again")
        for kept in again:
            self.step_out.publish(kept)

    def _tick(self) -> None:
        self.actor.tick()
        if isinstance(self.program, Play) and self.program.done:
            self.exit_code = 0


def main() -> None:
    """Entry point."""
    exit_process(run(PolicyNode))
