"""What an arm was told and did, cycle by cycle, in a file that another process may read meanwhile.

A ring of fixed size, mapped: whoever judges an arm from outside, as `robot-learning bench faults`
does, reads the last seconds of it although the arm's process, or the network, is gone.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from robot_learning.hardware import Array

_SPARE = 1024
"""Rows beyond the capacity: those that are being written over are none that anybody reads."""


class Cycles(NamedTuple):
    """Some cycles of the arm's own controller, ascending.

    Attributes:
        time_s: on the steady clock, shape (n,).
        reference_rad: what the controller was at, shape (n, joints).
        position_rad: where the joints were, shape (n, joints).
    """

    time_s: Array
    reference_rad: Array
    position_rad: Array


class WireRecord:
    """The ring; made by the arm's process, opened by others."""

    def __init__(self, rows: np.memmap[Any, np.dtype[np.float64]]) -> None:
        """See `make` and `open`."""
        self._rows = rows
        self._joints = (rows.shape[1] - 1) // 2

    @classmethod
    def make(cls, path: Path, joints: int, capacity: int) -> WireRecord:
        """A new, empty one of so many cycles, in the place of whatever was there.

        Raises:
            OSError: it cannot be made.
        """
        path.unlink(missing_ok=True)
        shape = (1 + capacity + _SPARE, 1 + 2 * joints)
        rows = np.memmap(path, np.float64, "w+", shape=shape)
        return cls(rows)

    @classmethod
    def open(cls, path: Path, joints: int) -> WireRecord:
        """The one that another process writes.

        Raises:
            OSError: it is not there.
            ValueError: it is no such record.
        """
        width, numbers = 1 + 2 * joints, path.stat().st_size // 8
        if numbers % width or numbers < (2 + _SPARE) * width:
            raise ValueError(f"{path} is no record of an arm with {joints} joints")
        return cls(np.memmap(path, np.float64, "r", shape=(numbers // width, width)))

    def append(self, cycles: Cycles) -> None:
        """Adds cycles, 1,024 at most; the oldest go."""
        count, new = int(self._rows[0, 0]), len(cycles.time_s)
        where = 1 + (count + np.arange(new)) % (len(self._rows) - 1)
        self._rows[where, 0] = cycles.time_s
        self._rows[where, 1 : 1 + self._joints] = cycles.reference_rad
        self._rows[where, 1 + self._joints :] = cycles.position_rad
        self._rows[0, 0] = count + new

    def since(self, time_s: float) -> Cycles:
        """What is there of the cycles from `time_s` on."""
        ring = len(self._rows) - 1
        count = int(self._rows[0, 0])
        first = max(0, count - (ring - _SPARE))
        rows = np.array(self._rows[1 + np.arange(first, count) % ring])
        rows = rows[rows[:, 0] >= time_s]
        joints = self._joints
        return Cycles(rows[:, 0], rows[:, 1 : 1 + joints], rows[:, 1 + joints :])
