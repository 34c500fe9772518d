"""Cuts the streams of a running graph into episodes, each a file that a kill leaves readable.

An episode begins and ends where its actor says so. Its file also holds what was said just before,
since the first observation is older than the news of the beginning, and what was said once for
all. It is closed when all its steps have come, which may be after the news of its end.
"""

from __future__ import annotations

import shutil
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from robot_learning.demonstrations.bag_reader import BagError
from robot_learning.demonstrations.bag_writer import Received, Stream
from robot_learning.demonstrations.catalogue import CatalogueError
from robot_learning.demonstrations.episode_info import EpisodeEnd, EpisodeInfo, Outcome
from robot_learning.demonstrations.file_lock import BusyError
from robot_learning.demonstrations.message_codec import CodecError
from robot_learning.demonstrations.message_definitions import is_stamped
from robot_learning.demonstrations.recording import Recording
from robot_learning.demonstrations.store import Store, new_episode_id
from robot_learning.demonstrations.stream_facts import source_stamp_ns

BEFORE_NS = 500_000_000  # how long what came before the beginning is remembered
BEFORE_STAMP_NS = 60_000_000  # how much older than the first observation it may be
LINGER_NS = 200_000_000  # what belongs to the last step comes after it
STEPS_LATE_NS = 1_000_000_000
FREE_MIN_BYTES = 200_000_000
SILENT_NS = 120_000_000_000  # an actor that took steps and takes none for so long has gone


@dataclass(frozen=True, slots=True)
class Began:
    """An episode begins: who acts, its number there, the first observation's stamp (ns)."""

    actor_id: str
    episode: int
    is_evaluation: bool
    stamp_ns: int


@dataclass(frozen=True, slots=True)
class Ended:
    """An episode is over, as its actor says."""

    actor_id: str
    episode: int
    outcome: Outcome
    episode_return: float
    steps: int
    note: str


@dataclass(frozen=True, slots=True)
class Discarded:
    """A person wants the running episode, or the one before it, not to be used."""

    note: str


@dataclass(frozen=True, slots=True)
class StepCame:
    """A message is this step of this episode."""

    actor_id: str
    episode: int
    step_number: int
    is_intervention: bool


News = Began | Ended | Discarded | StepCame | None


class EpisodeRecorder:
    """Takes every message with what it means for episodes.

    Attributes:
        trouble: why nothing can be recorded at this moment, one line; None when it can.
        saved: episodes completed since the start.
        strays: steps of episodes whose beginning was not seen, or that are long closed.
    """

    def __init__(
        self,
        folder: Path,
        streams: Iterable[Stream],
        about: dict[str, Any],
        say: Callable[[str], None],
        *,
        latched: Iterable[str] = (),
        on_saved: Callable[[str], None] | None = None,
    ) -> None:
        """Makes the folder, and makes whole what an earlier recorder left unfinished.

        Args:
            folder: of the store.
            streams: everything that is recorded.
            about: fields of `EpisodeInfo` that are the same for all episodes.
            say: takes lines for the operator.
            latched: topics said once for all; their newest message is in every file.
            on_saved: called with the id of every whole episode.

        Raises:
            OSError: the folder cannot be written.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self.trouble: str | None = None
        self.saved = self.strays = 0
        self._store = Store(folder)
        self._streams = tuple(streams)
        self._stamped = {s.topic for s in self._streams if is_stamped(s.definition)}
        self._about = about
        self._say = say
        self._latched = frozenset(latched)
        self._newest: dict[str, Received] = {}
        self._on_saved = on_saved
        self._before: deque[Received] = deque()
        self._running: Recording | None = None
        self._ending: list[Recording] = []
        self._last_id = ""
        self._heard_ns = 0
        self._recover()

    @property
    def recording(self) -> str | None:
        """The running episode's id."""
        return self._running.info.id if self._running else None

    def take(self, received: Received, news: News = None) -> None:
        """Takes one message; in the order in which they came."""
        if isinstance(news, StepCame):
            self._step(received, news)
            return
        if isinstance(news, Began):
            self._begin(news, received)
        if self._running is not None:
            self._guarded(self._running, lambda r: r.add(received))
        if isinstance(news, Ended):
            self._end(news, received)
        elif isinstance(news, Discarded):
            self._discard(news)
        self._remember(received)

    def tick(self, now_ns: int, dropped: int = 0) -> None:
        """Writes and closes what is due.

        Args:
            now_ns: on the system clock.
            dropped: messages that could not be handed on since the last call.
        """
        running = self._running
        if running is not None:
            if dropped:
                self._say(f"{dropped} messages could not be kept: the disk is too slow")
                running.dropped += dropped
            self._guarded(running, lambda r: r.tick(now_ns))
            if running.ended_log_ns and self._is_done(running, now_ns):
                self._running = None
                self._close(running)
            elif running.steps and not running.ended_log_ns and self._is_silent(now_ns):
                self._cut("its actor fell silent")
        for recording in list(self._ending):
            self._guarded(recording, lambda r: r.tick(now_ns))
            if recording in self._ending and self._is_done(recording, now_ns):
                self._ending.remove(recording)
                self._close(recording)

    def close(self) -> None:
        """Completes what is open."""
        for recording in self._ending[:]:
            self._close(recording)
        self._ending.clear()
        self._cut("the recorder was stopped during the episode")

    # What messages mean.

    def _begin(self, news: Began, received: Received) -> None:
        self._put_aside("another episode began before this one's end")
        free = shutil.disk_usage(self._store.folder).free
        if free < FREE_MIN_BYTES:
            self._fail(f"{free / 1e6:.0f} MB are free in {self._store.folder}; free some space")
            return
        info = EpisodeInfo(
            **self._about,
            id=new_episode_id(self._about.get("task", ""), received.log_ns),
            actor_id=news.actor_id,
            episode=news.episode,
            is_evaluation=news.is_evaluation,
            started_ns=received.log_ns,
        )
        try:
            recording = Recording(self._store, info, self._streams)
        except OSError as error:
            self._fail(f"{self._store.running_file(info.id)}: {error.strerror}")
            return
        self.trouble = None
        self._running = recording
        self._heard_ns = received.log_ns
        for earlier in self._from_before(news.stamp_ns, received.log_ns):
            self._guarded(recording, lambda r, m=earlier: r.add(m))  # type: ignore[misc]

    def _from_before(self, stamp_ns: int, log_ns: int) -> Iterator[Received]:
        """What was said once for all, and what belongs to the first observation."""
        kept = [
            m
            for m in self._before
            if (
                source_stamp_ns(m.data) >= stamp_ns - BEFORE_STAMP_NS
                if m.topic in self._stamped
                else m.log_ns >= log_ns - BEFORE_STAMP_NS
            )
        ]
        topics = {message.topic for message in kept}
        once = [m for topic, m in self._newest.items() if topic not in topics]
        yield from sorted([*once, *kept], key=lambda message: message.log_ns)

    def _step(self, received: Received, news: StepCame) -> None:
        key = (news.actor_id, news.episode)
        for recording in filter(None, (self._running, *self._ending)):
            if recording.key == key:
                self._heard_ns = received.log_ns
                self._guarded(
                    recording,
                    lambda r: r.add_step(
                        received, news.step_number, is_intervention=news.is_intervention
                    ),
                )
                return
        self.strays += 1

    def _end(self, news: Ended, received: Received) -> None:
        recording = self._running
        if recording is None or recording.key != (news.actor_id, news.episode):
            return
        recording.ended_log_ns = received.log_ns
        recording.end = EpisodeEnd(
            outcome="discarded" if recording.discarded else news.outcome,
            note=news.note,
            episode_return=news.episode_return,
            steps=news.steps,
            ended_ns=received.log_ns,
        )

    def _discard(self, news: Discarded) -> None:
        if self._running is not None:
            self._running.discarded = True
            if self._running.end is not None:
                update = {"outcome": "discarded", "note": news.note or self._running.end.note}
                self._running.end = self._running.end.model_copy(update=update)
        elif self._last_id:
            path = self._store.file(self._last_id)
            try:
                self._store.label(path, "discarded", "operator", news.note)
            except (OSError, BagError, CatalogueError) as error:
                self._say(f"{self._last_id} could not be labelled: {error}")
        else:
            self._say("nothing to discard: no episode was recorded yet")

    def _remember(self, received: Received) -> None:
        if received.topic in self._latched:
            self._newest[received.topic] = received
        self._before.append(received)
        while self._before[0].log_ns < received.log_ns - BEFORE_NS:
            self._before.popleft()

    # Opening and closing.

    def _is_done(self, recording: Recording, now_ns: int) -> bool:
        since_ns = now_ns - recording.ended_log_ns
        if recording.has_all_steps:
            return since_ns >= LINGER_NS
        return since_ns >= STEPS_LATE_NS

    def _is_silent(self, now_ns: int) -> bool:
        return now_ns - self._heard_ns > SILENT_NS

    def _put_aside(self, reason: str) -> None:
        """A new episode begins: the one before gets no more but its own late steps."""
        if self._running is None:
            return
        if self._running.ended_log_ns:
            self._ending.append(self._running)
            self._running = None
        else:
            self._cut(reason)

    def _cut(self, reason: str) -> None:
        """Closes the running episode without, or before, its actor's word."""
        recording, self._running = self._running, None
        if recording is None:
            return
        if recording.end is None:
            outcome: Outcome = "discarded" if recording.discarded else "aborted"
            recording.end = EpisodeEnd(outcome=outcome, note=reason, ended_ns=time.time_ns())
        self._close(recording)

    def _close(self, recording: Recording) -> None:
        assert recording.end is not None
        missing = (recording.end.steps or 0) - len(recording.steps)
        end = recording.end.model_copy(update={"dropped": recording.dropped})
        if missing > 0:
            self._say(f"{recording.info.id}: {missing} of {end.steps} steps never came")
        try:
            summary = recording.finish(end)
        except OSError as error:
            self._lose(recording, error)
            return
        self.saved += 1
        self._last_id = summary.id
        self._say(
            f"{summary.id}: {summary.outcome}, {summary.steps} steps, {summary.duration_s:.1f} s, "
            f"{summary.bytes / 1e6:.1f} MB"
            + (f", {summary.lost} messages LOST" if summary.lost else "")
        )
        try:
            self._store.catalogue.put(summary)
        except CatalogueError as error:
            self._say(str(error))
        if self._on_saved is not None:
            self._on_saved(summary.id)

    def _guarded(self, recording: Recording, act: Callable[[Recording], None]) -> None:
        """A disk that is full ends this episode's recording, and nothing else."""
        try:
            act(recording)
        except OSError as error:
            self._lose(recording, error)

    def _lose(self, recording: Recording, error: OSError) -> None:
        recording.abandon()
        if recording is self._running:
            self._running = None
        if recording in self._ending:
            self._ending.remove(recording)
        path = self._store.running_file(recording.info.id)
        self._fail(
            f"{path}: {error.strerror}; the rest of this episode is lost, what is written can be "
            "repaired once there is space: robot-learning episodes repair"
        )

    def _fail(self, reason: str) -> None:
        self.trouble = f"not recording: {reason}"
        self._say(self.trouble)

    def _recover(self) -> None:
        """What a recorder that was killed left: a cut file, or a whole one without its line."""
        for path in self._store.unfinished():
            try:
                repaired = self._store.repair(path)
            except BusyError:
                continue  # another recorder is at work in the same folder
            except (BagError, OSError) as error:
                self._say(f"{path.name} could not be repaired: {error}")
            else:
                self._say(f"{repaired.path.name}: was cut; {repaired.messages} messages are whole")
        for path in self._store.uncatalogued():
            try:
                self._store.catalogue.put(self._store.read(path)[1])
            except (BagError, CatalogueError, CodecError, OSError) as error:
                self._say(f"{path.name} is not in the catalogue: {error}")
