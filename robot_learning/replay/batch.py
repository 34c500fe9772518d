"""What a replay gives out and a method learns from."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from robot_learning.replay.step import Float32


class Batch(NamedTuple):
    """Transitions side by side, n rows each; all float32.

    A row may span several steps: then its reward is their discounted sum, o' is what was seen
    after the last of them, and `discounts` says what o' counts.

    Attributes:
        inputs: observation and desired goal at o, shape (n, o + g), not normalised.
        actions: executed actions in units of [-1, 1], shape (n, a).
        rewards: shape (n,).
        next_inputs: observation and desired goal at o', shape (n, o + g).
        terminated: 1 where the task itself ended, shape (n,); a truncated episode has 0 here.
        discounts: gamma^m (1 - terminated) for rows of m steps, shape (n,); None where every row
            is one step.
        weights: of the rows in the critics' loss, shape (n,); None where they count the same.
        demonstrated: 1 where a row is of a demonstration, shape (n,); None where none was given.
    """

    inputs: Float32
    actions: Float32
    rewards: Float32
    next_inputs: Float32
    terminated: Float32
    discounts: Float32 | None = None
    weights: Float32 | None = None
    demonstrated: Float32 | None = None

    def discounts_at(self, gamma: float) -> Float32:
        """What the value of o' counts, shape (n,): 0 behind a termination, not a truncation."""
        if self.discounts is not None:
            return self.discounts
        return np.float32(gamma) * (np.float32(1.0) - self.terminated)
