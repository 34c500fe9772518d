"""Which pictures of a running camera belong to an arm at rest, and what its joints were then."""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

REST_S = 0.6
"""So long the arm rests before a picture of it is kept, and vibrations are gone."""
_STILL_RAD_S, _STILL_RAD = 0.01, 2e-3
_OTHER_RAD = 0.05
_APART_MAX_S = 0.1  # of the picture and the newest state before it
_STATES_KEPT = 2000


class RestingViews:
    """Joins pictures to states by their stamps; one picture a posture."""

    def __init__(self) -> None:
        self._states: deque[tuple[float, Array, bool]] = deque(maxlen=_STATES_KEPT)
        self._last: Array | None = None

    def on_state(self, stamp_s: float, position_rad: Array, velocity_rad_s: Array) -> None:
        """A measurement of the arm, both (7,)."""
        if self._states and stamp_s <= self._states[-1][0]:
            self._states.clear()  # the clock began anew
        slow = bool((np.abs(velocity_rad_s) < _STILL_RAD_S).all())
        self._states.append((stamp_s, np.asarray(position_rad, np.float64), slow))

    def on_picture(self, stamp_s: float) -> Array | None:
        """Joint positions (7,) of a picture that is to be kept; None: it is not.

        They are the mean of the rest before it.
        """
        rest = [state for state in self._states if stamp_s - REST_S <= state[0] <= stamp_s]
        if len(rest) < 3 or rest[0][0] > stamp_s - 0.8 * REST_S:
            return None
        if rest[-1][0] < stamp_s - _APART_MAX_S:
            return None
        positions = np.array([position for _, position, _ in rest])
        if not all(slow for _, _, slow in rest) or np.ptp(positions, axis=0).max() > _STILL_RAD:
            return None
        middle: Array = positions.mean(axis=0)
        if self._last is not None and np.abs(middle - self._last).max() < _OTHER_RAD:
            return None
        self._last = middle
        return middle
