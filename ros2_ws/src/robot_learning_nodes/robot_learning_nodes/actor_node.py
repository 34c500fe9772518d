"""The base of actors' nodes: requests, resets, events and receipts, whatever the task."""

from __future__ import annotations

from typing import Any

import numpy as np
from robot_learning_interfaces.msg import (
    ActionRequest,
    ArbiterState,
    EpisodeEvent,
    ExecutedAction,
    SafetyState,
)
from robot_learning_interfaces.srv import ResetEpisode

from robot_learning.control.action import ActionKind
from robot_learning.replay.step import Float32
from robot_learning.training.actor_types import ActorPhase, EpisodeEnd, EpisodePlan, Outcome
from robot_learning.training.episode_cycle import EpisodeCycle
from robot_learning_nodes.actor_messages import read_receipt, write_end, write_request, write_start
from robot_learning_nodes.convert import JointNames, MessageError
from robot_learning_nodes.graph_node import OK, WARN, GraphNode, Parameter
from robot_learning_nodes.qos import COMMAND, LATCHED, RECEIPT, RECORD
from robot_learning_nodes.reset_call import call_reset

PATIENCE = Parameter(
    "patience_s",
    3.0,
    "give an episode up when nothing happens for so long",
    minimum=0.5,
    maximum=60.0,
)


class ActorNode(GraphNode):
    """Carries out what any actor asks (it is a `CycleLink` but for the plan)."""

    actor_id: str
    actor: EpisodeCycle[Any, Any]

    def connect(self, actor: EpisodeCycle[Any, Any]) -> None:
        """The topics of any actor."""
        self.actor = actor
        self.sequence = 0
        self.names = JointNames(self.contract.robot)
        self.request_out = self.advertise(ActionRequest, "policy/action", COMMAND)
        self.event_out = self.advertise(EpisodeEvent, "episode_event", RECORD)
        self.reset_client = self.client_of(ResetEpisode, "reset")
        self.listen(ExecutedAction, "executed_action", self._executed, RECEIPT)
        self.unsafe, self.blocked = "safety/state was not heard", ""
        self.listen(SafetyState, "safety/state", self._safety, LATCHED, always=True)
        self.listen(ArbiterState, "arbiter/state", self._arbiter, LATCHED, always=True)

    def stop(self) -> None:
        """Asks the arm to come to rest where it is."""
        if self.active and self.actor.state is not None:
            zeros = np.zeros(self.contract.task.action.size, np.float32)
            self.request(ActionKind.HOLD, zeros, self.actor.state.stamp_s, 0)

    def doing(self) -> tuple[bytes, str]:
        """Level and line for the diagnostics."""
        if self.actor.phase is ActorPhase.WAITING:
            return WARN, f"waiting: {self.actor.waiting_for}"
        return OK, self.actor.phase.value

    def require_contract(self, what: str, sha256: str) -> None:
        """Refuses what was made under another contract.

        Raises:
            MessageError: it was.
        """
        if sha256 != self.contract.sha256:
            raise MessageError(
                f"{what} for contract {sha256[:12]}, this node runs {self.contract.sha256[:12]}; "
                "start learner and policy with the same contract"
            )

    # What the actor asks.

    def request(
        self,
        kind: ActionKind,
        action: Float32,
        stamp_s: float,
        version: int,
        doubt: float = 0.0,
    ) -> int:
        """Publishes an action request."""
        message = write_request(self.contract, self.sequence, kind, action, stamp_s, version, doubt)
        self.request_out.publish(message)
        self.sequence += 1
        return message.sequence

    def reset(self, seed: int) -> None:
        """Calls the reset service; the answer comes as the actor's `on_reset`."""
        call_reset(self.reset_client, seed, self.actor.on_reset)

    def episode_started(self, episode: int, plan: EpisodePlan, stamp_s: float) -> None:
        """Publishes the event."""
        self.event_out.publish(write_start(self.actor_id, episode, plan, stamp_s))

    def episode_ended(self, end: EpisodeEnd) -> None:
        """Publishes the event, and says why an episode was given up."""
        self.event_out.publish(write_end(self.actor_id, end, self.wall_now_s()))
        if end.outcome is Outcome.ABORTED:
            self.get_logger().warning(f"episode {end.episode} given up: {end.note}")

    # Messages in.

    def _executed(self, message: ExecutedAction) -> None:
        if "policy" in (message.source, message.in_place_of):
            self.actor.on_receipt(message.sequence, read_receipt(message))

    def _safety(self, message: SafetyState) -> None:
        armed = message.state == SafetyState.ARMED
        self.unsafe = "" if armed else f"safety: {message.reason or 'not armed'}"
        self.actor.set_allowed(self.unsafe or self.blocked or None)

    def _arbiter(self, message: ArbiterState) -> None:
        self.blocked = message.blocked
        self.actor.set_allowed(self.unsafe or self.blocked or None)
