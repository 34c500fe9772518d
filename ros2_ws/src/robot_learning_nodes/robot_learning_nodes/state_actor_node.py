"""The base of actors' nodes for tasks that are seen in numbers: moments in, episode steps out."""

from __future__ import annotations

from typing import Any, Protocol

from robot_learning_interfaces.msg import EpisodeEvent, EpisodeStep, Reward

from robot_learning.replay.step import Float32, Step
from robot_learning.training.actor import Actor
from robot_learning.training.actor_types import Choice, EpisodeEnd, EpisodePlan, Outcome
from robot_learning_nodes.actor_messages import read_judgement, read_label, write_mark
from robot_learning_nodes.actor_node import ActorNode
from robot_learning_nodes.convert import to_seconds
from robot_learning_nodes.qos import RECEIPT, RECORD
from robot_learning_nodes.scene_topics import SceneTopics
from robot_learning_nodes.step_messages import write_step

TICK_PERIOD_S = 0.2


class Program(Protocol):
    """What an actor's episodes are for, and how it acts in them."""

    def plan(self) -> EpisodePlan | str:
        """What to do next, or why to wait (one line)."""

    def choose(self, observation: Float32, goal: Float32, is_evaluation: bool) -> Choice:
        """The action for an observation."""

    def count(self, end: EpisodeEnd) -> None:
        """Takes an episode that was not given up."""


class StateActorNode(ActorNode):
    """Carries out what the library's Actor asks (it is the Actor's link)."""

    actor: Actor
    program: Program

    def connect_actor(self, actor: Actor) -> None:
        """The topics of an actor that sees numbers; `program` says what it is to do."""
        self.connect(actor)
        self.actor = actor
        self.step_out = self.advertise(EpisodeStep, "episode_step", RECORD)
        self.seen = SceneTopics(self.contract, self.listen, actor, lockstep=self.lockstep)
        self.listen(Reward, "reward", self._reward, RECEIPT)
        self.listen(EpisodeEvent, "teleop/event", self._person_says, RECORD)
        self.person_acts = False
        self.every(TICK_PERIOD_S, self.tick)

    def tick(self) -> None:
        """A few times a second."""
        self.actor.tick()

    def diagnose(self) -> tuple[bytes, str, dict[str, Any]]:
        """Phase, and episodes so far."""
        figures = {
            "phase": self.actor.phase.value,
            "episodes": self.actor.episodes,
            "aborted": self.actor.aborted,
        }
        level, line = self.doing()
        return level, line, figures

    # What the actor asks (ActorLink).

    def plan(self) -> EpisodePlan | str:
        """What the program says is next."""
        return self.program.plan()

    def choose(self, observation: Float32, goal: Float32, is_evaluation: bool) -> Choice:
        """The program's action."""
        return self.program.choose(observation, goal, is_evaluation)

    def step(self, step: Step) -> None:
        """Publishes a step, and first that a person took over or gave back, if so."""
        message = write_step(step, self.contract.robot.arm.base_frame, self.contract.sha256)
        if step.is_intervention != self.person_acts:
            self._mark_intervention(step.is_intervention, step.episode, step.stamp_s)
        self.keep(message)
        self.step_out.publish(message)

    def keep(self, message: EpisodeStep) -> None:
        """A step that is about to be published."""

    def episode_ended(self, end: EpisodeEnd) -> None:
        """Publishes the event; counts."""
        if self.person_acts:
            self._mark_intervention(False, end.episode, self.wall_now_s())
        super().episode_ended(end)
        if end.outcome is not Outcome.ABORTED:
            self.program.count(end)

    def take_back(self) -> bool:
        """A person discards the episode that is over; whether it is done again."""
        return False

    def _mark_discarded(self, episode: int, who: str) -> None:
        event = EpisodeEvent.DISCARD
        self.event_out.publish(write_mark(self.actor_id, episode, event, self.wall_now_s(), who))

    def _mark_intervention(self, begins: bool, episode: int, stamp_s: float) -> None:
        self.person_acts = begins
        event = EpisodeEvent.INTERVENTION_START if begins else EpisodeEvent.INTERVENTION_END
        self.event_out.publish(write_mark(self.actor_id, episode, event, stamp_s, ""))

    # Messages in.

    def _person_says(self, message: EpisodeEvent) -> None:
        """A person ends the running episode, or wants its scene again."""
        who, running = message.actor_id, self.actor.episodes
        if message.event == EpisodeEvent.DISCARD:
            if self.actor.discard(f"discarded by {who}; its scene begins again"):
                self._mark_discarded(running, who)
            elif self.take_back():
                self._mark_discarded(running - 1, who)
        elif message.event == EpisodeEvent.END:
            label = read_label(message)
            self.actor.end_episode(label, f"ended by {who}" + (f": {label.value}" if label else ""))

    def _reward(self, message: Reward) -> None:
        self.actor.on_reward(to_seconds(message.header.stamp), read_judgement(message))
