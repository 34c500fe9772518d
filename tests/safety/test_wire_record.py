"""The record of what an arm was told and did, read by another process while it is written."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from robot_learning.safety.wire_record import Cycles, WireRecord


def cycles(first: int, count: int) -> Cycles:
    """Cycles of one joint, whose position is their number."""
    numbers = np.arange(first, first + count, dtype=float)
    return Cycles(1e-3 * numbers, -numbers[:, None], numbers[:, None])


def test_the_newest_are_kept_and_the_oldest_go(tmp_path: Path) -> None:
    record = WireRecord.make(tmp_path / "wire", 1, capacity=500)
    for first in range(0, 4_000, 10):
        record.append(cycles(first, 10))
    found = WireRecord.open(tmp_path / "wire", 1).since(0.0)
    np.testing.assert_array_equal(found.position_rad[:, 0], np.arange(3_500, 4_000))
    np.testing.assert_array_equal(found.reference_rad, -found.position_rad)
    np.testing.assert_allclose(WireRecord.open(tmp_path / "wire", 1).since(3.9).time_s[0], 3.9)


def test_nobody_reads_what_is_half_written(tmp_path: Path) -> None:
    record = WireRecord.make(tmp_path / "wire", 1, capacity=500)
    for first in range(0, 4_000, 10):
        record.append(cycles(first, 10))
    # The next ten, of which nothing but the times is there yet: where the oldest rows were.
    rows = np.memmap(tmp_path / "wire", np.float64, "r+").reshape(-1, 3)
    where = 1 + np.arange(4_000, 4_010) % (len(rows) - 1)
    rows[where, 0] = 1e-3 * np.arange(4_000, 4_010)
    found = WireRecord.open(tmp_path / "wire", 1).since(0.0)
    np.testing.assert_array_equal(np.diff(found.position_rad[:, 0]), 1.0)
    assert (np.diff(found.time_s) > 0.0).all()
