"""Reads an MCAP bag from front to back, also one that is torn or damaged.

Nothing is taken from the summary at the end: a torn file has none, and what it says is checked
against what is really there.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from mcap.data_stream import ReadDataStream
from mcap.exceptions import McapError
from mcap.opcode import Opcode
from mcap.records import Channel, Chunk, McapRecord, Message, Metadata, Schema
from mcap.stream_reader import breakup_chunk
from mcap.writer import MCAP0_MAGIC

from robot_learning.demonstrations.bag_writer import ROS2MSG, Received, Stream

_PREFIX = struct.Struct("<BQ")  # opcode and length of every record
_SQLITE = b"SQLite format 3\0"
# What records in a chunk or outside raise when their bytes are not what they should be.
_BROKEN = (McapError, ValueError, struct.error, EOFError, IndexError, KeyError, OverflowError)


class BagError(ValueError):
    """The file is no bag of ROS 2 messages. One line says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Damage:
    """Bytes of a bag that are not what they were, or not all there.

    Attributes:
        offset: of the first of them in the file.
        size: how many.
        reason: one line.
        torn: it is the end of the file that is missing, as after a kill.
    """

    offset: int
    size: int
    reason: str
    torn: bool

    def __str__(self) -> str:
        return f"{self.size} bytes at offset {self.offset}: {self.reason}"


@dataclass(slots=True)
class Bag:
    """A bag file; read it with `messages`, which fills in the rest.

    Attributes:
        path: of the file.
        streams: by topic, as far as they were met.
        metadata: key and value pairs by name, as far as they were met; the last of a name holds.
        damages: as far as they were met.
        finished: the file ends as a bag that was closed does; known after all was read.
    """

    path: Path
    streams: dict[str, Stream] = field(default_factory=dict)
    metadata: dict[str, dict[str, str]] = field(default_factory=dict)
    damages: list[Damage] = field(default_factory=list)
    finished: bool = False

    def messages(self) -> Iterator[Received]:
        """Every whole message in the order of the file.

        Raises:
            BagError: the file is no MCAP.
            OSError: it cannot be read.
        """
        for _, messages in self.chunks():
            yield from messages

    def chunks(self) -> Iterator[tuple[int, list[Received]]]:
        """The messages of each whole chunk, with the chunk's offset in the file.

        Raises:
            BagError: the file is no MCAP.
            OSError: it cannot be read.
        """
        self.damages.clear()
        self.finished = False
        schemas: dict[int, Schema] = {}
        channels: dict[int, Channel] = {}
        for offset, record in self._records():
            messages = []
            for part in record if isinstance(record, list) else [record]:
                if isinstance(part, Schema):
                    schemas[part.id] = part
                elif isinstance(part, Channel):
                    channels[part.id] = part
                    self.streams[part.topic] = _stream(part, schemas)
                elif isinstance(part, Metadata):
                    self.metadata[part.name] = part.metadata
                elif isinstance(part, Message) and part.channel_id in channels:
                    messages.append(
                        Received(
                            channels[part.channel_id].topic,
                            part.log_time,
                            part.publish_time,
                            part.sequence,
                            part.data,
                        )
                    )
            yield offset, messages

    def read_through(self) -> None:
        """Meets everything, keeping no message."""
        for _ in self.chunks():
            pass

    def _records(self) -> Iterator[tuple[int, McapRecord | list[McapRecord]]]:
        with self.path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(0)
            _require_mcap(self.path, file)
            offset = len(MCAP0_MAGIC)
            while True:
                prefix = file.read(_PREFIX.size)
                if len(prefix) < _PREFIX.size:
                    self._torn(offset, size, "the file ends before its summary")
                    return
                opcode, length = _PREFIX.unpack(prefix)
                end = offset + _PREFIX.size + length
                if end > size:
                    self._torn(offset, size, f"a record of {length} bytes is cut off")
                    return
                body = file.read(length)
                if opcode == Opcode.FOOTER:
                    self._end(file, end, size)
                    return
                try:
                    record = _record(opcode, body)
                except _BROKEN as error:
                    reason = str(error) or type(error).__name__
                    self.damages.append(Damage(offset, end - offset, reason, torn=False))
                    record = None
                if record is not None:
                    yield offset, record
                offset = end

    def _torn(self, offset: int, size: int, reason: str) -> None:
        self.damages.append(Damage(offset, size - offset, reason, torn=True))

    def _end(self, file: BinaryIO, offset: int, size: int) -> None:
        self.finished = file.read(len(MCAP0_MAGIC)) == MCAP0_MAGIC
        if not self.finished:
            self._torn(offset, size, "the file's last bytes are missing")


def _require_mcap(path: Path, file: BinaryIO) -> None:
    magic = file.read(len(_SQLITE))
    if magic == _SQLITE:
        raise BagError(
            f"{path}: is a bag in SQLite (.db3); convert it first: "
            "ros2 bag convert, with storage_id: mcap"
        )
    if not magic.startswith(MCAP0_MAGIC):
        what = "is empty" if not magic else "is no MCAP file"
        raise BagError(f"{path}: {what}; expected a bag as `ros2 bag record -s mcap` writes it")
    file.seek(len(MCAP0_MAGIC))


def _record(opcode: int, body: bytes) -> McapRecord | list[McapRecord] | None:
    """What a record holds; None for those that only repeat or point to others."""
    stream = ReadDataStream(BytesIO(body))
    record: McapRecord | list[McapRecord] | None = None
    if opcode == Opcode.CHUNK:
        record = breakup_chunk(Chunk.read(stream), validate_crc=True)
    elif opcode == Opcode.SCHEMA:
        record = Schema.read(stream)
    elif opcode == Opcode.CHANNEL:
        record = Channel.read(stream)
    elif opcode == Opcode.MESSAGE:
        record = Message.read(stream, len(body))
    elif opcode == Opcode.METADATA:
        record = Metadata.read(stream)
    return record


def _stream(channel: Channel, schemas: dict[int, Schema]) -> Stream:
    schema = schemas.get(channel.schema_id)
    known = schema is not None and schema.encoding == ROS2MSG
    return Stream(
        channel.topic,
        schema.name if schema is not None else "",
        schema.data.decode(errors="replace") if schema is not None and known else "",
        channel.metadata.get("offered_qos_profiles", "") or "[]",
    )
