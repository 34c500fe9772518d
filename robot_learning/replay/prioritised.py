"""Prioritised replay (Schaul et al. 2015, arXiv 1511.05952, section 3.3), with demonstrations.

Transitions are drawn in proportion to (error + epsilon)^alpha. What the error is, the method says:
its temporal-difference error, or another measure of what there is to learn. Demonstrations get a
bonus (Vecerik et al. 2017, section 3), so that how often they are seen regulates itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robot_learning.replay.batch import Batch
from robot_learning.replay.buffer import ReplayBuffer, State
from robot_learning.replay.ring import Int64
from robot_learning.replay.step import Float32, Step
from robot_learning.replay.sum_tree import SumTree


@dataclass(frozen=True, slots=True)
class Priorities:
    """How errors become probabilities and weights.

    Attributes:
        exponent: alpha; 0 is uniform.
        correction: beta at first; 1 corrects the bias of drawing by priority fully.
        correction_final: beta from `correction_batches` on, linear in between.
        correction_batches: batches over which beta goes to its final value.
        epsilon: added to every error, so that nothing is forgotten altogether.
        demonstration_bonus: added to the error of demonstrations.
    """

    exponent: float = 0.6
    correction: float = 0.4
    correction_final: float = 1.0
    correction_batches: int = 100_000
    epsilon: float = 1e-3
    demonstration_bonus: float = 0.0

    def correction_after(self, batches: int) -> float:
        """Beta after so many batches."""
        share = min(batches / self.correction_batches, 1.0)
        return self.correction + share * (self.correction_final - self.correction)


class PrioritisedReplay(ReplayBuffer):
    """A `ReplayBuffer` that draws by priority; a new transition has the highest so far."""

    def __init__(self, *sizes: int, priorities: Priorities, **options: Any) -> None:
        """See `ReplayBuffer`."""
        super().__init__(*sizes, **options)
        self._priorities = priorities
        self._tree = SumTree(self._ring.size)
        self._highest = 1.0
        self._batches = 0
        self._drawn: Int64 = np.zeros(0, np.int64)  # slots

    def _write(self, positions: Int64, steps: Sequence[Step], actions: Float32) -> None:
        super()._write(positions, steps, actions)
        self._tree[self._ring.slots(positions)] = np.full(len(positions), self._highest)

    def sample(self, size: int, rng: np.random.Generator) -> Batch:
        """Draws `size` transitions by priority, one from each of `size` equal parts of the mass.

        Raises:
            ValueError: the buffer is empty.
        """
        if not len(self):
            raise ValueError("the replay buffer is empty")
        total = self._tree.total
        self._drawn = self._tree.find((np.arange(size) + rng.random(size)) * (total / size))
        chances = self._tree[self._drawn] * (len(self) / total)
        weights = chances ** -self._priorities.correction_after(self._batches)
        self._batches += 1
        batch = self._gather(self._ring.positions(self._drawn), rng)
        # Only ever downwards, for stability (section 3.4).
        return batch._replace(weights=(weights / weights.max()).astype(np.float32))

    def update_priorities(self, errors: NDArray[np.floating]) -> None:
        """See `Replay.update_priorities`; errors are not negative.

        One that is not finite counts as the highest so far: it must not poison the sums.
        """
        settings = self._priorities
        raised = errors.astype(np.float64) + settings.epsilon
        shown = self._ring.positions(self._drawn) < self._ring.retained
        raised += settings.demonstration_bonus * shown
        raised **= settings.exponent
        raised = np.where(np.isfinite(raised), raised, self._highest)
        self._highest = max(self._highest, float(raised.max()))
        self._tree[self._drawn] = raised

    def state_dict(self) -> State:
        """Priorities of all transitions, by position."""
        ring, kept = self._ring, self._ring.there()
        arrays = {"positions": kept, "priorities": self._tree[ring.slots(kept)]}
        return arrays, {"batches": self._batches, "highest": self._highest}

    def load_state_dict(self, state: State) -> None:
        """See `Replay.load_state_dict`; steps added since have the highest priority."""
        arrays, values = state
        ring = self._ring
        self._batches, self._highest = int(values["batches"]), float(values["highest"])
        positions = arrays["positions"]
        there = ring.there()
        present = np.isin(positions, there)
        everything = ring.slots(there)
        self._tree[everything] = np.full(len(everything), self._highest)
        self._tree[ring.slots(positions[present])] = arrays["priorities"][present]
