from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from step_samples import make_step, same_step

from robot_learning.replay import Journal, JournalError, JournalHeader, read_steps
from robot_learning.replay import journal as journal_module

HEADER = JournalHeader(2, 2, 2, "c0ffee")
# The folder is shared by examples on purpose: each writes its own files anew.
FUZZ = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def written(path: Path, count: int = 6) -> list[int]:
    """Writes steps of two actors; returns the file's size after each."""
    ends = []
    with Journal(path, HEADER) as journal:
        for number in range(count):
            journal.append([make_step(number // 2, actor="ab"[number % 2])])
            ends.append(journal.flush_and_fsync())
    return ends


def test_steps_come_back_bit_for_bit_and_in_order(tmp_path: Path) -> None:
    path = tmp_path / "steps"
    given_steps = [
        make_step(0, terminated=True),
        make_step(0, actor="b", is_evaluation=True, success=True),
        make_step(1, truncated=True, is_intervention=True),
    ]
    with Journal(path, HEADER) as journal:
        journal.append(given_steps)
    found = [step for _, step in read_steps(path)]
    assert len(found) == 3
    assert all(same_step(a, b) for a, b in zip(given_steps, found, strict=True))


def test_tasks_without_goals_have_empty_arrays(tmp_path: Path) -> None:
    path = tmp_path / "steps"
    empty = make_step(0).observation[:0]
    step = make_step(0, achieved_goal=empty, desired_goal=empty, next_achieved_goal=empty)
    with Journal(path, JournalHeader(2, 0, 2)) as journal:
        journal.append([step])
    assert same_step(step, next(read_steps(path))[1])


def test_appending_goes_on_after_reopening(tmp_path: Path) -> None:
    path = tmp_path / "steps"
    written(path, 2)
    with Journal(path, HEADER) as journal:
        assert journal.cut is None
        journal.append([make_step(1), make_step(1, actor="b"), make_step(0, actor="new")])
    numbers = [(step.actor_id, step.step_number) for _, step in read_steps(path)]
    assert numbers == [("a", 0), ("b", 0), ("a", 1), ("b", 1), ("new", 0)]


@FUZZ
@given(data=st.data())
def test_cut_at_any_byte_every_whole_step_survives(tmp_path: Path, data: Any) -> None:
    path = tmp_path / "steps"
    path.unlink(missing_ok=True)
    ends = written(path)
    size = data.draw(st.integers(0, ends[-1]))
    os.truncate(path, size)
    with Journal(path, HEADER) as journal:
        survived = [step.step_number for _, step in journal.steps()]
        assert len(survived) == sum(end <= size for end in ends)
        # A cut on the end of a record looks like a shorter journal; any other is reported.
        assert journal.cut is None or size - journal.cut.offset == journal.cut.size > 0
        journal.append([make_step(99, actor="later")])
    *_, (_, last) = read_steps(path)
    assert (last.actor_id, last.step_number) == ("later", 99)


@FUZZ
@given(data=st.data())
def test_a_flipped_bit_never_gives_a_wrong_step(tmp_path: Path, data: Any) -> None:
    path = tmp_path / "steps"
    path.unlink(missing_ok=True)
    ends = written(path)
    content = bytearray(path.read_bytes())
    at = data.draw(st.integers(8, ends[-1] - 1))
    content[at] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(content)
    with Journal(path, HEADER) as journal:
        found = [step for _, step in journal.steps()]
        assert journal.cut is not None
        assert len(found) == sum(end <= at for end in ends)
    originals = [make_step(number // 2, actor="ab"[number % 2]) for number in range(len(found))]
    assert all(same_step(a, b) for a, b in zip(originals, found, strict=True))


def test_what_is_cut_off_is_kept_beside_and_reported(tmp_path: Path) -> None:
    path = tmp_path / "steps"
    written(path)
    content = path.read_bytes()
    path.write_bytes(content[:-5])
    with Journal(path, HEADER) as journal:
        cut = journal.cut
    assert cut is not None
    assert "torn" in str(cut) and str(cut.kept_in) in str(cut)
    assert content[:-5] == path.read_bytes() + cut.kept_in.read_bytes()


@pytest.mark.parametrize("content", [b"#!/bin/sh\necho hello\n", b"PK\x03\x04" + bytes(50), b"x"])
def test_a_foreign_file_is_refused_and_untouched(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "steps"
    path.write_bytes(content)
    with pytest.raises(JournalError, match="not a journal"):
        Journal(path, HEADER)
    assert path.read_bytes() == content


@pytest.mark.parametrize("other", [JournalHeader(3, 2, 2, "c0ffee"), JournalHeader(2, 2, 2, "")])
def test_another_contract_is_refused(tmp_path: Path, other: JournalHeader) -> None:
    path = tmp_path / "steps"
    written(path)
    with pytest.raises(JournalError, match="another output folder"):
        Journal(path, other)


def test_a_full_disk_leaves_no_half_record(
    tmp_path: Path, full_disk: Callable[[int], None]
) -> None:
    path = tmp_path / "steps"
    journal = Journal(path, HEADER)
    journal.append([make_step(0)])
    full_disk(10)
    with pytest.raises(OSError, match="No space left"):
        journal.append([make_step(1)])
    full_disk(10_000)
    journal.append([make_step(1)])
    journal.close()
    assert [step.step_number for _, step in read_steps(path)] == [0, 1]


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Lets so many more bytes be written to journals and then says ENOSPC, as a disk does."""
    real = os.write

    def leave(room: int) -> None:
        left = [room]

        def write(file: int, data: Any) -> int:
            if not left[0]:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            done = real(file, data[: left[0]])
            left[0] -= done
            return done

        monkeypatch.setattr(journal_module.os, "write", write)

    return leave
