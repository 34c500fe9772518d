"""Takes messages as bytes, with the times at which they were sent and received, many at once.

The events executor gives no message's times and wakes once for each message; the other executor
costs twice as much. So these subscriptions belong to no executor: whoever wants their messages
empties them, a hundred times a second. DDS has noted when each came.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy

from robot_learning.demonstrations.bag_writer import Received


@dataclass(frozen=True, slots=True)
class Tap:
    """A topic to take.

    Attributes:
        kind: type of its messages.
        topic: its name, relative to the node.
        qos: as it is offered.
        depth: messages that may wait to be taken.
        shared: several nodes publish on it, so that nobody's count of messages is continuous.
    """

    kind: type
    topic: str
    qos: QoSProfile
    depth: int = 1000
    shared: bool = False

    @property
    def latched(self) -> bool:
        """Said once for all."""
        return bool(self.qos.durability == DurabilityPolicy.TRANSIENT_LOCAL)

    @property
    def reliable(self) -> bool:
        """A lost message is sent again."""
        return bool(self.qos.reliability == ReliabilityPolicy.RELIABLE)

    @property
    def type_name(self) -> str:
        """`package/msg/Name`."""
        package = self.kind.__module__.partition(".")[0]
        return f"{package}/msg/{self.kind.__name__}"


class Taps:
    """Open subscriptions of a node.

    Attributes:
        topics: full names, in the order of the taps.
    """

    def __init__(self, node: Node, taps: Sequence[Tap]) -> None:
        # The process's arguments name the node it was started for; this one is another.
        name = f"{node.get_name()}_taps"
        self._node = Node(
            name,
            namespace=node.get_namespace(),
            cli_args=["--ros-args", "-r", f"__node:={name}"],
            start_parameter_services=False,
            enable_rosout=False,
        )
        self._open: list[tuple[str, Any, bool]] = []
        for tap in taps:
            qos = QoSProfile(
                depth=tap.depth,
                reliability=tap.qos.reliability,
                durability=tap.qos.durability,
            )
            subscription = self._node.create_subscription(
                tap.kind, tap.topic, _never_called, qos, raw=True
            )
            self._open.append((subscription.topic_name, subscription, tap.shared))
        self.topics = [topic for topic, _, _ in self._open]

    def take_all(self) -> Iterator[Received]:
        """What has come since the last call, by the time of its coming."""
        taken: list[Received] = []
        for topic, subscription, shared in self._open:
            with subscription.handle:
                while pair := subscription.handle.take_message(subscription.msg_type, True):
                    data, info = pair
                    taken.append(
                        Received(
                            topic,
                            info["received_timestamp"],
                            info["source_timestamp"],
                            0 if shared else info["publication_sequence_number"] or 0,
                            data,
                        )
                    )
        taken.sort(key=lambda received: received.log_ns)
        return iter(taken)

    def close(self) -> None:
        """Ends the subscriptions."""
        self._open.clear()
        self._node.destroy_node()


def _never_called(_data: bytes) -> None:
    raise AssertionError("a tap is in no executor")
