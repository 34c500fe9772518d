"""Makes a torn or damaged bag whole: what is whole in it stays, what is not is kept beside."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from robot_learning.demonstrations.bag_reader import Bag, Damage
from robot_learning.demonstrations.bag_writer import BagWriter
from robot_learning.demonstrations.file_lock import BusyError, is_busy


@dataclass(frozen=True, slots=True)
class Repair:
    """What was done to a bag.

    Attributes:
        path: of the whole bag.
        damages: what was not whole.
        messages: how many are in it.
        last_ns: when the last of them was received; 0 where there is none.
        kept_in: where the bytes are that were taken out; None where there were none.
    """

    path: Path
    damages: tuple[Damage, ...]
    messages: int
    last_ns: int
    kept_in: Path | None


def repair_bag(
    path: Path,
    target: Path | None = None,
    closing: Callable[[Bag, BagWriter], None] | None = None,
) -> Repair:
    """Writes the whole part of a bag beside it and puts it in its place.

    May be killed at any moment and begun again.

    Args:
        path: of the bag.
        target: where the whole bag goes; where it was when None.
        closing: adds what a bag holds at its end.

    Raises:
        BagError: the file is no bag.
        BusyError: it is being written.
        OSError: it cannot be read, or the whole one not be written.
    """
    if is_busy(path):
        raise BusyError(f"{path} is being recorded; stop the recorder first")
    target = target or path
    beside = path.with_name(f".{path.name}.repair")
    beside.unlink(missing_ok=True)
    bag = Bag(path)
    try:
        with BagWriter(beside) as writer:
            for _, messages in bag.chunks():
                _copy_new(bag, writer)
                for message in messages:
                    writer.add(message)
                writer.flush()
            _copy_metadata(writer, bag.metadata)
            if closing is not None:
                closing(bag, writer)
            writer.finish()
            count = sum(writer.counts.values())
    except OSError:
        beside.unlink(missing_ok=True)
        raise
    kept = _keep(path, bag.damages)
    beside.replace(target)
    if target != path:
        path.unlink()
    _sync_folder(target.parent)
    return Repair(target, tuple(bag.damages), count, writer.last_ns, kept)


def _copy_new(bag: Bag, writer: BagWriter) -> None:
    for topic, stream in bag.streams.items():
        if topic not in writer.counts:
            writer.add_stream(stream)


def _copy_metadata(writer: BagWriter, metadata: Mapping[str, Mapping[str, str]]) -> None:
    for name, values in metadata.items():
        writer.add_metadata(name, values)


def _keep(path: Path, damages: list[Damage]) -> Path | None:
    """Keeps what is taken out: the cut end alone, or the whole file where it is not the end."""
    sizes = [damage.size for damage in damages]
    if not sum(sizes):
        return None
    if [damage.torn for damage in damages] == [True]:
        cut = damages[0]
        kept = path.with_name(f"{path.name}.cut-at-{cut.offset}")
        with path.open("rb") as file:
            file.seek(cut.offset)
            kept.write_bytes(file.read())
        return kept
    kept = path.with_name(f"{path.name}.damaged")
    kept.unlink(missing_ok=True)
    os.link(path, kept)
    return kept


def _sync_folder(path: Path) -> None:
    folder = os.open(path, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
