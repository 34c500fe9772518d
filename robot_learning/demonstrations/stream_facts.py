"""What came of each stream: how many messages, at what rate, with what gaps."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from robot_learning.demonstrations.bag_writer import Received, Stream
from robot_learning.demonstrations.message_definitions import is_stamped

# A publisher that starts anew counts from 1: a jump further than this is no loss.
_SAME_PUBLISHER = 10_000
_STAMP = {0: struct.Struct(">iI"), 1: struct.Struct("<iI")}


@dataclass(slots=True)
class StreamFacts:
    """Grows with every message.

    Attributes:
        topic: of the stream.
        type_name: of its messages.
        stamped: messages carry their source's stamp; else the time of reception counts.
        messages: how many.
        first_ns: the first message's time.
        last_ns: the last one's.
        longest_gap_ns: between two that follow each other.
        backwards: messages whose stamp is before the one before.
        lost: messages that the publisher counted and the recorder never got.
    """

    topic: str
    type_name: str
    stamped: bool
    messages: int = 0
    first_ns: int = 0
    last_ns: int = 0
    longest_gap_ns: int = 0
    backwards: int = 0
    lost: int = 0
    _sequence: int = 0

    @classmethod
    def of(cls, stream: Stream) -> StreamFacts:
        """Nothing yet of a stream."""
        return cls(stream.topic, stream.type_name, is_stamped(stream.definition))

    @property
    def rate_hz(self) -> float:
        """Messages per second between the first and the last; 0 for fewer than two."""
        span_ns = self.last_ns - self.first_ns
        return (self.messages - 1) * 1e9 / span_ns if span_ns > 0 else 0.0

    def add(self, received: Received) -> None:
        """Counts a message."""
        time_ns = source_stamp_ns(received.data) if self.stamped else received.log_ns
        if self.messages == 0:
            self.first_ns = time_ns
        else:
            self.longest_gap_ns = max(self.longest_gap_ns, time_ns - self.last_ns)
            self.backwards += time_ns < self.last_ns
            gap = received.sequence - self._sequence - 1
            if self._sequence and received.sequence and 0 < gap < _SAME_PUBLISHER:
                self.lost += gap
        self.last_ns = time_ns
        self._sequence = received.sequence
        self.messages += 1


def source_stamp_ns(data: bytes) -> int:
    """The stamp of a message that begins with a header, nanoseconds; 0 for one too short."""
    if len(data) < 12:
        return 0
    seconds, nanoseconds = _STAMP[data[1] & 1].unpack_from(data, 4)
    return int(seconds) * 1_000_000_000 + int(nanoseconds)
