"""What is kept of a camera's pictures to act and learn by, in the order in which they come.

`PlainEye` keeps them as they are. `BinEye` knows where the bin is. Of a pixel it keeps how far its
colour is from that of the bin's floor: what colour a thing has says nothing of how to grasp it. And
beside the present picture stands the one from before the attempt, when no hand hid anything.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from robot_learning.perception.hand_view import HandView

UInt8 = NDArray[np.uint8]


class Eye(Protocol):
    """Looks at the pictures of one attempt after the other.

    Attributes:
        channels: of what it keeps.
    """

    channels: int

    def begin(self, image: UInt8) -> None:
        """A new attempt; its first picture (size, size, 3), from before anything is hidden."""
        ...

    def see(self, image: UInt8) -> UInt8:
        """What is kept of the next picture, (size, size, channels); the first is seen too."""
        ...


class PlainEye:
    """Keeps pictures as they are."""

    channels = 3

    def begin(self, image: UInt8) -> None:
        """Nothing to remember."""

    def see(self, image: UInt8) -> UInt8:
        """The picture."""
        return image


class BinEye:
    """Two channels: how the bin was and the picture, as distances from the floor's colour."""

    channels = 2

    def __init__(self, view: HandView, size_px: int) -> None:
        """Takes the numbers of a task's pictures of this size.

        Raises:
            ValueError: the bin's floor is not to be seen in them.
        """
        self._floor_mask = view.floor_mask(size_px)
        if not self._floor_mask.any():
            raise ValueError("the bin's floor is not in the picture")
        self._floor: NDArray[np.int16] | None = None

    def begin(self, image: UInt8) -> None:
        """Looks at the floor's colour, and remembers all of the picture."""
        self._floor = np.median(image[self._floor_mask], axis=0).astype(np.int16)
        self._before = self._apart(image)

    def see(self, image: UInt8) -> UInt8:
        """Both.

        Raises:
            RuntimeError: before `begin`.
        """
        now = self._apart(image)
        return np.stack((self._before, now), -1)

    def _apart(self, image: UInt8) -> UInt8:
        """How far each pixel's colour is from the floor's: the largest difference of a channel."""
        if self._floor is None:
            raise RuntimeError("see() before begin()")
        apart: UInt8 = np.abs(image.astype(np.int16) - self._floor).max(axis=2).astype(np.uint8)
        return apart
