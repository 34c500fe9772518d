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
from robot_learning_interfaces.msg import EpisodeStep, LearnerStatus, PolicyParameters

from robot_learning.networks import Policy
from robot_learning.planning.deadline import PlanWatch, plan_budget_s
from robot_learning.replay.step import Float32
from robot_learning.training.actor import Actor
from robot_learning.training.actor_types import (
    ActorPhase,
    Choice,
    EpisodeEnd,
    EpisodePlan,
    Outcome,
)
from robot_learning.training.collection import Collection
from robot_learning.training.outbox import Outbox
from robot_learning.training.play import Play
from robot_learning.training.policy_file import PolicyFileError, load_policy, policy_from_bytes
from robot_learning.training.task_settings import task_exploration
from robot_learning_nodes.actor_node import PATIENCE
from robot_learning_nodes.convert import MessageError
from robot_learning_nodes.graph_node import OK, WARN, Parameter, StartError
from robot_learning_nodes.learner_messages import read_status
from robot_learning_nodes.node_process import exit_process, run
from robot_learning_nodes.qos import LATCHED, STREAM
from robot_learning_nodes.state_actor_node import StateActorNode
from robot_learning_nodes.told_arm import ANTICIPATE, told_arm


class PolicyNode(StateActorNode):
    """Acts by a policy's weights."""

    name = "policy"
    program: Collection | Play
    parameters = (
        Parameter("algorithm", "td3", "learning method, for its exploration"),
        Parameter("overrides", "{}", "hyper-parameters that differ from the defaults, as JSON"),
        Parameter("seed", 0, "seed of scenes and exploration", minimum=0, maximum=2**31 - 1),
        Parameter("policy", "", "policy folder to play; empty: train with a learner"),
        Parameter("episodes", 10, "episodes to play", minimum=1, maximum=1000000),
        Parameter("out", "", "folder for the result of playing"),
        Parameter(
            "evaluation",
            True,
            "what is played is the policy's alone: an episode in which a person acts is given up, "
            "and none is learned from",
        ),
        Parameter(
            "replan_budget_s",
            0.0,
            "most time that a planner takes for an action; 0: in real time a part of the control "
            "period, in lockstep what the policy itself says",
            minimum=0.0,
            maximum=10.0,
        ),
        ANTICIPATE,
        Parameter("threads", 1, "threads that a planner computes on", minimum=1, maximum=256),
        PATIENCE,
    )

    def configure(self) -> None:
        """Loads the policy where one is to be played; subscribes."""
        self.actor_id = uuid.uuid4().hex
        told = told_arm(self)
        self.actor = Actor(
            self.contract,
            self,
            actor_id=self.actor_id,
            lockstep=self.lockstep,
            clock=time.monotonic,
            patience_s=self.values["patience_s"],
            shown=told.shown,
            knows=told.knows,
        )
        self.outbox: Outbox[EpisodeStep] = Outbox(time.monotonic)
        self.budget_s = plan_budget_s(
            self.contract, self.values["replan_budget_s"], real_time=not self.lockstep
        )
        self.plans = PlanWatch(self.budget_s)
        self.kept_weights: PolicyParameters | None = None
        self.program = self._play() if self.values["policy"] else self._collect()
        self.connect_actor(self.actor)
        if isinstance(self.program, Collection):
            self.listen(PolicyParameters, "policy/parameters", self._weights, LATCHED, always=True)
            self.listen(LearnerStatus, "learner/status", self._learner, STREAM, always=True)

    def _play(self) -> Play:
        try:
            policy = load_policy(Path(self.values["policy"]), self.contract)
        except PolicyFileError as error:
            self.exit_code = 2
            raise StartError(str(error)) from None
        if not policy.ready:
            self.exit_code = 2
            raise StartError(
                f"the policy in {self.values['policy']} plans in a model that was never fitted: "
                "train it with more steps"
            )
        return Play(
            self._prepared(policy),
            seed=self.values["seed"],
            episodes=self.values["episodes"],
            is_evaluation=self.values["evaluation"],
        )

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

    def _prepared(self, policy: Policy) -> Policy:
        return policy.within(self.budget_s, self.values["threads"])

    def diagnose(self) -> tuple[bytes, str, dict[str, Any]]:
        """Phase, weights in use, steps not yet acknowledged, how long plans take."""
        level, line, figures = super().diagnose()
        figures |= {
            "policy_version": self.program.policy.version if self.program.policy else 0,
            "unacknowledged": len(self.outbox),
            "resent": self.outbox.resent,
        } | self.plans.figures()
        if self.plans.complaint and level == OK:
            level, line = WARN, self.plans.complaint
        return level, line, figures

    # What the actor asks.

    def plan(self) -> EpisodePlan | str:
        """What is next, with the newest weights."""
        if self.kept_weights is not None:
            kept, self.kept_weights = self.kept_weights, None
            self._use(kept)
        return super().plan()

    def episode_started(self, episode: int, plan: EpisodePlan, stamp_s: float) -> None:
        """Publishes the event; the policy forgets the episode before."""
        super().episode_started(episode, plan, stamp_s)
        if self.program.policy is not None:
            self.program.policy.begin()

    def choose(self, observation: Float32, goal: Float32, is_evaluation: bool) -> Choice:
        """The program's action; how long a plan took is counted, and what is wrong is said."""
        begun_s = time.monotonic()
        choice = super().choose(observation, goal, is_evaluation)
        if choice.thought is not None and self.program.policy is not None:
            took_s = time.monotonic() - begun_s
            self.plans.see(choice.thought, took_s, self.program.policy.lighter)
            if self.plans.news:
                self.get_logger().warning(self.plans.news)
        return choice

    def keep(self, message: EpisodeStep) -> None:
        """Keeps a step until the learner has it on disk."""
        if isinstance(self.program, Collection):
            self.outbox.keep(message)

    def episode_ended(self, end: EpisodeEnd) -> None:
        """Reports a play."""
        super().episode_ended(end)
        if isinstance(self.program, Play) and end.outcome is not Outcome.ABORTED:
            self.get_logger().info(self.program.line())
            if self.program.done and self.values["out"]:
                self.program.write(Path(self.values["out"]), self.contract.sha256)

    # Messages in.

    def _weights(self, message: PolicyParameters) -> None:
        self.require_contract("weights", message.contract_sha256)
        policy = self.program.policy
        if policy is not None and policy.remembers and self.actor.phase is ActorPhase.RUNNING:
            self.kept_weights = message  # until this episode is over
        else:
            self._use(message)

    def _use(self, message: PolicyParameters) -> None:
        try:
            policy, _ = policy_from_bytes(bytes(message.safetensors), "policy/parameters")
        except PolicyFileError as error:
            raise MessageError(str(error)) from None
        self.program.policy = self._prepared(policy)

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

    def tick(self) -> None:
        """Ends a finished play."""
        super().tick()
        if isinstance(self.program, Play) and self.program.done:
            self.exit_code = 0


def main() -> None:
    """Entry point."""
    exit_process(run(PolicyNode))
