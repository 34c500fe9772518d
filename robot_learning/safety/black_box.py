"""The last seconds of everything, kept in memory, and written as a bag when the arm was stopped.

What the monitor itself writes (`incidents`) is what it saw; this is all that was said, pictures
too, so that somebody who was not there can look at it in Foxglove or Rerun.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Sequence
from pathlib import Path

from robot_learning.demonstrations.bag_writer import BagWriter, Received, Stream

SPAN_S, AFTER_S = 10.0, 1.0
FILES_MAX = 100


class BlackBox:
    """A ring of messages.

    Attributes:
        written: files so far.
    """

    def __init__(self, folder: Path, streams: Sequence[Stream], latched: Collection[str]) -> None:
        """Nothing is known yet.

        Args:
            folder: where files go; made when there is something to write.
            streams: of all messages that will come.
            latched: topics whose newest message counts however old it is.
        """
        self.written: list[Path] = []
        self._folder, self._streams, self._latched = folder, streams, latched
        self._ring: deque[Received] = deque()
        self._said: dict[str, Received] = {}
        self._due_ns = 0
        self._reason = ""

    def add(self, received: Received) -> None:
        """Remembers a message; they come by the time of their coming."""
        self._ring.append(received)
        while self._ring[0].log_ns < received.log_ns - SPAN_S * 1e9 and not self._due_ns:
            gone = self._ring.popleft()
            if gone.topic in self._latched:
                self._said[gone.topic] = gone

    def incident(self, reason: str, now_ns: int) -> None:
        """The arm was stopped; what comes in the next second belongs to it too."""
        if not self._due_ns:
            self._due_ns, self._reason = now_ns + int(AFTER_S * 1e9), reason

    def write_if_due(self, now_ns: int) -> Path | None:
        """Writes the incident whose time has come; None: there is none.

        Raises:
            OSError: it cannot be written; it is given up.
        """
        if not self._due_ns or now_ns < self._due_ns:
            return None
        self._due_ns = 0
        if len(self.written) >= FILES_MAX:
            return None
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._free()
        try:
            with BagWriter(path) as writer:
                for stream in self._streams:
                    writer.add_stream(stream)
                writer.add_metadata("incident", {"reason": self._reason})
                for received in (*self._said.values(), *self._ring):
                    writer.add(received)
                writer.finish()
        except OSError:
            path.unlink(missing_ok=True)
            raise
        self.written.append(path)
        return path

    def _free(self) -> Path:
        number = len(self.written)
        while (path := self._folder / f"incident-{number:03d}.mcap").exists():
            number += 1  # of a process before this one
        return path
