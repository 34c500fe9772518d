"""The standard error of something that is computed from views: by leaving some out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
View = TypeVar("View")

GROUPS_MAX = 12


def standard_error(views: Sequence[View], estimate: Callable[[list[View]], Array]) -> Array:
    """Jackknife standard error (Efron and Tibshirani 1993, chapter 11), of each number.

    One view at a time is left out; of more than `GROUPS_MAX` views, a group at a time.

    Args:
        views: that the estimate rests on.
        estimate: of views, to shape (n,); angles and positions should be small differences from
            the estimate of all views, so that their mean means something.
    """
    groups = min(len(views), GROUPS_MAX)
    without = np.stack(
        [
            estimate([view for index, view in enumerate(views) if index % groups != left_out])
            for left_out in range(groups)
        ]
    )
    spread: Array = ((without - without.mean(axis=0)) ** 2).sum(axis=0)
    error: Array = np.sqrt((groups - 1) / groups * spread)
    return error
