"""The actor's node: states, rewards and weights in; action requests and episode steps out.

With a learner it collects training and evaluation episodes as the learner's status asks. With a
policy file it plays that many episodes and reports.
"""

from __future__ import annotations

import json
import time
import uuid
from collections import deque
from pathlib import Path
from typing import Any

import numpy as np
from geometry_msgs.msg import PoseStamped
from robot_learning_interfaces.msg import (
    ActionRequest,
    EpisodeEvent,
    EpisodeStep,
    ExecutedAction,
    LearnerStatus,
    PolicyParameters,
    Reward,
    SafetyState,
)
from robot_learning_interfaces.srv import ResetEpisode
from sensor_msgs.msg import JointState

from robot_learning.control.action import ActionKind
from robot_learning.evaluation import wilson_interval
from robot_learning.hardware import Array
from robot_learning.replay.step import Float32, Step
from robot_learning.training.actor import Actor
from robot_learning.training.actor_types import (
    Choice,
    EpisodeEnd,
    EpisodePlan,
    Judgement,
    Outcome,
    Receipt,
)
from robot_learning.training.environments import episode_seed
from robot_learning.training.files import write_atomic
from robot_learning.training.policy_file import PolicyFileError, load_policy, policy_from_bytes
from robot_learning.training.task_settings import task_exploration
from robot_learning_nodes.convert import (
    JointNames,
    MessageError,
    finite_floats,
    floats,
    to_seconds,
    to_time,
)
from robot_learning_nodes.graph_node import OK, WARN, GraphNode, Parameter, StartError
from robot_learning_nodes.node_process import exit_process, run
from robot_learning_nodes.qos import COMMAND, LATCHED, RECORD, SENSOR, STREAM
from robot_learning_nodes.step_messages import write_step

TICK_PERIOD_S = 0.2
# Steps that the learner has not acknowledged are kept and sent again; with more than this the
# actor starts no further episode until the learner is back.
UNACKNOWLEDGED_MAX = 4000
RESEND_AFTER_S = 3.0
# Scenes of evaluation and of play are the same in every run and shared with no training.
EVALUATION_STREAM, PLAY_STREAM = 1, 2
OUTCOMES = {
    Outcome.SUCCESS: EpisodeEvent.OUTCOME_SUCCESS,
    Outcome.FAILURE: EpisodeEvent.OUTCOME_FAILURE,
    Outcome.ABORTED: EpisodeEvent.OUTCOME_ABORTED,
}


class PolicyNode(GraphNode):
    """Carries out what the library's Actor asks (it is the Actor's link)."""

    name = "policy"
    parameters = (
        Parameter("algorithm", "td3", "learning method, for its exploration"),
        Parameter("overrides", "{}", "hyper-parameters that differ from the defaults, as JSON"),
        Parameter("seed", 0, "seed of scenes and exploration", minimum=0, maximum=2**31 - 1),
        Parameter("policy", "", "policy folder to play; empty: train with a learner"),
        Parameter("episodes", 10, "episodes to play", minimum=1, maximum=1000000),
        Parameter("out", "", "folder for the result of playing"),
        Parameter(
            "patience_s",
            3.0,
            "give an episode up when nothing happens for so long",
            minimum=0.5,
            maximum=60.0,
        ),
    )

    def configure(self) -> None:
        """Loads the policy where one is to be played; subscribes."""
        self.names = JointNames(self.contract.robot)
        self.actor_id = uuid.uuid4().hex
        self.actor = Actor(
            self.contract,
            self,
            actor_id=self.actor_id,
            lockstep=self.lockstep,
            clock=time.monotonic,
            patience_s=self.values["patience_s"],
        )
        self.policy: Any = None
        self.learner: LearnerStatus | None = None
        self.sequence = 0
        self.unacknowledged: deque[EpisodeStep] = deque()
        self.sent_s = time.monotonic()
        self.resent = 0
        self.played: list[EpisodeEnd] = []
        self.evaluated = 0
        self.random = np.random.default_rng([self.values["seed"], int(self.actor_id[:8], 16)])
        self.playing = bool(self.values["policy"])
        if self.playing:
            try:
                self.policy = load_policy(Path(self.values["policy"]), self.contract)
            except PolicyFileError as error:
                self.exit_code = 2
                raise StartError(str(error)) from None
        else:
            self.exploration = task_exploration(
                self.contract,
                self.values["algorithm"],
                json.loads(self.values["overrides"]),
                seed=int(self.random.integers(2**31)),
            )
        self.request_out = self.advertise(ActionRequest, "policy/action", COMMAND)
        self.step_out = self.advertise(EpisodeStep, "episode_step", RECORD)
        self.event_out = self.advertise(EpisodeEvent, "episode_event", RECORD)
        self.reset_client = self.create_client(ResetEpisode, "reset")
        self._made.append((self.destroy_client, self.reset_client))
        self.listen(JointState, "joint_states", self._state, SENSOR)
        self.listen(Reward, "reward", self._reward, STREAM)
        self.listen(ExecutedAction, "executed_action", self._executed, STREAM)
        self.listen(PoseStamped, "target_pose", self._target, LATCHED, always=True)
        self.listen(SafetyState, "safety/state", self._safety, LATCHED, always=True)
        if not self.playing:
            self.listen(PolicyParameters, "policy/parameters", self._weights, LATCHED, always=True)
            self.listen(LearnerStatus, "learner/status", self._learner, STREAM, always=True)
        self.every(TICK_PERIOD_S, self._tick)

    def stop(self) -> None:
        """Asks the arm to come to rest where it is."""
        if self.active and self.actor.state is not None:
            zeros = np.zeros(self.contract.task.action.size, np.float32)
            self.request(ActionKind.HOLD, zeros, self.actor.state.stamp_s, 0)

    def diagnose(self) -> tuple[bytes, str, dict[str, Any]]:
        """Phase, weights in use, steps not yet acknowledged."""
        figures = {
            "phase": self.actor.phase.value,
            "episodes": self.actor.episodes,
            "aborted": self.actor.aborted,
            "policy_version": self.policy.version if self.policy else 0,
            "unacknowledged": len(self.unacknowledged),
            "resent": self.resent,
        }
        if self.actor.phase.value == "waiting":
            return WARN, f"waiting: {self.actor.waiting_for}", figures
        return OK, self.actor.phase.value, figures

    # What the actor asks (ActorLink).

    def plan(self) -> EpisodePlan | str:
        """Training, evaluation or playing, and the scene's seed."""
        if self.playing:
            if len(self.played) >= self.values["episodes"]:
                return "all episodes are played"
            return EpisodePlan(
                episode_seed(self.values["seed"], PLAY_STREAM, len(self.played)), True
            )
        status = self.learner
        if status is None:
            return "the learner's status"
        if len(self.unacknowledged) > UNACKNOWLEDGED_MAX:
            return f"the learner: {len(self.unacknowledged)} steps are not acknowledged"
        if status.phase == LearnerStatus.DONE:
            return "the run is done"
        if status.phase == LearnerStatus.EVALUATING:
            if self.policy is None:
                return "the learner's policy"
            index = max(self.evaluated, status.evaluation_episodes)
            if index >= status.evaluation_episodes_goal:
                return "the learner to count the evaluation"
            return EpisodePlan(episode_seed(self.values["seed"], EVALUATION_STREAM, index), True)
        return EpisodePlan(int(self.random.integers(2**31)), False)

    def choose(self, observation: Float32, goal: Float32, is_evaluation: bool) -> Choice:
        """The policy's action; while training with exploration, or random during warm-up."""
        if is_evaluation:
            return Choice(self.policy.act(observation, goal), self.policy.version)
        steps = self.learner.steps if self.learner else 0
        if self.policy is None or self.exploration.is_random(steps):
            return Choice(self.exploration.random_action(), 0)
        action = self.exploration.disturb(self.policy.act(observation, goal), steps)
        return Choice(action, self.policy.version)

    def request(self, kind: ActionKind, action: Float32, stamp_s: float, version: int) -> int:
        """Publishes an action request."""
        message = ActionRequest(
            source="policy",
            sequence=self.sequence,
            kind=int(kind),
            action=floats(action),
            policy_version=version,
            contract_sha256=self.contract.sha256,
        )
        message.header.stamp = to_time(stamp_s)
        message.header.frame_id = self.contract.robot.arm.base_frame
        self.request_out.publish(message)
        self.sequence += 1
        return message.sequence

    def reset(self, seed: int) -> None:
        """Calls the reset service; the answer comes as `Actor.on_reset`."""
        if not self.reset_client.service_is_ready():
            self.actor.on_reset(None, "the reset service is not there (sim, or a person's node)")
            return
        future = self.reset_client.call_async(ResetEpisode.Request(seed=seed))

        def done(answer: Any) -> None:
            result = answer.result()
            if result is not None and result.success:
                self.actor.on_reset(to_seconds(result.stamp))
            else:
                self.actor.on_reset(None, result.message if result else "no answer")

        future.add_done_callback(done)

    def episode_started(self, episode: int, plan: EpisodePlan, stamp_s: float) -> None:
        """Publishes the event."""
        event = EpisodeEvent(
            actor_id=self.actor_id,
            episode=episode,
            event=EpisodeEvent.START,
            is_evaluation=plan.is_evaluation,
        )
        event.header.stamp = to_time(stamp_s)
        self.event_out.publish(event)

    def step(self, step: Step) -> None:
        """Publishes a step and keeps it until the learner has it on disk."""
        message = write_step(step, self.contract.robot.arm.base_frame, self.contract.sha256)
        if not self.playing:
            if not self.unacknowledged:
                self.sent_s = time.monotonic()
            self.unacknowledged.append(message)
        self.step_out.publish(message)

    def episode_ended(self, end: EpisodeEnd) -> None:
        """Publishes the event; counts; ends a finished play."""
        event = EpisodeEvent(
            actor_id=self.actor_id,
            episode=end.episode,
            event=EpisodeEvent.END,
            outcome=OUTCOMES[end.outcome],
            episode_return=end.episode_return,
            steps=end.steps,
            is_evaluation=end.is_evaluation,
            note=end.note,
        )
        event.header.stamp = to_time(self.wall_now_s())
        self.event_out.publish(event)
        if end.outcome is Outcome.ABORTED:
            self.get_logger().warning(f"episode {end.episode} given up: {end.note}")
            return
        if end.is_evaluation and not self.playing:
            self.evaluated += 1
        if self.playing:
            self.played.append(end)
            self._report_play()

    # Messages in.

    def _state(self, message: JointState) -> None:
        self.actor.on_state(self.names.read_state(message))

    def _reward(self, message: Reward) -> None:
        self.actor.on_reward(
            to_seconds(message.header.stamp),
            Judgement(message.reward, message.success, message.terminated),
        )

    def _executed(self, message: ExecutedAction) -> None:
        if message.source != "policy":
            return
        self.actor.on_receipt(
            message.sequence,
            Receipt(
                np.asarray(message.requested, np.float32),
                np.asarray(message.gated, np.float32),
                np.asarray(message.executed, np.float32),
                message.observation_age_s,
            ),
        )

    def _target(self, message: PoseStamped) -> None:
        position = message.pose.position
        goal: Array = np.array([position.x, position.y, position.z])
        if not finite_floats(goal.tolist()):
            raise MessageError(f"target_pose is not finite: {goal.tolist()}")
        self.actor.on_target(to_seconds(message.header.stamp), goal)

    def _safety(self, message: SafetyState) -> None:
        armed = message.state == SafetyState.ARMED
        self.actor.set_allowed(None if armed else f"safety: {message.reason or 'not armed'}")

    def _weights(self, message: PolicyParameters) -> None:
        if message.contract_sha256 != self.contract.sha256:
            raise MessageError(
                f"weights for contract {message.contract_sha256[:12]}, this node runs "
                f"{self.contract.sha256[:12]}; start learner and policy with the same contract"
            )
        try:
            self.policy, _ = policy_from_bytes(bytes(message.safetensors), "policy/parameters")
        except PolicyFileError as error:
            raise MessageError(str(error)) from None

    def _learner(self, message: LearnerStatus) -> None:
        self.learner = message
        if self.actor_id in message.actor_ids:
            below = message.acknowledged_steps[message.actor_ids.index(self.actor_id)]
            while self.unacknowledged and self.unacknowledged[0].step_number < below:
                self.unacknowledged.popleft()
                self.sent_s = time.monotonic()
        if self.unacknowledged and time.monotonic() - self.sent_s > RESEND_AFTER_S:
            # A learner that was away: everything since its last receipt, in order, again.
            self.get_logger().warning(f"sending {len(self.unacknowledged)} steps again")
            for kept in self.unacknowledged:
                self.step_out.publish(kept)
            self.resent += len(self.unacknowledged)
            self.sent_s = time.monotonic()

    def _tick(self) -> None:
        self.actor.tick()
        if self.playing and len(self.played) >= self.values["episodes"]:
            self.exit_code = 0

    def _report_play(self) -> None:
        n = len(self.played)
        successes = sum(end.outcome is Outcome.SUCCESS for end in self.played)
        low, high = wilson_interval(successes, n)
        returns = [end.episode_return for end in self.played]
        self.get_logger().info(
            f"episode {n}/{self.values['episodes']}: {self.played[-1].outcome.value}; "
            f"success {successes / n:.2f} (n = {n}, 95 % {low:.2f} to {high:.2f})"
        )
        if n == self.values["episodes"] and self.values["out"]:
            result = {
                "n": n,
                "mean_return": float(np.mean(returns)),
                "std_return": float(np.std(returns)),
                "success_rate": successes / n,
                "wilson95": [low, high],
                "contract": self.contract.sha256,
                "policy_version": self.policy.version,
            }
            folder = Path(self.values["out"])
            folder.mkdir(parents=True, exist_ok=True)
            write_atomic(folder / "evaluation.json", (json.dumps(result) + "\n").encode())


def main() -> None:
    """Entry point."""
    exit_process(run(PolicyNode))
