"""Keeps the last ten seconds of everything and writes them when the arm was stopped."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from robot_learning_interfaces.msg import SafetyState

from robot_learning.safety.black_box import BlackBox
from robot_learning_nodes.graph_node import ERROR, OK, GraphNode, Parameter
from robot_learning_nodes.graph_taps import graph_taps, streams_of
from robot_learning_nodes.node_process import exit_process, run
from robot_learning_nodes.qos import LATCHED
from robot_learning_nodes.taps import Taps

TAKE_PERIOD_S = 0.1
STOPPED = (SafetyState.FAULT, SafetyState.ESTOP)


class BlackBoxNode(GraphNode):
    """Hands every message to the library's black box; nothing waits for it."""

    name = "black_box"
    gives_way = True
    parameters = (Parameter("out", "runs/graph", "folder of the run; bags go to its incidents/"),)

    def configure(self) -> None:
        """Begins to listen."""
        taps = graph_taps(self.contract)
        self.taps = Taps(self, taps)
        self._made.append((Taps.close, self.taps))
        latched = {t for t, tap in zip(self.taps.topics, taps, strict=True) if tap.latched}
        streams = streams_of(taps, self.taps.topics)
        self.box = BlackBox(Path(self.values["out"]) / "incidents", streams, latched)
        self.transition = -1
        self.trouble = ""
        self.listen(SafetyState, "safety/state", self._safety, LATCHED)
        self.every(TAKE_PERIOD_S, self._take)

    def diagnose(self) -> tuple[bytes, str, dict[str, Any]]:
        """How many incidents, or why one is not on the disk."""
        figures = {"incidents": len(self.box.written)}
        return (ERROR, self.trouble, figures) if self.trouble else (OK, "listens", figures)

    def _safety(self, message: SafetyState) -> None:
        if message.transition != self.transition:
            self.transition = message.transition
            if message.state in STOPPED:
                self.box.incident(message.reason, time.time_ns())

    def _take(self) -> None:
        for received in self.taps.take_all():
            self.box.add(received)
        try:
            path = self.box.write_if_due(time.time_ns())
        except OSError as error:
            self.trouble = f"an incident could not be written: {error}"
            self.say(self.trouble, alarm=True)
        else:
            if path is not None:
                self.say(f"the last seconds are in {path}")


def main() -> None:
    """Entry point."""
    exit_process(run(BlackBoxNode))
