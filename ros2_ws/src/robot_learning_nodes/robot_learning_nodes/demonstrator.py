"""Runs the episodes of a person who demonstrates alone, without any policy.

It stands where the policy stands and asks the arm to rest; who has a device in hand answers in its
place.
"""

from __future__ import annotations

import time
import uuid

from robot_learning.contract import StateTask, task_of
from robot_learning.training.actor_types import ActorPhase, EpisodeEnd, Outcome
from robot_learning.training.by_hand import ByHand
from robot_learning.training.hand_actor import HandActor
from robot_learning_nodes.actor_node import PATIENCE
from robot_learning_nodes.graph_node import Parameter, StartError
from robot_learning_nodes.node_process import exit_process, run
from robot_learning_nodes.state_actor_node import StateActorNode


class Demonstrator(StateActorNode):
    """A scene after the other, each until the person has shown it."""

    name = "demonstrator"
    program: ByHand
    parameters = (
        Parameter("seed", 0, "seed of the scenes", minimum=0, maximum=2**31 - 1),
        Parameter("episodes", 20, "episodes to record", minimum=1, maximum=1000000),
        PATIENCE,
    )

    def configure(self) -> None:
        """Subscribes."""
        if self.lockstep:
            self.exit_code = 2
            raise StartError(
                "in lockstep no time passes while a person thinks: say mode:=real_time, or let a "
                "policy act with policy:=FOLDER"
            )
        task_of(self.contract, StateTask)
        self.actor_id = uuid.uuid4().hex
        self.program = ByHand(
            seed=self.values["seed"],
            episodes=self.values["episodes"],
            action_size=self.contract.task.action.size,
        )
        actor = HandActor(
            self.contract,
            self,
            actor_id=self.actor_id,
            clock=time.monotonic,
            patience_s=self.values["patience_s"],
            on_ready=self._ready,
        )
        self.connect_actor(actor)

    def episode_ended(self, end: EpisodeEnd) -> None:
        """Tells the person how it went."""
        super().episode_ended(end)
        if end.outcome is not Outcome.ABORTED:
            over = "that was all" if self.program.done else "let go, and the arm goes home"
            self.say(f"{self.program.line()}; {over}")

    def take_back(self) -> bool:
        """The last episode is shown again, as long as the next one has not begun."""
        before_motion = self.actor.phase in (ActorPhase.HOMING, ActorPhase.READY)
        if not before_motion or not self.program.take_back():
            return False
        self.actor.abort("the last episode is shown again")
        return True

    def tick(self) -> None:
        """Ends once everything is shown."""
        super().tick()
        if self.program.done:
            self.exit_code = 0

    def _ready(self) -> None:
        self.say(f"{self.program.next_line()} is ready: it begins with your first motion")


def main() -> None:
    """Entry point."""
    exit_process(run(Demonstrator))
