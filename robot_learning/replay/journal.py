"""An append-only file of numbered steps: what was acknowledged is in it.

Layout, little-endian throughout:

    file    = magic (8 bytes) record*
    record  = payload length (uint32), CRC-32 of the payload (uint32), payload
    payload = b"H" header JSON | b"A" actor number (uint32) actor id (UTF-8) | b"S" step

The first record is the header: sizes of the arrays and the hash of the contract. A record is
whole or it does not exist: a torn or damaged end is cut off when the file is opened for writing,
kept beside it, and reported.
"""

from __future__ import annotations

import json
import mmap
import os
import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from robot_learning.replay.step import Step

MAGIC = b"RLSTEPS1"
_FRAME = struct.Struct("<II")
_PAYLOAD_MAX = 1 << 20
_FLAGS = ("is_evaluation", "is_intervention", "terminated", "truncated", "success")
_SCALARS = (
    ("actor", "<u4"),
    ("step_number", "<u8"),
    ("episode", "<u8"),
    ("episode_step", "<u4"),
    ("flags", "<u1"),
    ("policy_version", "<u8"),
    ("stamp_s", "<f8"),
    ("observation_age_s", "<f4"),
    ("reward", "<f4"),
)


class JournalError(ValueError):
    """The file is no journal, or one made for other sizes or another contract."""


@dataclass(frozen=True, slots=True)
class JournalHeader:
    """What a journal holds: array sizes, and the contract's SHA-256 (empty without one)."""

    observation_size: int
    goal_size: int
    action_size: int
    contract_sha256: str = ""

    def step_type(self) -> np.dtype[np.void]:
        """The fixed layout of one step's payload after its type byte."""
        o, g, a = self.observation_size, self.goal_size, self.action_size
        arrays = [
            ("observation", "<f4", (o,)),
            ("achieved_goal", "<f4", (g,)),
            ("desired_goal", "<f4", (g,)),
            ("requested_action", "<f4", (a,)),
            ("gated_action", "<f4", (a,)),
            ("executed_action", "<f4", (a,)),
            ("next_observation", "<f4", (o,)),
            ("next_achieved_goal", "<f4", (g,)),
        ]
        return np.dtype([*_SCALARS, *arrays])


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
                self._write(MAGIC + _frame(b"H" + _header_json(header)))
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
        scan = _Scan(self._path)
        for _ in scan:
            pass
        if scan.header is not None and scan.header != self._header:
            raise JournalError(
                f"{self._path}: was made for {scan.header}, here {self._header}; "
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
            yield _frame(b"A" + struct.pack("<I", actor) + step.actor_id.encode())
        record = np.zeros((), self._type)
        record["actor"] = actor
        record["flags"] = sum(getattr(step, name) << bit for bit, name in enumerate(_FLAGS))
        for name in self._type.names or ():
            if name not in ("actor", "flags"):
                record[name] = getattr(step, name)
        yield _frame(b"S" + record.tobytes())

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


def read_steps(path: Path) -> Iterator[tuple[int, Step]]:
    """Every whole step of a journal in order, each with the file offset behind it.

    Raises:
        JournalError: the file is not a journal.
    """
    scan = _Scan(path)
    for payload in scan:
        if payload[:1] == b"S" and scan.header is not None:
            yield scan.offset, _decode(payload, scan)


class _Scan:
    """Walks the whole records of a file; afterwards says where they end and why."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.header: JournalHeader | None = None
        self.type: np.dtype[np.void] | None = None
        self.actors: dict[int, str] = {}
        self.offset = len(MAGIC)
        self.reason = ""

    def __iter__(self) -> Iterator[bytes]:
        with self.path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size < len(MAGIC) or file.read(len(MAGIC)) != MAGIC:
                raise JournalError(f"{self.path}: is not a journal of steps (foreign file)")
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                while self.offset < size:
                    payload = self._next(data, size)
                    if payload is None:
                        return
                    self.offset += _FRAME.size + len(payload)
                    yield payload

    def _next(self, data: mmap.mmap, size: int) -> bytes | None:
        start = self.offset + _FRAME.size
        if start > size:
            self.reason = "a record's frame is torn"
            return None
        length, checksum = _FRAME.unpack_from(data, self.offset)
        if not 1 <= length <= _PAYLOAD_MAX:
            self.reason = f"a record's length {length} is damaged"
            return None
        if start + length > size:
            self.reason = "a record is torn"
            return None
        payload = data[start : start + length]
        if zlib.crc32(payload) != checksum:
            self.reason = "a record's checksum does not match"
            return None
        if not self._accept(payload):
            self.reason = "a record is not one of a journal"
            return None
        return payload

    def _accept(self, payload: bytes) -> bool:
        kind = payload[:1]
        if self.header is None:
            if kind != b"H":
                return False
            self.header = _header_of(payload[1:], self.path)
            self.type = self.header.step_type()
            return True
        if kind == b"A":
            (number,) = struct.unpack_from("<I", payload, 1)
            self.actors[number] = payload[5:].decode()
            return True
        return kind == b"S" and self.type is not None and len(payload) == 1 + self.type.itemsize


def _decode(payload: bytes, scan: _Scan) -> Step:
    assert scan.type is not None
    record = np.frombuffer(payload, scan.type, count=1, offset=1)[0]
    flags = int(record["flags"])
    values: dict[str, Any] = {name: bool(flags >> bit & 1) for bit, name in enumerate(_FLAGS)}
    values |= {
        name: record[name].item() if record[name].ndim == 0 else record[name].astype(np.float32)
        for name in scan.type.names or ()
        if name not in ("actor", "flags")
    }
    return Step(actor_id=scan.actors[int(record["actor"])], **values)


def _frame(payload: bytes) -> bytes:
    return _FRAME.pack(len(payload), zlib.crc32(payload)) + payload


def _header_json(header: JournalHeader) -> bytes:
    return json.dumps(
        {
            "observation_size": header.observation_size,
            "goal_size": header.goal_size,
            "action_size": header.action_size,
            "contract_sha256": header.contract_sha256,
        },
        sort_keys=True,
    ).encode()


def _header_of(data: bytes, path: Path) -> JournalHeader:
    try:
        return JournalHeader(**json.loads(data))
    except (ValueError, TypeError):
        raise JournalError(f"{path}: its header is of another version of journal") from None


def _require_magic_prefix(path: Path) -> None:
    if path.exists() and not MAGIC.startswith(path.read_bytes()):
        raise JournalError(f"{path}: is not a journal of steps (foreign file)")


def _fsync_directory(path: Path) -> None:
    directory = os.open(path, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
