"""A folder of episodes: one file each, labels and picture beside it, a catalogue of them all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from mcap.writer import MCAP0_MAGIC

from robot_learning.demonstrations.bag_reader import Bag
from robot_learning.demonstrations.bag_repair import Repair, repair_bag
from robot_learning.demonstrations.bag_writer import BagWriter
from robot_learning.demonstrations.catalogue import Catalogue, CatalogueError
from robot_learning.demonstrations.episode_file import EpisodeFile, read_episode
from robot_learning.demonstrations.episode_info import (
    BEGIN_RECORD,
    END_RECORD,
    EpisodeEnd,
    EpisodeInfo,
)
from robot_learning.demonstrations.episode_summary import EpisodeSummary, summarise
from robot_learning.demonstrations.file_lock import is_busy
from robot_learning.demonstrations.labels import Label, add_label, read_labels

WHOLE, RUNNING = ".mcap", ".mcap.part"


class StoreError(LookupError):
    """The store has no such episode, or is none. One line says what it has."""


@dataclass(frozen=True, slots=True)
class Store:
    """The episodes in a folder, which need not exist yet."""

    folder: Path

    @property
    def catalogue(self) -> Catalogue:
        """What answers quickly."""
        return Catalogue(self.folder)

    def file(self, episode_id: str) -> Path:
        """Where a whole episode is."""
        return self.folder / f"{episode_id}{WHOLE}"

    def running_file(self, episode_id: str) -> Path:
        """Where an episode is while it is recorded."""
        return self.folder / f"{episode_id}{RUNNING}"

    def labels_file(self, episode_id: str) -> Path:
        """Where an episode's later labels are."""
        return self.folder / f"{episode_id}.labels.jsonl"

    def picture_file(self, episode_id: str) -> Path:
        """Where an episode's summary picture is."""
        return self.folder / f"{episode_id}.png"

    def whole(self) -> list[Path]:
        """Every whole episode's file, the oldest first."""
        return sorted(p for p in self.folder.glob(f"*{WHOLE}") if not p.name.startswith("."))

    def unfinished(self) -> list[Path]:
        """Files of episodes that are being recorded or were cut."""
        found = sorted(self.folder.glob(f"*{RUNNING}"))
        return [path for path in found if not path.name.startswith(".")]

    def uncatalogued(self) -> list[Path]:
        """Whole episodes of which the catalogue knows nothing; all where it cannot be read."""
        try:
            known = {line.id for line in self.catalogue.all()}
        except CatalogueError:
            known = set()
        return [path for path in self.whole() if path.name.removesuffix(WHOLE) not in known]

    def find(self, text: str) -> Path:
        """The one whole episode whose name begins or ends with a text; `last` is the newest.

        Raises:
            StoreError: none does, or several do.
        """
        files = self.whole()
        if not files:
            hint = "; there are unfinished ones: episodes repair" if self.unfinished() else ""
            raise StoreError(f"{self.folder}: there are no episodes{hint}")
        if text == "last":
            return files[-1]
        names = {path.name.removesuffix(WHOLE): path for path in files}
        if text in names:
            return names[text]
        near = [name for name in names if name.startswith(text) or name.endswith(text)]
        if len(near) == 1:
            return names[near[0]]
        if near:
            raise StoreError(f"{text!r} may be {', '.join(near[:5])}; give more of its name")
        raise StoreError(
            f"{self.folder}: there is no episode {text!r}; the newest is {files[-1].name}; all of "
            "them: robot-learning episodes list"
        )

    def read(self, path: Path) -> tuple[EpisodeFile, EpisodeSummary]:
        """A whole episode, and its line for the catalogue.

        Raises:
            BagError, CodecError, OSError: as `read_episode`.
        """
        episode = read_episode(path)
        end = episode.end or EpisodeEnd(note="the recording was cut; repair it")
        summary = summarise(
            path,
            episode.info,
            end,
            list(episode.facts.values()),
            read_labels(self.labels_file(episode.info.id)),
            steps=len(episode.steps),
            interventions=episode.interventions,
        )
        return episode, summary

    def labels(self, path: Path) -> list[Label]:
        """Labels given to a whole episode, the newest last."""
        return read_labels(self.labels_file(path.name.removesuffix(WHOLE)))

    def label(self, path: Path, outcome: str, by: str, note: str = "") -> EpisodeSummary:
        """Gives a whole episode an outcome; those before stay on record.

        Raises:
            ValueError: there is no such outcome.
            BagError, CodecError, OSError: as `read_episode`, or it cannot be written.
            CatalogueError: the label is given, and the catalogue does not know it.
        """
        at = datetime.now(UTC).isoformat(timespec="seconds")
        add_label(self.labels_file(path.name.removesuffix(WHOLE)), Label(outcome, by, at, note))
        _, summary = self.read(path)
        self.catalogue.put(summary)
        return summary

    def repair(self, path: Path) -> Repair:
        """Makes an unfinished or damaged episode whole.

        Raises:
            BagError: it is no bag.
            BusyError: it is being recorded.
            OSError: it cannot be read or written.
        """
        target = path.with_name(path.name.removesuffix(".part"))
        return repair_bag(path, target, _close_episode)

    def repair_unfinished(self) -> Iterator[Repair]:
        """Repairs every episode that was cut and is not being recorded.

        One that was cut before anything was in it is removed.

        Raises:
            BagError, OSError: as `repair`.
        """
        for path in self.unfinished():
            if is_busy(path):
                continue
            if _is_empty(path):
                path.unlink()  # killed before it had said what it is
            else:
                yield self.repair(path)


def new_episode_id(task: str, started_ns: int) -> str:
    """A name that sorts by time, says the task, and is nobody else's."""
    moment = datetime.fromtimestamp(started_ns // 1_000_000_000, UTC).strftime("%Y%m%d-%H%M%S")
    plain = "".join(c if c.isalnum() else "_" for c in task) or "episode"
    return f"{moment}-{started_ns // 1_000_000 % 1000:03d}-{plain}-{uuid4().hex[:8]}"


def _is_empty(path: Path) -> bool:
    if path.stat().st_size < len(MCAP0_MAGIC):
        return True
    bag = Bag(path)
    return next(bag.messages(), None) is None and BEGIN_RECORD not in bag.metadata


def _close_episode(bag: Bag, writer: BagWriter) -> None:
    """Says at the end of a repaired file what became of it."""
    end = EpisodeEnd()
    if END_RECORD in bag.metadata:
        end = EpisodeEnd.from_metadata(bag.metadata[END_RECORD])
    lost = sum(damage.size for damage in bag.damages)
    note = f"repaired: {lost} bytes were not whole" if lost else "repaired: the end was missing"
    note = "; ".join(part for part in (end.note, note) if part)
    last_ns = end.ended_ns or writer.last_ns
    if BEGIN_RECORD in bag.metadata:
        last_ns = max(last_ns, EpisodeInfo.from_metadata(bag.metadata[BEGIN_RECORD]).started_ns)
    update = {"state": "repaired", "note": note, "ended_ns": last_ns}
    writer.add_metadata(END_RECORD, end.model_copy(update=update).as_metadata())
