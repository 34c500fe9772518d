"""The format of journals of steps: records that are whole or not there.

Layout, little-endian throughout:

    file    = magic (8 bytes) record*
    record  = payload length (uint32), CRC-32 of the payload (uint32), payload
    payload = b"H" header JSON | b"A" actor number (uint32) actor id (UTF-8) | b"S" step

The first record is the header: sizes of the arrays and the hash of the contract.
"""

from __future__ import annotations

import json
import mmap
import os
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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


def encode_header(header: JournalHeader) -> bytes:
    """The record that a journal begins with."""
    fields = {
        "observation_size": header.observation_size,
        "goal_size": header.goal_size,
        "action_size": header.action_size,
        "contract_sha256": header.contract_sha256,
    }
    return _frame(b"H" + json.dumps(fields, sort_keys=True).encode())


def encode_actor(number: int, actor_id: str) -> bytes:
    """The record that gives an actor its number."""
    return _frame(b"A" + struct.pack("<I", number) + actor_id.encode())


def encode_step(step: Step, actor: int, step_type: np.dtype[np.void]) -> bytes:
    """The record of one step of the actor with this number."""
    record = np.zeros((), step_type)
    record["actor"] = actor
    record["flags"] = sum(getattr(step, name) << bit for bit, name in enumerate(_FLAGS))
    for name in step_type.names or ():
        if name not in ("actor", "flags"):
            record[name] = getattr(step, name)
    return _frame(b"S" + record.tobytes())


def read_steps(path: Path) -> Iterator[tuple[int, Step]]:
    """Every whole step of a journal in order, each with the file offset behind it.

    Raises:
        JournalError: the file is not a journal.
    """
    scan = Scan(path)
    for payload in scan:
        if payload[:1] == b"S" and scan.header is not None:
            yield scan.offset, _decode(payload, scan)


class Scan:
    """Walks the payloads of a file's whole records; afterwards says where they end and why.

    Attributes:
        header: what the file was made for; None until its record was seen.
        actors: actor ids by number.
        offset: end of the last whole record.
        reason: why the walk ended before the end of the file; empty if it did not.
    """

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


def _decode(payload: bytes, scan: Scan) -> Step:
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


def _header_of(data: bytes, path: Path) -> JournalHeader:
    try:
        return JournalHeader(**json.loads(data))
    except (ValueError, TypeError):
        raise JournalError(f"{path}: its header is of another version of journal") from None
