"""An append-only file of numbered steps: what was acknowledged is in it.

A record is whole or it does not exist: a torn or damaged end is cut off when the file is opened
for writing, kept beside it, and reported.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from robot_learning.replay.journal_format import (
    MAGIC,
    JournalError,
    JournalHeader,
    Scan,
    encode_actor,
    encode_header,
    encode_step,
    read_steps,
)
from robot_learning.replay.step import Step


@dataclass(frozen=True, slots=True)
class Cut:
    """The end of a journal that was cut off: where, how many bytes, why, where they are kept."""

    offset: int
    size: int
    reason: str
    kept_in: Path

    def __str__(self) -> str:
        return (
            f"cut {self.size} bytes at offset {self.offset} ({self.reason}); "
            f"they are kept in {self.kept_in}"
        )


class Journal:
    """A journal open for appending.

    Attributes:
        cut: what was cut off the end when the file was opened, or None.
        offset: bytes of whole records handed to the system so far.
    """

    def __init__(self, path: Path, header: JournalHeader) -> None:
        """Opens the journal at `path`, or begins a new one.

        Raises:
            JournalError: the file is not a journal, or was made for another `header`.
            OSError: it cannot be read or written.
        """
        self._path = path
        self._header = header
        self._type = header.step_type()
        self._actors: dict[str, int] = {}
        self.cut: Cut | None = None
        self.offset = 0
        if path.exists() and path.stat().st_size >= len(MAGIC):
            self._recover()
        else:
            # Shorter than the magic: torn while it was being begun, so nothing was acknowledged.
            _require_magic_prefix(path)
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        self._file = os.open(path, flags, 0o644)
        try:
            os.ftruncate(self._file, self.offset)
            os.lseek(self._file, self.offset, os.SEEK_SET)
            if self.offset <= len(MAGIC):
                os.ftruncate(self._file, 0)
                os.lseek(self._file, 0, os.SEEK_SET)
                self.offset = 0
                self._write(MAGIC + encode_header(header))
            self.flush_and_fsync()
            _fsync_directory(path.parent)
        except OSError:
            os.close(self._file)
            raise

    def append(self, steps: Iterable[Step]) -> None:
        """Appends steps; they survive the end of this process, and a power cut after
        `flush_and_fsync`.

        Raises:
            OSError: nothing of `steps` was appended (disk full, ...); the file is as before.
        """
        known = dict(self._actors)
        data = b"".join(part for step in steps for part in self._encode(step, known))
        self._write(data)
        self._actors = known

    def flush_and_fsync(self) -> int:
        """Brings everything appended to the disk; returns the offset up to which it is there."""
        os.fsync(self._file)
        return self.offset

    def steps(self) -> Iterator[tuple[int, Step]]:
        """Every step in order, each with the file offset behind it."""
        return read_steps(self._path)

    def close(self) -> None:
        """Closes the file; safe to call twice."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _recover(self) -> None:
        scan = Scan(self._path)
        for _ in scan:
            pass
        if scan.header is not None and scan.header != self._header:
            then, now = asdict(scan.header), asdict(self._header)
            differ = (f"{k}: {then[k]!r} then, {now[k]!r} now" for k in now if now[k] != then[k])
            raise JournalError(
                f"{self._path}: was made for other steps: {'; '.join(differ)}; "
                "choose another output folder"
            )
        self._actors = {name: number for number, name in scan.actors.items()}
        self.offset = scan.offset
        if scan.reason:
            kept = self._path.with_name(f"{self._path.name}.cut-at-{scan.offset}")
            with self._path.open("rb") as source:
                source.seek(scan.offset)
                tail = source.read()
            kept.write_bytes(tail)
            self.cut = Cut(scan.offset, len(tail), scan.reason, kept)

    def _encode(self, step: Step, known: dict[str, int]) -> Iterator[bytes]:
        actor = known.get(step.actor_id)
        if actor is None:
            actor = known[step.actor_id] = len(known)
            yield encode_actor(actor, step.actor_id)
        yield encode_step(step, actor, self._type)

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(self._file, view) :]
        except OSError:
            # Half a record in the middle of the file would hide every record behind it.
            os.ftruncate(self._file, self.offset)
            os.lseek(self._file, self.offset, os.SEEK_SET)
            raise
        self.offset += len(data)


def _require_magic_prefix(path: Path) -> None:
    if path.exists() and not MAGIC.startswith(path.read_bytes()):
        raise JournalError(f"{path}: is not a journal of steps (foreign file)")


def _fsync_directory(path: Path) -> None:
    directory = os.open(path, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
