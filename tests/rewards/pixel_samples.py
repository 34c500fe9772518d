"""Small pictures that a classifier can learn in a moment: something lies high, or low."""

from __future__ import annotations

import numpy as np

from robot_learning.rewards.pixels.frames import LabelledEpisode, PictureView

SIZE_PX = 24
VIEW = PictureView("lift", "panda", "camera", SIZE_PX, (0.5, 0.5), 0.8)
PERIOD_S = 0.1


def picture(rng, success):
    """A red patch in the upper part of a dim picture, or in the lower."""
    image = rng.integers(60, 120, (SIZE_PX, SIZE_PX, 3)).astype(np.uint8)
    row = rng.integers(2, 6) if success else rng.integers(14, 18)
    column = rng.integers(2, SIZE_PX - 8)
    image[row : row + 5, column : column + 5] = (230, 40, 40)
    return image


def episode(number, *, success=True, n=12):
    """The second half of a successful one shows success."""
    rng = np.random.default_rng(number)
    labels = np.arange(n) >= n // 2 if success else np.zeros(n, bool)
    images = np.stack([picture(rng, label) for label in labels])
    return LabelledEpisode(f"{number:03d}", images, 0.1 * np.arange(n), labels, "simulator")


def episodes(n):
    """Half of them successful."""
    return [episode(number, success=number % 2 == 0) for number in range(n)]
