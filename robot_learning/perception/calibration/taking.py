"""Which frames of a running camera become views: the board at rest, where it has not been yet."""

from __future__ import annotations

import numpy as np

from robot_learning.perception.calibration.detection import Detection

_STILL_PX = 0.7
_STILL_FRAMES = 4
_OTHER_SHARE = 0.06  # of the image's width, that corners have moved since any other view


class ViewTaker:
    """Decides frame by frame."""

    def __init__(self, width_px: int) -> None:
        self._other_px = _OTHER_SHARE * width_px
        self._last: Detection | None = None
        self._still = 0
        self._taken: list[Detection] = []

    def remember(self, detection: Detection) -> None:
        """A view that is there already."""
        self._taken.append(detection)

    def is_view(self, detection: Detection | None) -> bool:
        """Whether this frame is to be kept; None: no board was found in it."""
        moved = _moved_px(self._last, detection)
        self._still = self._still + 1 if moved is not None and moved < _STILL_PX else 0
        self._last = detection
        if detection is None or self._still < _STILL_FRAMES:
            return False
        for other in self._taken:
            apart = _moved_px(other, detection)
            if apart is not None and apart < self._other_px:
                return False
        self._taken.append(detection)
        return True


def _moved_px(one: Detection | None, other: Detection | None) -> float | None:
    """How far common corners are apart, the largest; None: there are none."""
    if one is None or other is None:
        return None
    _, mine, theirs = np.intersect1d(one.ids, other.ids, return_indices=True)
    if not len(mine):
        return None
    return float(np.linalg.norm(one.corners_px[mine] - other.corners_px[theirs], axis=1).max())
