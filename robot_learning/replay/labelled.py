"""Which transitions of a replay have targets already, none of them too old.

QT-Opt (Kalashnikov et al. 2018, arXiv 1806.10293, section 4.3) takes the maximum over actions, the
costly part, out of the training loop: Bellman updaters label transitions with targets, and the
trainer only regresses on labels. What must be bounded is how old a label is, for it was made by
the target network of its time.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from robot_learning.replay.ring import Int64, Ring
from robot_learning.replay.step import Float32


class Labels(NamedTuple):
    """Labels side by side, n of them.

    Attributes:
        positions: of the transitions in their replay, shape (n,).
        targets: what Q should be there, shape (n,).
    """

    positions: Int64
    targets: Float32


class LabelledBuffer:
    """The newest `capacity` labels, of which those within `age_max` updates are drawn.

    Labels arrive with versions that never go down, so the fresh ones are always the newest.
    """

    def __init__(self, capacity: int, age_max: int) -> None:
        """Makes an empty one.

        Args:
            capacity: labels kept.
            age_max: updates after which a label is no longer learned from.
        """
        self._ring = Ring(capacity)
        self._age_max = age_max
        self._positions = np.zeros(capacity, np.int64)
        self._targets = np.zeros(capacity, np.float32)
        self._versions = np.zeros(capacity, np.int64)

    def add(self, labels: Labels, version: int) -> None:
        """Adds labels made by the target network after `version` updates.

        Raises:
            ValueError: the newest label so far has a higher version.
        """
        ring = self._ring
        if ring.count and version < self._versions[(ring.count - 1) % ring.size]:
            raise ValueError(f"labels of version {version} arrive after newer ones")
        # More than fit would be written twice to the same slots.
        rows = Labels(labels.positions[-ring.size :], labels.targets[-ring.size :])
        slots = ring.slots(ring.extend(len(rows.targets)))
        self._positions[slots], self._targets[slots] = rows.positions, rows.targets
        self._versions[slots] = version

    def fresh(self, version: int) -> int:
        """Labels that can be drawn after `version` updates."""
        positions = np.arange(self._ring.oldest, self._ring.count)
        versions = self._versions[self._ring.slots(positions)]
        return len(positions) - int(np.searchsorted(versions, version - self._age_max))

    def mean_age(self, version: int) -> float:
        """Mean age in updates of the labels that can be drawn; 0 where there are none."""
        fresh = self.fresh(version)
        if not fresh:
            return 0.0
        positions = np.arange(self._ring.count - fresh, self._ring.count)
        return version - float(self._versions[self._ring.slots(positions)].mean())

    def state_dict(self) -> dict[str, NDArray[Any]]:
        """Copies of every label, oldest first."""
        slots = self._ring.slots(np.arange(self._ring.oldest, self._ring.count))
        return {
            "positions": self._positions[slots],
            "targets": self._targets[slots],
            "versions": self._versions[slots],
        }

    def load_state_dict(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Takes what `state_dict` gave, into an empty buffer of the same capacity."""
        slots = self._ring.slots(self._ring.extend(len(state["targets"])))
        self._positions[slots], self._targets[slots] = state["positions"], state["targets"]
        self._versions[slots] = state["versions"]

    def sample(self, size: int, version: int, rng: np.random.Generator) -> Labels:
        """Draws `size` labels uniformly from the fresh ones.

        Raises:
            ValueError: there is none: the updaters have fallen behind.
        """
        fresh = self.fresh(version)
        if not fresh:
            raise ValueError(f"no label is younger than {self._age_max} updates")
        count = self._ring.count
        slots = self._ring.slots(rng.integers(count - fresh, count, size))
        return Labels(self._positions[slots], self._targets[slots])
