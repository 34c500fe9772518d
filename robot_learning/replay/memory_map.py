"""A ring of fixed-size records in a file, read and written as memory: larger than memory may be.

Layout: a page with two headers, then one region a field, each from a page boundary on. A header
is written where the older of the two lies, with a checksum; so there is always a whole one. It
promises two numbers: `count`, below which every record is whole, and `reserved`, above which
nothing was ever written. Between the two a crash may have left anything, and also in the slots
that were to be overwritten there.
"""

from __future__ import annotations

import json
import mmap
import os
import struct
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import DTypeLike, NDArray

from robot_learning.replay.ring import Int64

_MAGIC = b"RLRING01"
_PAGE = mmap.ALLOCATIONGRANULARITY
_HEADER = struct.Struct("<8sQQQI")  # magic, serial, count, reserved, checksum of layout and these
_SIDES = 2
_SIDE_BYTES = _PAGE // _SIDES
_LENGTH = struct.Struct("<I")

Fields = Mapping[str, tuple[DTypeLike, tuple[int, ...]]]


class MemoryMapError(ValueError):
    """The file is no ring of records, or one with another layout."""


class MappedRing:
    """The last `capacity` records; records are read by position, counted since the first ever.

    Attributes:
        columns: all slots of each field, shape (capacity, ...); written by `append` alone.
        count: records ever appended.
        oldest: the lowest position that is there.
    """

    def __init__(self, path: Path, capacity: int, fields: Fields, *, reserve: int = 1024) -> None:
        """Opens the file, or makes one of its full size.

        Args:
            path: of the file.
            capacity: records kept.
            fields: name to type and shape of one record's value.
            reserve: records between two flushes; at most so many of the newest, and of the
                oldest, are lost in a crash.

        Raises:
            MemoryMapError: the file is something else.
            OSError: it cannot be opened, or the disk is full.
        """
        self._capacity, self._reserve = capacity, min(reserve, capacity)
        types = {name: (np.dtype(kind), tuple(shape)) for name, (kind, shape) in fields.items()}
        plain = {name: [kind.str, list(shape)] for name, (kind, shape) in types.items()}
        self._layout = json.dumps({"capacity": capacity, "fields": plain}).encode()
        if _HEADER.size + _LENGTH.size + len(self._layout) > _SIDE_BYTES:
            raise MemoryMapError(f"{path}: too many fields for its header")
        starts, end = {}, _PAGE
        for name, (kind, shape) in types.items():
            starts[name] = end
            size = capacity * kind.itemsize * int(np.prod(shape))
            end += -(-size // _PAGE) * _PAGE
        existed = path.exists() and path.stat().st_size > 0
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            if existed and os.fstat(file).st_size != end:
                raise MemoryMapError(f"{path}: is no ring of these records; remove it or move it")
            # All at once: a disk that is full later would be a signal, not an error.
            os.posix_fallocate(file, 0, end)
            self._map = mmap.mmap(file, end)
        finally:
            os.close(file)
        self.columns: dict[str, NDArray[Any]] = {
            name: np.ndarray((capacity, *shape), kind, self._map, starts[name])
            for name, (kind, shape) in types.items()
        }
        self._serial = self.count = self._reserved = 0
        if existed:
            self._read_header(path)
        self.oldest = max(0, self._reserved - capacity)
        self._reserved = max(self._reserved, self.count)

    def __len__(self) -> int:
        return self.count - self.oldest

    def append(self, **values: Any) -> None:
        """Appends one record, a value for each field."""
        if self.count == self._reserved:
            # First the promise, then the writing: the slots ahead hold the oldest records.
            self._commit(self.count + self._reserve)
        slot = self.count % self._capacity
        for name, column in self.columns.items():
            column[slot] = values[name]
        self.count += 1
        self.oldest = max(self.oldest, self.count - self._capacity)

    def take(self, name: str, positions: Int64, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """A field of the records at `positions`, shape (n, ...); into `out` where given."""
        # "wrap" is never needed here; the default mode would copy `out` once more.
        slots = positions % self._capacity
        return self.columns[name].take(slots, axis=0, out=out, mode="wrap")

    def flush(self) -> None:
        """Brings every record to the disk; they then survive a power cut.

        Raises:
            OSError: the disk failed.
        """
        self._commit(self._reserved)

    def close(self) -> None:
        """Flushes and closes; `columns` and what was taken as views end with it."""
        self.flush()
        self.columns = {}
        self._map.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _commit(self, reserved: int) -> None:
        self._map.flush()  # what the header promises comes before it
        self._serial += 1
        self._reserved = reserved
        numbers = (_MAGIC, self._serial, self.count, reserved)
        header = _HEADER.pack(*numbers, _checksum(self._layout, *numbers[1:]))
        start = self._serial % _SIDES * _SIDE_BYTES
        data = header + _LENGTH.pack(len(self._layout)) + self._layout
        self._map[start : start + len(data)] = data
        self._map.flush(0, _PAGE)

    def _read_header(self, path: Path) -> None:
        found = []
        for side in range(_SIDES):
            start = side * _SIDE_BYTES
            magic, serial, count, reserved, checksum = _HEADER.unpack_from(self._map, start)
            at = start + _HEADER.size
            (length,) = _LENGTH.unpack_from(self._map, at)
            layout = self._map[at + _LENGTH.size : at + _LENGTH.size + min(length, _SIDE_BYTES)]
            whole = magic == _MAGIC and checksum == _checksum(layout, serial, count, reserved)
            if whole and layout != self._layout:
                raise MemoryMapError(
                    f"{path}: holds records of {layout.decode()}, here {self._layout.decode()}"
                )
            if whole:
                found.append((serial, count, reserved))
        if not found and any(self._map[:_PAGE]):
            raise MemoryMapError(f"{path}: is no ring of records, or its header is damaged")
        if found:
            self._serial, self.count, self._reserved = max(found)


def _checksum(layout: bytes, serial: int, count: int, reserved: int) -> int:
    return zlib.crc32(layout + struct.pack("<QQQ", serial, count, reserved))
