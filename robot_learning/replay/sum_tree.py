"""Draws indices in proportion to priorities, a whole batch at a time.

A binary tree touches log2(n) levels, each with its own NumPy calls. With 16 children a node, which
are two cache lines side by side, a million leaves are five levels; a level is one gather and one
cumulative sum over the batch.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]

_CHILDREN = 16


class SumTree:
    """Priorities of `size` leaves and, above them, sums of 16 at a time up to the total.

    A node is always computed from its children, never moved by a difference: rounding does not
    add up, and the tree is a function of its leaves alone.
    """

    def __init__(self, size: int) -> None:
        self._levels: list[Float64] = []
        nodes = size
        while True:
            nodes = -(-nodes // _CHILDREN)
            # np.zeros takes memory from the system only as leaves are written.
            self._levels.append(np.zeros((nodes, _CHILDREN)))
            if nodes == 1:
                break

    @property
    def total(self) -> float:
        """Sum of all priorities."""
        return float(self._levels[-1].sum())

    def __getitem__(self, indices: Int64) -> Float64:
        """Priorities of these leaves."""
        return self._levels[0].reshape(-1).take(indices)

    def __setitem__(self, indices: Int64, priorities: Float64) -> None:
        """Sets leaves; where an index is given twice, the last priority holds."""
        self._levels[0].reshape(-1)[indices] = priorities
        nodes = indices // _CHILDREN
        for below, above in zip(self._levels, self._levels[1:], strict=False):
            above.reshape(-1)[nodes] = below.take(nodes, axis=0).sum(axis=1)
            nodes //= _CHILDREN

    def find(self, masses: Float64) -> Int64:
        """The leaf under each mass in [0, total): the first whose cumulated sum is above it.

        A leaf of priority 0 is never found.
        """
        nodes = np.zeros(len(masses), np.int64)
        rows = np.arange(len(masses))
        left = masses
        for level in reversed(self._levels):
            cumulated = level.take(nodes, axis=0).cumsum(axis=1)
            # Rounding may leave a little more than the node holds.
            left = np.minimum(left, np.nextafter(cumulated[:, -1], 0.0))
            child = (cumulated <= left[:, None]).sum(axis=1)
            before = cumulated[rows, np.maximum(child - 1, 0)]
            left = left - np.where(child > 0, before, 0.0)
            nodes = nodes * _CHILDREN + child
        return nodes
