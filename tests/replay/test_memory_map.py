from __future__ import annotations

import mmap
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from robot_learning.replay.memory_map import MappedRing, MemoryMapError

FIELDS: dict[str, Any] = {"name": (np.int64, ()), "picture": (np.uint8, (3, 5))}
PAGE = mmap.ALLOCATIONGRANULARITY
# The folder is shared by examples on purpose: each writes its own files anew.
EXAMPLES = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
PIECES = st.lists(st.integers(0, 9), min_size=1, max_size=6)  # records between two flushes


def opened(path: Path, capacity: int = 8, reserve: int = 4) -> MappedRing:
    return MappedRing(path, capacity, FIELDS, reserve=reserve)


def write(ring: MappedRing, count: int) -> None:
    """Records that say their position in every byte."""
    for position in range(ring.count, ring.count + count):
        ring.append(name=position, picture=np.full((3, 5), position % 251, np.uint8))


def assert_whole(ring: MappedRing) -> None:
    positions = np.arange(ring.oldest, ring.count)
    assert ring.take("name", positions).tolist() == positions.tolist()
    pictures = ring.take("picture", positions).reshape(len(positions), 15)
    assert (pictures == (positions % 251)[:, None]).all()


@EXAMPLES
@given(capacity=st.integers(1, 12), pieces=PIECES)
def test_the_newest_records_are_there_also_after_reopening(
    tmp_path: Path, capacity: int, pieces: list[int]
) -> None:
    path, count = tmp_path / "ring", 0
    path.unlink(missing_ok=True)
    for piece in pieces:
        with opened(path, capacity) as ring:
            assert ring.count == count
            write(ring, piece)
            count += piece
            assert_whole(ring)
            assert ring.count == count
            # Reopening may cost as many of the oldest as could have been half overwritten.
            assert min(count, capacity) - 4 <= len(ring) <= min(count, capacity)


@EXAMPLES
@given(capacity=st.integers(4, 12), pieces=PIECES, unflushed=st.integers(0, 20), data=st.data())
def test_a_crash_between_two_flushes_leaves_whole_records_only(
    tmp_path: Path, capacity: int, pieces: list[int], unflushed: int, data: Any
) -> None:
    """Whatever then lies in the slots that the header did not promise."""
    path = tmp_path / "ring"
    path.unlink(missing_ok=True)
    ring = opened(path, capacity)
    for piece in pieces:
        write(ring, piece)
        ring.flush()
    write(ring, unflushed)
    promised, reserved = read_newest_header(path)
    assert promised <= ring.count <= reserved
    garbage = np.random.default_rng(data.draw(st.integers(0, 99)))
    for position in range(promised, reserved):
        if garbage.random() < 0.7:
            ring.columns["name"][position % capacity] = garbage.integers(1 << 40)
            ring.columns["picture"][position % capacity] = garbage.integers(0, 255, (3, 5))
    written = ring.count
    del ring  # not closed: nothing more reaches the file
    with opened(path, capacity) as found:
        assert found.count == promised and written - promised <= 4
        assert_whole(found)
        assert len(found) >= min(promised, capacity) - 4
        write(found, 30)
        assert_whole(found)
        assert len(found) == min(found.count, capacity)


def read_newest_header(path: Path) -> tuple[int, int]:
    """Count and reserved, as another process would find them."""
    head = path.read_bytes()[:PAGE]
    serials = [
        tuple(int.from_bytes(head[start + 8 * i :][:8], "little") for i in (1, 2, 3))
        for start in (0, PAGE // 2)
    ]
    _, count, reserved = max(serials)
    return count, reserved


@EXAMPLES
@given(torn_at=st.integers(0, PAGE), pieces=PIECES)
def test_a_header_torn_at_any_byte_leaves_the_one_before(
    tmp_path: Path, torn_at: int, pieces: list[int]
) -> None:
    path = tmp_path / "ring"
    path.unlink(missing_ok=True)
    ring = opened(path)
    for piece in pieces:
        write(ring, piece)
        ring.flush()
    write(ring, 3)
    before = path.read_bytes()
    old = read_newest_header(path)[0]
    ring.flush()
    after, new = path.read_bytes(), ring.count
    ring.close()
    path.write_bytes(after[:torn_at] + before[torn_at:PAGE] + after[PAGE:])
    with opened(path) as found:
        assert found.count in (old, new)
        assert_whole(found)


WRITER = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from test_memory_map import opened, write
ring = opened(Path(sys.argv[2]), 500, reserve=64)
while True:
    write(ring, 10)
    print(ring.count, flush=True)
"""


def test_of_a_killed_process_only_whole_records_remain(tmp_path: Path) -> None:
    path = tmp_path / "ring"
    command = [sys.executable, "-c", WRITER, str(Path(__file__).parent), str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        told = 0
        while told < 3_000:
            told = int(process.stdout.readline())
        os.kill(process.pid, signal.SIGKILL)
    with opened(path, 500, reserve=64) as ring:
        assert ring.count >= told - 64  # so many at most between two flushes
        assert len(ring) >= 500 - 64
        assert_whole(ring)


def test_another_layout_is_refused_and_named(tmp_path: Path) -> None:
    opened(tmp_path / "ring").close()
    fields = FIELDS | {"picture": (np.uint8, (5, 3))}
    with pytest.raises(MemoryMapError, match=r"holds records of .*\[3, 5\].* here .*\[5, 3\]"):
        MappedRing(tmp_path / "ring", 8, fields)
    with pytest.raises(MemoryMapError, match="holds records of"):
        opened(tmp_path / "ring", capacity=9)
    opened(tmp_path / "ring").close()


def test_a_file_that_is_no_ring_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "ring"
    path.write_bytes(b"something else")
    with pytest.raises(MemoryMapError, match="is no ring of these records"):
        opened(path)
    assert path.read_bytes() == b"something else"


def test_a_file_whose_headers_are_both_damaged_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ring"
    with opened(path) as ring:
        write(ring, 3)
    data = bytearray(path.read_bytes())
    data[12] ^= 1
    data[PAGE // 2 + 12] ^= 1
    path.write_bytes(data)
    with pytest.raises(MemoryMapError, match="its header is damaged"):
        opened(path)


def test_a_header_has_room_for_so_many_fields_only(tmp_path: Path) -> None:
    fields = {f"field_{i}": (np.float32, (i,)) for i in range(200)}
    with pytest.raises(MemoryMapError, match="too many fields"):
        MappedRing(tmp_path / "ring", 8, fields)
    assert not (tmp_path / "ring").exists()


def test_what_is_taken_may_go_into_memory_that_is_there(tmp_path: Path) -> None:
    with opened(tmp_path / "ring") as ring:
        write(ring, 11)
        out = np.empty((2, 3, 5), np.uint8)
        assert ring.take("picture", np.array([9, 4]), out) is out
        assert (out[0] == 9).all() and (out[1] == 4).all()
