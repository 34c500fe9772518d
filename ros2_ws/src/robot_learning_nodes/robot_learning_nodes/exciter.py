"""Moves one joint after the other, for `robot-learning sysid`: requests as any policy's.

The recorder keeps the motion as an episode without steps, and `sysid fit` reads it.
"""

from __future__ import annotations

import time
import uuid
from typing import Any

from sensor_msgs.msg import JointState

from robot_learning.identification.excitation import plan_excitation
from robot_learning.identification.exciting import Exciting
from robot_learning.training.actor_types import ActorPhase, EpisodeEnd, EpisodePlan, Outcome
from robot_learning_nodes.actor_node import PATIENCE, ActorNode
from robot_learning_nodes.graph_node import Parameter
from robot_learning_nodes.node_process import exit_process, run
from robot_learning_nodes.qos import SENSOR

TICK_PERIOD_S = 0.2
LINGER_S = 1.0  # until the recorder has the end


class Exciter(ActorNode):
    """Carries out what `Exciting` asks (it is its link); ends when the plan is done."""

    name = "exciter"
    actor: Exciting
    parameters = (
        Parameter(
            "seconds_per_joint", 6.0, "how long each joint moves", minimum=2.4, maximum=120.0
        ),
        Parameter("seed", 0, "seed of the motion's phases", minimum=0, maximum=2**31 - 1),
        PATIENCE,
    )

    def configure(self) -> None:
        """Plans the motion; subscribes."""
        self.actor_id = uuid.uuid4().hex
        self.ended_s: float | None = None
        plan = plan_excitation(
            self.contract,
            seconds_per_joint=self.values["seconds_per_joint"],
            seed=self.values["seed"],
        )
        exciting = Exciting(
            self.contract,
            self,
            plan,
            lockstep=self.lockstep,
            clock=time.monotonic,
            patience_s=self.values["patience_s"],
        )
        self.connect(exciting)
        self.listen(JointState, "joint_states", self._state, SENSOR)
        self.every(TICK_PERIOD_S, self._tick)

    def diagnose(self) -> tuple[bytes, str, dict[str, Any]]:
        """Phase, and how far it is."""
        level, line = self.doing()
        return level, line, {"progress": f"{self.actor.progress:.0%}"}

    # What `Exciting` asks.

    def plan(self) -> EpisodePlan | str:
        """The plan, once."""
        if self.actor.done:
            return "nothing: the plan was carried out"
        return EpisodePlan(self.values["seed"], is_evaluation=False)

    def episode_ended(self, end: EpisodeEnd) -> None:
        """Says how it went."""
        super().episode_ended(end)
        if end.outcome is not Outcome.ABORTED:
            self.say("the plan was carried out")
            self.ended_s = time.monotonic()

    # Messages in.

    def _state(self, message: JointState) -> None:
        self.actor.on_state(self.names.read_state(message))

    def _tick(self) -> None:
        self.actor.tick()
        if self.actor.phase is ActorPhase.RUNNING:
            self.get_logger().info(
                f"exciting: {self.actor.progress:.0%}", throttle_duration_sec=5.0
            )
        if self.ended_s is not None and time.monotonic() - self.ended_s > LINGER_S:
            self.exit_code = 0


def main() -> None:
    """Entry point."""
    exit_process(run(Exciter))
