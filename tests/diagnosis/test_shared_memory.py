"""Segments of shared memory that killed nodes leave are found and removed, those in use are not."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from robot_learning.shared_memory import clear_dead_segments, dead_segments

LIVING = "fastrtps_00000000000000aa"
DEAD = "fastrtps_00000000000000bb"
NO_LOCK = "fastrtps_00000000000000cc"
YOUNG = "fastrtps_00000000000000dd"
OTHERS = ["fastrtps_port7410", "fastrtps_port7410_el", "sem.fastrtps_port7410_mutex", "fastrtps_ab"]


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    names = [LIVING, f"{LIVING}_el", DEAD, f"{DEAD}_el", NO_LOCK, YOUNG, f"{YOUNG}_el", *OTHERS]
    an_hour_ago = time.time() - 3600
    for name in names:
        (tmp_path / name).touch()
        if not name.startswith(YOUNG):
            os.utime(tmp_path / name, (an_hour_ago, an_hour_ago))
    with (tmp_path / f"{LIVING}_el").open("rb") as living:
        fcntl.flock(living, fcntl.LOCK_EX)
        yield tmp_path


def test_a_segment_is_dead_when_nobody_holds_its_lock(folder: Path) -> None:
    assert [path.name for path in dead_segments(folder)] == [DEAD, NO_LOCK]


def test_a_segment_that_may_still_be_in_the_making_is_left_alone(folder: Path) -> None:
    assert folder / YOUNG not in dead_segments(folder)
    assert folder / YOUNG in dead_segments(folder, age_min_s=0.0)


def test_dead_segments_go_with_their_lock_files_and_everything_else_stays(folder: Path) -> None:
    assert clear_dead_segments(folder) == 2
    left = sorted(path.name for path in folder.iterdir())
    assert left == sorted([LIVING, f"{LIVING}_el", YOUNG, f"{YOUNG}_el", *OTHERS])
    assert clear_dead_segments(folder) == 0


def test_a_system_without_shared_memory_has_none(tmp_path: Path) -> None:
    assert clear_dead_segments(tmp_path / "shm") == 0
