"""The recorder in a thread of its own: a disk that is slow for a moment delays no callback."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from queue import Empty, SimpleQueue
from types import TracebackType

from robot_learning.demonstrations.bag_writer import Received
from robot_learning.demonstrations.recorder import EpisodeRecorder, News

TICK_S = 0.05
WAITING_MAX_BYTES = 256 << 20

Batch = Sequence[tuple[Received, News]]


class RecorderThread:
    """Hands messages on to a recorder.

    Attributes:
        failure: what ended the thread, or None.
    """

    def __init__(self, recorder: EpisodeRecorder) -> None:
        self.failure: BaseException | None = None
        self._recorder = recorder
        self._queue: SimpleQueue[Batch | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._waiting_bytes = 0
        self._dropped = 0
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self._thread.start()

    def submit(self, batch: Batch) -> None:
        """Takes messages in the order in which they came; never waits.

        What would not fit into the memory set aside is dropped, counted and said.
        """
        size = sum(len(received.data) for received, _ in batch)
        with self._lock:
            if self._waiting_bytes + size > WAITING_MAX_BYTES:
                self._dropped += len(batch)
                return
            self._waiting_bytes += size
        self._queue.put(batch)

    def close(self, timeout_s: float = 20.0) -> None:
        """Writes what waits, completes what is open, and ends the thread."""
        self._queue.put(None)
        self._thread.join(timeout_s)

    def __enter__(self) -> RecorderThread:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.close()

    def _run(self) -> None:
        try:
            while self._work():
                pass
            self._recorder.close()
        except BaseException as error:
            self.failure = error
            raise

    def _work(self) -> bool:
        """One round; False at the end."""
        going_on = True
        try:
            batch = self._queue.get(timeout=TICK_S)
        except Empty:
            batch = ()
        if batch is None:
            going_on, batch = False, ()
        for received, news in batch:
            self._recorder.take(received, news)
        with self._lock:
            self._waiting_bytes -= sum(len(received.data) for received, _ in batch)
            dropped, self._dropped = self._dropped, 0
        self._recorder.tick(time.time_ns(), dropped)
        return going_on
