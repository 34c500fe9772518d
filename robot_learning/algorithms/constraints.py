"""Constraints as terminations (Chane-Sane et al. 2024, arXiv 2403.18765, section III).

A violated constraint ends the episode with a probability that grows with the violation, in the
returns and not in the environment: all that follows is worth less. So constraints need no weights
against the reward.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from robot_learning.replay.step import Float32

_KEEP = 0.95  # of the running maximum per rollout (the paper's tau)


class ConstraintTerminations:
    """Probabilities of termination by violation, relative to the violations seen of late."""

    def __init__(self, probabilities: Sequence[float]) -> None:
        self._greatest = np.array(probabilities, np.float64)
        self._maxima = np.zeros(len(probabilities))

    def probabilities(self, terminated: NDArray[np.bool_], constraints: Float32) -> Float32:
        """Probability of termination at each step, 1 where it terminated, (t, n).

        Args:
            terminated: what the environment says, (t, n).
            constraints: values of which those above zero are violations, (t, n, c).
        """
        if not len(self._greatest):
            return terminated.astype(np.float32)
        violations = np.maximum(constraints.astype(np.float64), 0.0)
        newest = violations.reshape(-1, len(self._greatest)).max(axis=0)
        self._maxima = np.where(
            self._maxima > 0, _KEEP * self._maxima + (1 - _KEEP) * newest, newest
        )
        share = violations / np.where(self._maxima > 0, self._maxima, 1.0)
        probability = (self._greatest * np.minimum(share, 1.0)).max(axis=-1)
        found: Float32 = np.where(terminated, 1.0, probability).astype(np.float32)
        return found

    def state(self) -> list[float]:
        """What JSON can hold of it."""
        return [float(value) for value in self._maxima]

    def restore(self, state: Sequence[float]) -> None:
        """Goes on from a `state`."""
        self._maxima = np.array(state, np.float64)
