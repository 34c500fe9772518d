"""Plays a recorded episode into the graph, under a namespace of its own.

Everything keeps its time, and nothing that moves an arm listens there.
"""

from __future__ import annotations

import importlib
import time
from pathlib import Path
from typing import Any

from robot_learning.demonstrations.bag_reader import Bag, BagError
from robot_learning.demonstrations.bag_writer import Received, Stream
from robot_learning_nodes.graph_node import OK, GraphNode, Parameter, StartError
from robot_learning_nodes.node_process import exit_process, run
from robot_learning_nodes.qos import LATCHED, RECEIPT

AHEAD_S = 0.002
# It begins when somebody has found a topic, and a moment later, or when nobody has for so long.
FOUND_WITHIN_S, SETTLE_S = 5.0, 0.5


class EpisodePlayer(GraphNode):
    """One publisher a stream."""

    name = "episode_player"
    linger_s = 0.5  # the last messages are still on their way
    parameters = (
        Parameter("file", "", "the episode's file, or any MCAP of ROS 2 messages"),
        Parameter("rate", 1.0, "times as fast as it was", minimum=0.01, maximum=100.0),
        Parameter("under", "replay", "namespace that the topics are put under"),
    )

    def __init__(self) -> None:
        super().__init__()
        if not self.values["under"].strip("/"):
            raise StartError(
                "under: a namespace is needed, or a played command would move what listens to it"
            )
        # Nobody manages it: it plays and ends.
        self.trigger_configure()
        self.trigger_activate()

    def configure(self) -> None:
        """Reads the streams and advertises them."""
        self.exit_code = None
        bag = Bag(Path(self.values["file"]))
        try:
            bag.read_through()
        except (BagError, OSError) as error:
            self.exit_code = 2
            raise StartError(str(error)) from None
        self.outs = {topic: self._out(stream) for topic, stream in bag.streams.items()}
        self.waiting = iter(bag.messages())
        self.next: Received | None = next(self.waiting, None)
        self.first_ns = self.next.log_ns if self.next else 0
        self.began_s: float | None = None
        self.give_up_s = time.monotonic() + FOUND_WITHIN_S
        self.played = 0

    def diagnose(self) -> tuple[bytes, str, dict[str, Any]]:
        """How far it is."""
        return OK, "playing", {"played": self.played}

    def work(self) -> bool:
        """Publishes what is due; whether there is more at once."""
        if self.exit_code is not None or not self.active:
            return False
        if self.next is None:
            self.get_logger().info(f"played {self.played} messages")
            self.exit_code = 0
            return False
        if self.began_s is None:
            outs = [out for out in self.outs.values() if out is not None]
            found = any(out.get_subscription_count() for out in outs)
            if found or time.monotonic() > self.give_up_s:
                self.began_s = time.monotonic() + SETTLE_S
            return False
        due_s = self.began_s + (self.next.log_ns - self.first_ns) * 1e-9 / self.values["rate"]
        if (wait_s := due_s - time.monotonic()) > AHEAD_S:
            time.sleep(min(wait_s, 0.02))
            return True
        out = self.outs[self.next.topic]
        if out is not None:
            out.publish(self.next.data)
            self.played += 1
        self.next = next(self.waiting, None)
        return True

    def _out(self, stream: Stream) -> Any:
        package, _, name = stream.type_name.partition("/msg/")
        topic = f"{self.values['under'].strip('/')}/{stream.topic.strip('/')}"
        try:
            kind = getattr(importlib.import_module(f"{package}.msg"), name)
        except (ImportError, AttributeError):
            self.get_logger().warning(f"{stream.topic}: {stream.type_name} is not installed")
            return None
        latched = "transient_local" in stream.qos
        return self.advertise(kind, topic, LATCHED if latched else RECEIPT)


def main() -> None:
    """Entry point."""
    exit_process(run(EpisodePlayer, work=EpisodePlayer.work))
