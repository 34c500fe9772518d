"""A bag that a killed writer leaves readable: an MCAP file in small chunks.

ROS 2's profile of MCAP (https://mcap.dev/spec, profile `ros2`): messages as CDR, their definitions
as `ros2msg`, so that `ros2 bag` and Foxglove read it. The library's own writer holds a chunk until
it is full, however long that takes; here a chunk ends when its writer says so.
"""

from __future__ import annotations

import os
import zlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from mcap.data_stream import RecordBuilder
from mcap.opcode import Opcode
from mcap.records import (
    Channel,
    Chunk,
    ChunkIndex,
    DataEnd,
    Footer,
    Header,
    McapRecord,
    Message,
    MessageIndex,
    Metadata,
    MetadataIndex,
    Schema,
    Statistics,
    SummaryOffset,
)
from mcap.writer import MCAP0_MAGIC

from robot_learning.demonstrations.file_lock import lock

PROFILE, CDR, ROS2MSG = "ros2", "cdr", "ros2msg"
LIBRARY = "robot-learning"


@dataclass(frozen=True, slots=True)
class Stream:
    """One topic of a bag.

    Attributes:
        topic: its name on the graph.
        type_name: `package/msg/Name`.
        definition: what `message_definition` says of it.
        qos: profiles that its publishers offered, a YAML list as `ros2 bag` writes it.
    """

    topic: str
    type_name: str
    definition: str
    qos: str = "[]"


@dataclass(frozen=True, slots=True)
class Received:
    """One message as it came.

    Attributes:
        topic: of its stream.
        log_ns: when it was received, nanoseconds on the system clock.
        publish_ns: when its publisher sent it, on that machine's system clock.
        sequence: the publisher's own count of its messages, from 1; 0 where unknown.
        data: CDR.
    """

    topic: str
    log_ns: int
    publish_ns: int
    sequence: int
    data: bytes


class BagWriter:
    """A bag open for writing.

    Attributes:
        path: of the file.
        counts: messages by topic.
        last_ns: when the newest message was received.
    """

    def __init__(self, path: Path) -> None:
        """Begins a new file, which is locked against repair for as long as it is open.

        Raises:
            FileExistsError: there is a file.
            OSError: it cannot be written.
        """
        self.path = path
        self.counts: dict[str, int] = {}
        self.last_ns = 0
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        lock(self._file)
        self._offset = 0
        self._schemas: dict[str, Schema] = {}
        self._channels: dict[str, Channel] = {}
        self._unwritten: list[McapRecord] = []
        self._messages: list[Message] = []
        self._bytes = 0
        self._chunks: list[ChunkIndex] = []
        self._metadata: list[MetadataIndex] = []
        self._statistics = Statistics(
            attachment_count=0,
            channel_count=0,
            channel_message_counts=defaultdict(int),
            chunk_count=0,
            message_count=0,
            message_end_time=0,
            message_start_time=0,
            metadata_count=0,
            schema_count=0,
        )
        self._write(MCAP0_MAGIC + _encoded([Header(PROFILE, LIBRARY)]))

    @property
    def buffered_bytes(self) -> int:
        """What a kill would lose now."""
        return self._bytes

    def add_stream(self, stream: Stream) -> None:
        """Makes a topic known; once each."""
        schema = self._schemas.get(stream.type_name)
        if schema is None:
            number = len(self._schemas) + 1
            schema = Schema(number, stream.definition.encode(), ROS2MSG, stream.type_name)
            self._schemas[stream.type_name] = schema
            self._unwritten.append(schema)
        about = {"offered_qos_profiles": stream.qos}
        channel = Channel(len(self._channels) + 1, stream.topic, CDR, about, schema.id)
        self._channels[stream.topic] = channel
        self._unwritten.append(channel)
        self.counts[stream.topic] = 0

    def add(self, received: Received) -> None:
        """Takes a message of a known topic; it is on the disk after the next `flush`."""
        channel = self._channels[received.topic]
        log_ns, publish_ns = received.log_ns, received.publish_ns
        sequence = received.sequence & 0xFFFFFFFF
        self._messages.append(Message(channel.id, log_ns, received.data, publish_ns, sequence))
        self._bytes += len(received.data)
        self.counts[received.topic] += 1
        self.last_ns = max(self.last_ns, log_ns)

    def add_metadata(self, name: str, values: Mapping[str, str]) -> None:
        """Writes key and value pairs at once."""
        self.flush()
        data = _encoded([Metadata(name, dict(values))])
        self._metadata.append(MetadataIndex(self._offset, len(data), name))
        self._statistics.metadata_count += 1
        self._write(data)

    def flush(self, *, durable: bool = False) -> None:
        """Writes what was added as one chunk; what is written survives the end of this process.

        Args:
            durable: also bring it to the disk, where a power cut leaves it.

        Raises:
            OSError: it could not be written. The file ends where it ended before, and what was
                added is kept for another try.
        """
        if self._messages or self._unwritten:
            self._write_chunk()
        if durable:
            os.fdatasync(self._file)

    def finish(self) -> None:
        """Writes the rest and the summary, brings all to the disk and closes.

        Raises:
            OSError: it could not be written; `abandon` then closes what there is.
        """
        self.flush()
        data = _encoded([DataEnd(0)])
        data += self._summary(self._offset + len(data))
        self._write(data)
        os.fsync(self._file)
        self.abandon()

    def abandon(self) -> None:
        """Closes without a summary, as a kill would; safe to call twice."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.abandon()

    def _write_chunk(self) -> None:
        builder = RecordBuilder()
        for record in self._unwritten:
            record.write(builder)
        entries: dict[int, list[tuple[int, int]]] = defaultdict(list)
        for message in self._messages:
            entries[message.channel_id].append((message.log_time, builder.count))
            message.write(builder)
        times = [message.log_time for message in self._messages] or [0]
        body = bytes(builder.end())
        chunk = Chunk("", body, max(times), min(times), zlib.crc32(body), len(body))
        self._add_chunk(chunk, entries)
        for message in self._messages:
            self._statistics.channel_message_counts[message.channel_id] += 1
        if self._messages:
            had = self._statistics.message_count
            first = self._statistics.message_start_time if had else min(times)
            self._statistics.message_start_time = min(first, min(times))
            self._statistics.message_end_time = max(self._statistics.message_end_time, max(times))
            self._statistics.message_count += len(self._messages)
        self._unwritten, self._messages, self._bytes = [], [], 0

    def _add_chunk(self, chunk: Chunk, entries: Mapping[int, list[tuple[int, int]]]) -> None:
        data = _encoded([chunk])
        length, offsets = len(data), {}
        for channel, records in entries.items():
            offsets[channel] = self._offset + len(data)
            data += _encoded([MessageIndex(channel, records)])
        index = ChunkIndex(
            chunk_length=length,
            chunk_start_offset=self._offset,
            compression=chunk.compression,
            compressed_size=len(chunk.data),
            message_end_time=chunk.message_end_time,
            message_index_length=len(data) - length,
            message_index_offsets=offsets,
            message_start_time=chunk.message_start_time,
            uncompressed_size=chunk.uncompressed_size,
        )
        self._write(data)
        self._chunks.append(index)
        self._statistics.chunk_count += 1

    def _summary(self, start: int) -> bytes:
        self._statistics.schema_count = len(self._schemas)
        self._statistics.channel_count = len(self._channels)
        groups: list[tuple[Opcode, Iterable[McapRecord]]] = [
            (Opcode.SCHEMA, self._schemas.values()),
            (Opcode.CHANNEL, self._channels.values()),
            (Opcode.STATISTICS, [self._statistics]),
            (Opcode.CHUNK_INDEX, self._chunks),
            (Opcode.METADATA_INDEX, self._metadata),
        ]
        data, offsets = b"", []
        for opcode, records in groups:
            part = _encoded(records)
            if part:
                offsets.append(SummaryOffset(opcode, start + len(data), len(part)))
            data += part
        offsets_start = start + len(data)
        data += _encoded(offsets)
        # The CRC covers the summary and the footer up to the CRC itself.
        footer = _encoded([Footer(start, offsets_start, 0)])
        crc = zlib.crc32(footer[:-4], zlib.crc32(data))
        return data + _encoded([Footer(start, offsets_start, crc)]) + MCAP0_MAGIC

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(self._file, view) :]
        except OSError:
            # Half a record would hide what is written behind it later.
            os.ftruncate(self._file, self._offset)
            os.lseek(self._file, self._offset, os.SEEK_SET)
            raise
        self._offset += len(data)


def _encoded(records: Iterable[McapRecord]) -> bytes:
    builder = RecordBuilder()
    for record in records:
        record.write(builder)
    return bytes(builder.end())
