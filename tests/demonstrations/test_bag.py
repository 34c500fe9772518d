"""A bag is an MCAP of ROS 2's profile, and whatever becomes of its end, what is whole stays."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from episode_samples import IMAGE_TOPIC, MS, T0, picture, state, stream
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mcap.reader import NonSeekingReader, make_reader
from mcap_ros2.decoder import DecoderFactory

from robot_learning.demonstrations.bag_reader import Bag, BagError
from robot_learning.demonstrations.bag_repair import repair_bag
from robot_learning.demonstrations.bag_writer import BagWriter
from robot_learning.demonstrations.file_lock import BusyError

CHUNKS, A_CHUNK = 6, 5
EACH = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


def write(path: Path) -> Path:
    with BagWriter(path) as writer:
        writer.add_stream(stream("/joint_states"))
        writer.add_stream(stream(IMAGE_TOPIC))
        writer.add_metadata("about", {"who": "ada"})
        for chunk in range(CHUNKS):
            for number in range(A_CHUNK):
                writer.add(state(T0 + (A_CHUNK * chunk + number) * MS, number + 1))
            writer.add(picture(T0 + A_CHUNK * chunk * MS, chunk))
            writer.flush()
        writer.finish()
    return path


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("bag") / "whole.mcap")


def chunk_ends(path: Path) -> list[int]:
    """Offsets up to which whole chunks reach, each with its messages before it."""
    with path.open("rb") as file:
        summary = make_reader(file).get_summary()
    assert summary is not None
    return [index.chunk_start_offset + index.chunk_length for index in summary.chunk_indexes]


def test_others_read_it_and_its_checksums_hold(whole: Path) -> None:
    with whole.open("rb") as file:
        reader = make_reader(file, validate_crcs=True, decoder_factories=[DecoderFactory()])
        assert reader.get_header().profile == "ros2"
        decoded = list(reader.iter_decoded_messages(topics=["/joint_states"]))
        summary = reader.get_summary()
    assert len(decoded) == CHUNKS * A_CHUNK
    assert decoded[0].decoded_message.name[0] == "panda_joint1"
    assert decoded[3].message.sequence == 4
    assert summary is not None and summary.statistics is not None
    assert summary.statistics.message_count == CHUNKS * (A_CHUNK + 1)
    assert {s.encoding for s in summary.schemas.values()} == {"ros2msg"}
    assert {c.message_encoding for c in summary.channels.values()} == {"cdr"}
    with whole.open("rb") as file:
        assert len(list(NonSeekingReader(file, validate_crcs=True).iter_messages())) == 36


@EACH
@given(share=st.floats(0, 1))
def test_cut_at_any_byte_every_whole_chunk_is_kept(
    whole: Path, tmp_path: Path, share: float
) -> None:
    raw = whole.read_bytes()
    cut = 8 + int(share * (len(raw) - 8))
    torn = tmp_path / "torn.mcap"
    torn.write_bytes(raw[:cut])
    expected = [m.data for m in Bag(whole).messages()]
    kept = sum(end <= cut for end in chunk_ends(whole)[1:]) * (A_CHUNK + 1)
    repaired = repair_bag(torn)
    assert repaired.messages == kept
    assert [m.data for m in Bag(torn).messages()] == expected[:kept]
    bag = Bag(torn)
    bag.read_through()
    assert bag.finished and not bag.damages
    if repaired.kept_in is not None:
        end = repaired.kept_in.read_bytes()
        assert raw[:cut].endswith(end)


@EACH
@given(share=st.floats(0, 1), flip=st.integers(1, 255))
def test_a_damaged_byte_is_found_or_harms_no_message(
    whole: Path, tmp_path: Path, share: float, flip: int
) -> None:
    raw = bytearray(whole.read_bytes())
    raw[8 + int(share * (len(raw) - 9))] ^= flip
    path = tmp_path / "damaged.mcap"
    path.write_bytes(raw)
    expected = {m.data for m in Bag(whole).messages()}
    bag = Bag(path)
    try:
        found = [m.data for m in bag.messages()]
    except BagError:
        return
    assert set(found) <= expected
    assert len(found) == len(expected) or bag.damages


def test_damage_in_the_middle_costs_one_chunk_and_the_original_is_kept(
    whole: Path, tmp_path: Path
) -> None:
    raw = bytearray(whole.read_bytes())
    raw[chunk_ends(whole)[3] - 20] ^= 0xFF
    path = tmp_path / "damaged.mcap"
    path.write_bytes(raw)
    repaired = repair_bag(path)
    assert repaired.messages == (CHUNKS - 1) * (A_CHUNK + 1)
    assert repaired.kept_in is not None and repaired.kept_in.read_bytes() == raw
    assert "crc" in repaired.damages[0].reason and not repaired.damages[0].torn


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b"PK\x03\x04 something else", "is no MCAP file"),
        (b"SQLite format 3\0" + bytes(100), "ros2 bag convert"),
    ],
)
def test_a_foreign_file_is_refused_with_what_to_do(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    path = tmp_path / "foreign.mcap"
    path.write_bytes(content)
    with pytest.raises(BagError, match=reason):
        Bag(path).read_through()
    with pytest.raises(BagError, match=reason):
        repair_bag(path)
    assert path.read_bytes() == content


def test_a_full_disk_leaves_whole_records_and_can_be_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "full.mcap"
    writer = BagWriter(path)
    writer.add_stream(stream("/joint_states"))
    writer.add(state(T0))
    writer.flush()
    size = path.stat().st_size
    write_really, left = os.write, [100]

    def full(file: int, data: bytes) -> int:
        if not left[0]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        done = write_really(file, bytes(data)[: left[0]])
        left[0] -= done
        return done

    writer.add(state(T0 + MS))
    with monkeypatch.context() as patched:
        patched.setattr(os, "write", full)
        with pytest.raises(OSError, match="No space"):
            writer.flush()
    assert path.stat().st_size == size
    writer.finish()
    assert len(list(Bag(path).messages())) == 2


def test_what_is_being_written_is_not_repaired(tmp_path: Path) -> None:
    path = tmp_path / "open.mcap"
    with BagWriter(path), pytest.raises(BusyError, match="stop the recorder first"):
        repair_bag(path)
    assert repair_bag(path).messages == 0
