"""Passes on the one active request: emergency stop, then a person, then the policy."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from robot_learning_interfaces.msg import ActionRequest, ArbiterState, Deadman, SafetyState

from robot_learning.control.action import ActionKind
from robot_learning.control.arbiter import Arbiter, Passed
from robot_learning_nodes.convert import floats, to_seconds, to_time
from robot_learning_nodes.graph_node import OK, WARN, GraphNode
from robot_learning_nodes.node_process import exit_process, run
from robot_learning_nodes.qos import COMMAND, LATCHED, STREAM

WATCH_PERIOD_S = 0.05


class ArbiterNode(GraphNode):
    """The policy's and people's requests in, one topic out."""

    name = "arbiter"

    def configure(self) -> None:
        """Subscribes to everyone who may ask."""
        self.arbiter: Arbiter[ActionRequest] = Arbiter(self.contract, lockstep=self.lockstep)
        self.passed = 0
        self.said: tuple[str, ...] = ()
        self.said_holder: str | None = None
        self.out = self.advertise(ActionRequest, "active_action", COMMAND)
        self.state_out = self.advertise(ArbiterState, "arbiter/state", LATCHED)
        self.listen(ActionRequest, "policy/action", self._policy, COMMAND)
        # Two people may ask at once: more than the newest message is kept.
        self.listen(ActionRequest, "teleop/action", self._person, STREAM)
        self.listen(Deadman, "teleop/deadman", self._deadman, STREAM)
        self.listen(SafetyState, "safety/state", self._safety, LATCHED)
        self.every(WATCH_PERIOD_S, self._watch)

    def activate(self) -> None:
        """Says who has the arm: nobody yet."""
        self._say()

    def diagnose(self) -> tuple[bytes, str, dict[str, Any]]:
        """Who is heard."""
        active = self.arbiter.active_source(time.monotonic())
        figures = {
            "active": active or "nobody",
            "passed": self.passed,
            "refused": self.arbiter.refused_count,
        }
        line = self.arbiter.blocked or f"active: {active or 'nobody'}"
        return (OK if active else WARN), line, figures

    def _policy(self, message: ActionRequest) -> None:
        stamp_s = to_seconds(message.header.stamp)
        self._pass(self.arbiter.on_policy(message, stamp_s, time.monotonic()))

    def _person(self, message: ActionRequest) -> None:
        stamp_s = to_seconds(message.header.stamp)
        self._pass(self.arbiter.on_person(message, stamp_s, time.monotonic()))

    def _deadman(self, message: Deadman) -> None:
        self.arbiter.on_deadman(message.source, message.held, message.connected, time.monotonic())
        self._say()

    def _safety(self, message: SafetyState) -> None:
        armed, stopped = SafetyState.ARMED, SafetyState.ESTOP
        self.arbiter.set_safety(armed=message.state == armed, stopped=message.state == stopped)
        self._say()

    def _watch(self) -> None:
        self.arbiter.expire(time.monotonic())
        self._say()

    def _pass(self, passed: Passed[ActionRequest] | None) -> None:
        if passed is None:
            return
        message = passed.request
        if passed.in_place_of is not None:
            message = self._in_place(passed, passed.in_place_of)
        self.out.publish(message)
        self.passed += 1

    def _in_place(self, passed: Passed[ActionRequest], of: ActionRequest) -> ActionRequest:
        """The person's action as the answer to the policy's request."""
        mine = passed.request
        message = ActionRequest(
            header=of.header,
            source=passed.source,
            in_place_of=of.source,
            sequence=of.sequence,
            kind=int(ActionKind.ACTION),
            contract_sha256=of.contract_sha256 if mine is None else mine.contract_sha256,
        )
        rest = np.zeros(self.contract.task.action.size, np.float32)
        message.action = floats(rest) if mine is None else mine.action
        return message

    def _say(self) -> None:
        """Publishes who has the arm when that changes."""
        arbiter = self.arbiter
        active = arbiter.active_source(time.monotonic()) or ""
        now = (active, arbiter.blocked, arbiter.refused)
        if now == self.said:
            return
        before, self.said = self.said, now
        message = ArbiterState(
            active_source=active,
            by_person=arbiter.holder is not None,
            blocked=arbiter.blocked,
            refused=arbiter.refused,
        )
        message.header.stamp = to_time(self.wall_now_s())
        self.state_out.publish(message)
        if arbiter.holder != self.said_holder:  # that the policy pauses between episodes is no news
            self.said_holder = arbiter.holder
            self.say(f"{arbiter.holder} has the arm" if arbiter.holder else "the arm was let go")
        for text in (arbiter.blocked, arbiter.refused):
            if text and text not in before:
                self.get_logger().warning(text)


def main() -> None:
    """Entry point."""
    exit_process(run(ArbiterNode))
