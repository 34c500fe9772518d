"""Returns over several steps, mixed with those over one.

Several steps bring a late reward to early actions quickly, one step does not care who acted; a
mixture has some of both (Vecerik et al. 2017, section 3; Hester et al. 2018).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from robot_learning.replay.step import Float32

Int64 = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class NStep:
    """How many steps the rows of a batch span.

    Attributes:
        steps: n.
        share: of the rows that span n steps; the others span one.
        gamma: discount per step.
    """

    steps: int
    share: float
    gamma: float

    def horizons(self, room: Int64, rng: np.random.Generator) -> Int64:
        """Steps that each row spans; `room` is how many its episode still has, each (n,).

        An episode that ends earlier, terminated or truncated, gives what it has.
        """
        wanted = np.where(rng.random(len(room)) < self.share, self.steps, 1)
        horizons: Int64 = np.minimum(wanted, room)
        return horizons

    def returns(self, rewards: NDArray[np.floating], horizons: Int64) -> Float32:
        """Sum of gamma^i r_i over each row's horizon: (n, steps) and (n,) to (n,)."""
        ahead = np.arange(self.steps)
        powers = np.where(ahead < horizons[:, None], self.gamma**ahead, 0.0)
        returns: Float32 = (rewards * powers).sum(axis=1).astype(np.float32)
        return returns

    def discounts(self, horizons: Int64, terminated: Float32) -> Float32:
        """gamma^m (1 - terminated): a cut episode's end still has a value, a finished one none."""
        discounts: Float32 = (self.gamma**horizons * (1.0 - terminated)).astype(np.float32)
        return discounts
