"""Passes on the one active request: emergency stop, then a person, then the policy."""

from __future__ import annotations

import time
from functools import partial
from typing import Any

from robot_learning_interfaces.msg import ActionRequest, SafetyState

from robot_learning.control.arbiter import Arbiter
from robot_learning_nodes.convert import MessageError
from robot_learning_nodes.graph_node import OK, WARN, GraphNode, Parameter
from robot_learning_nodes.node_process import exit_process, run
from robot_learning_nodes.qos import COMMAND, LATCHED


class ArbiterNode(GraphNode):
    """One subscription a source, one topic out."""

    name = "arbiter"
    parameters = (
        Parameter(
            "sources",
            ["teleop", "policy"],
            "who may ask, the first has the highest priority; each on the topic SOURCE/action",
        ),
    )

    def configure(self) -> None:
        """Subscribes to every source."""
        self.arbiter = Arbiter(self.contract, tuple(self.values["sources"]))
        self.passed = 0
        self.out = self.advertise(ActionRequest, "active_action", COMMAND)
        for source in self.values["sources"]:
            self.listen(ActionRequest, f"{source}/action", partial(self._offer, source), COMMAND)
        self.listen(SafetyState, "safety/state", self._safety, LATCHED)

    def diagnose(self) -> tuple[bytes, str, dict[str, Any]]:
        """Who is heard."""
        active = self.arbiter.active_source
        figures = {"active": active or "nobody", "passed": self.passed}
        return (OK if active else WARN), f"active: {active or 'nobody'}", figures

    def _offer(self, source: str, message: ActionRequest) -> None:
        if message.source != source and message.source not in self.values["sources"]:
            raise MessageError(f"{source}/action comes from unknown source {message.source!r}")
        passed = self.arbiter.offer(message, time.monotonic())
        if passed is not None:
            self.out.publish(passed)
            self.passed += 1

    def _safety(self, message: SafetyState) -> None:
        self.arbiter.lock(message.state == SafetyState.ESTOP)


def main() -> None:
    """Entry point."""
    exit_process(run(ArbiterNode))
