"""Transitions with their targets already computed, none of them too old.

QT-Opt (Kalashnikov et al. 2018, arXiv 1806.10293, section 4.3) takes the maximum over actions, the
costly part, out of the training loop: Bellman updaters label transitions with targets, and the
trainer only regresses on labels. What must be bounded is how old a label is, for it was made by
the target network of its time.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from robot_learning.replay.ring import Ring
from robot_learning.replay.step import Float32


class Labelled(NamedTuple):
    """Labelled transitions side by side, n rows each; all float32.

    Attributes:
        inputs: shape (n, o + g), not normalised.
        actions: in units of [-1, 1], shape (n, a).
        targets: what Q should be there, shape (n,).
    """

    inputs: Float32
    actions: Float32
    targets: Float32


class LabelledBuffer:
    """The newest `capacity` labels, of which those within `age_max` updates are drawn.

    Labels arrive with versions that never go down, so the fresh ones are always the newest.
    """

    def __init__(self, capacity: int, input_size: int, action_size: int, age_max: int) -> None:
        """Makes an empty one.

        Args:
            capacity: labels kept.
            input_size: o + g.
            action_size: a.
            age_max: updates after which a label is no longer learned from.
        """
        self._ring = Ring(capacity)
        self._age_max = age_max
        self._inputs = np.zeros((capacity, input_size), np.float32)
        self._actions = np.zeros((capacity, action_size), np.float32)
        self._targets = np.zeros(capacity, np.float32)
        self._versions = np.zeros(capacity, np.int64)

    def add(self, labelled: Labelled, version: int) -> None:
        """Adds labels made by the target network after `version` updates.

        Raises:
            ValueError: the newest label so far has a higher version.
        """
        ring = self._ring
        if ring.count and version < self._versions[(ring.count - 1) % ring.size]:
            raise ValueError(f"labels of version {version} arrive after newer ones")
        # More than fit would be written twice to the same slots.
        rows = Labelled(*(part[-ring.size :] for part in labelled))
        slots = ring.slots(ring.extend(len(rows.targets)))
        self._inputs[slots], self._actions[slots] = rows.inputs, rows.actions
        self._targets[slots], self._versions[slots] = rows.targets, version

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

    def sample(self, size: int, version: int, rng: np.random.Generator) -> Labelled:
        """Draws `size` labels uniformly from the fresh ones.

        Raises:
            ValueError: there is none: the updaters have fallen behind.
        """
        fresh = self.fresh(version)
        if not fresh:
            raise ValueError(f"no label is younger than {self._age_max} updates")
        count = self._ring.count
        slots = self._ring.slots(rng.integers(count - fresh, count, size))
        return Labelled(self._inputs[slots], self._actions[slots], self._targets[slots])
