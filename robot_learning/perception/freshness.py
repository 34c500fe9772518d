"""Notices a camera whose pictures come with old, repeated or future stamps."""

from __future__ import annotations

from robot_learning.perception.image_pipeline import ImageError

_AHEAD_MAX_S = 0.1
"""Clocks of two machines under NTP are closer than this."""
_CLOCK_SET_S = 1.0
"""A stamp so far before the last one is of a clock that was set back."""


class StampCheck:
    """Looks at the stamps of one camera's pictures.

    Attributes:
        late: why the newest picture is not of the present, one line; None: it is.
    """

    def __init__(self, age_max_s: float) -> None:
        self.late: str | None = None
        self._age_max_s = age_max_s
        self._last_s: float | None = None

    def require_newer(self, stamp_s: float, now_s: float) -> None:
        """Takes the next picture's stamp. One that is only old passes, and `late` says so.

        Args:
            stamp_s: when it was taken.
            now_s: the present, on the same clock.

        Raises:
            ImageError: it is no newer than the one before.
        """
        self.late = self._lateness(now_s - stamp_s)
        last_s = self._last_s
        if last_s is not None and last_s - _CLOCK_SET_S < stamp_s <= last_s:
            raise ImageError(
                f"camera image has stamp {stamp_s:.6f}, no newer than the one before "
                f"({last_s:.6f}): does its driver repeat old images, or are there two drivers?"
            )
        self._last_s = stamp_s

    def _lateness(self, age_s: float) -> str | None:
        if age_s > self._age_max_s:
            return (
                f"images are {age_s:.3f} s old when they come (limit {self._age_max_s} s): is the "
                "machine or the network too slow, or are the clocks apart?"
            )
        if age_s < -_AHEAD_MAX_S:
            return (
                f"images are stamped {-age_s:.3f} s ahead of this machine's clock: set the clocks "
                "by NTP"
            )
        return None
