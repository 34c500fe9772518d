"""One episode while it is recorded."""

from __future__ import annotations

from collections.abc import Sequence

from robot_learning.demonstrations.bag_writer import BagWriter, Received, Stream
from robot_learning.demonstrations.episode_info import (
    BEGIN_RECORD,
    END_RECORD,
    EpisodeEnd,
    EpisodeInfo,
)
from robot_learning.demonstrations.episode_summary import EpisodeSummary, summarise
from robot_learning.demonstrations.store import Store
from robot_learning.demonstrations.stream_facts import StreamFacts

FLUSH_NS = 200_000_000  # what a kill may lose, with what was not yet handed on
FLUSH_BYTES = 1 << 20
DURABLE_NS = 800_000_000  # what a power cut may lose


class Recording:
    """An open file of a store.

    Attributes:
        info: of its beginning.
        end: of its end, once that is known.
        ended_log_ns: when the end was received; 0 before.
        steps: step numbers that are in it.
        discarded: a person wants it not to be used.
        dropped: messages that could not be kept.
    """

    def __init__(self, store: Store, info: EpisodeInfo, streams: Sequence[Stream]) -> None:
        """Begins the file.

        Raises:
            OSError: it cannot be written.
        """
        self.info = info
        self.end: EpisodeEnd | None = None
        self.ended_log_ns = 0
        self.steps: set[int] = set()
        self.discarded = False
        self.dropped = 0
        self._interventions = 0
        self._store = store
        self._facts = {stream.topic: StreamFacts.of(stream) for stream in streams}
        self._flushed_ns = self._durable_ns = info.started_ns
        self._writer = BagWriter(store.running_file(info.id))
        try:
            self._writer.add_metadata(BEGIN_RECORD, info.as_metadata())
            for stream in streams:
                self._writer.add_stream(stream)
            self._writer.flush()
        except OSError:
            self._writer.abandon()
            raise

    @property
    def key(self) -> tuple[str, int]:
        """Who acts, and which of its episodes this is."""
        return self.info.actor_id, self.info.episode

    @property
    def has_all_steps(self) -> bool:
        """The actor has said how many steps there were, and they are here."""
        return self.end is not None and len(self.steps) >= (self.end.steps or 0)

    def add(self, received: Received) -> None:
        """Takes a message.

        Raises:
            OSError: what was added before could not be written.
        """
        self._writer.add(received)
        self._facts[received.topic].add(received)
        if self._writer.buffered_bytes > FLUSH_BYTES:
            self._writer.flush()

    def add_step(self, received: Received, number: int, *, is_intervention: bool) -> None:
        """Takes a step that is not yet there.

        Raises:
            OSError: as `add`.
        """
        if number not in self.steps:
            self.steps.add(number)
            self._interventions += is_intervention
            self.add(received)

    def tick(self, now_ns: int) -> None:
        """Writes what is due.

        Raises:
            OSError: it could not be written.
        """
        if now_ns - self._flushed_ns >= FLUSH_NS:
            durable = now_ns - self._durable_ns >= DURABLE_NS
            self._writer.flush(durable=durable)
            self._flushed_ns = now_ns
            if durable:
                self._durable_ns = now_ns

    def finish(self, end: EpisodeEnd) -> EpisodeSummary:
        """Completes the file; its line for the catalogue.

        Raises:
            OSError: it could not be written; the file can be repaired.
        """
        info = self.info
        self._writer.add_metadata(END_RECORD, end.as_metadata())
        self._writer.finish()
        whole = self._store.file(info.id)
        self._store.running_file(info.id).rename(whole)
        return summarise(
            whole,
            info,
            end,
            list(self._facts.values()),
            [],
            steps=len(self.steps),
            interventions=self._interventions,
        )

    def abandon(self) -> None:
        """Closes the file as it is, to be repaired."""
        self._writer.abandon()
