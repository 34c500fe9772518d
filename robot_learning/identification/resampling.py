"""What a fit would have found in other data: a bootstrap over short blocks of time, joint by joint.

Each resample is solved by one step from the optimum (Efron and Tibshirani, An Introduction to the
Bootstrap, 1993, chapter 9). A step may leave the bounds, and is brought back to them: what lies at
a bound has an interval on the other side.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from robot_learning.identification.fit_data import SIZE, FitData

Array = NDArray[np.float64]

RESAMPLES = 400


class Resampling:
    """The normal equations of each joint, block by block, about some parameters.

    Attributes:
        blocks: with data, of each joint, shape (joints,).
    """

    def __init__(
        self,
        parts: Sequence[FitData],
        at: Array,
        bounds: tuple[Array, Array],
        rng: np.random.Generator,
    ) -> None:
        """Draws the blocks.

        Args:
            parts: of the data.
            at: parameters near the optimum, shape (joints, 5).
            bounds: lowest and highest parameters, each (5,).
            rng: of the draws.
        """
        self._at, self._bounds = at, bounds
        normal, pull = [], []
        for part in parts:
            errors, slopes = part.slopes(at[None])
            for number in range(int(part.block.max()) + 1):
                here = np.where((part.block == number)[..., None], slopes[:, 0], 0.0)
                normal.append(np.einsum("tjp,tjq->jpq", here, here))
                pull.append(np.einsum("tjp,tj->jp", here, errors[:, 0]))
        filled = np.array([np.einsum("jpp->j", each) > 0.0 for each in normal])
        self.blocks = filled.sum(axis=0)
        drawn = [
            rng.multinomial(sum(present), present / sum(present), RESAMPLES)
            for present in filled.T.astype(int)
        ]
        self._normal = np.einsum("jrb,bjpq->rjpq", drawn, normal)
        self._pull = np.einsum("jrb,bjp->rjp", drawn, pull)

    def each(self) -> Array:
        """Parameters (resamples, joints, 5), every joint with a delay of its own."""
        return np.clip(self._at + _solved(self._normal, self._pull), *self._bounds)

    def with_delays(self, delays_s: Array) -> Array:
        """Parameters (resamples, joints, 5) where the delay is given, shape (resamples,)."""
        later = delays_s[:, None] - self._at[:, 0]
        pull = self._pull[..., 1:] + self._normal[..., 1:, 0] * later[..., None]
        rest = self._at[:, 1:] + _solved(self._normal[..., 1:, 1:], pull)
        delay = np.broadcast_to(delays_s[:, None, None], (*rest.shape[:2], 1))
        return np.clip(np.concatenate((delay, rest), axis=2), *self._bounds)


def common_delay(each: Array, blocks: Array, rng: np.random.Generator) -> tuple[float, Array]:
    """One delay of all joints: the median of theirs, weighted by how well each knows its own.

    A mean would follow the one joint that does not move as the model says: its own figures are as
    sharp as the others', and wrong. The delay is as sure as the joints agree: in each resample
    other joints are drawn, and few joints have the long tails of Student's distribution.

    Args:
        each: delays by joint and resample, shape (resamples, joints).
        blocks: of data, of each joint, shape (joints,).
        rng: of the draws.

    Returns:
        The delay, and one of each resample, shape (resamples,).
    """
    count, joints = each.shape
    few = blocks / np.maximum(blocks - SIZE, 1.0)
    weight = 1.0 / np.maximum(each.std(axis=0, ddof=1) * np.sqrt(few), 1e-9)
    value = float(_weighted_median(np.median(each, axis=0)[None], weight[None])[0])
    joint = rng.integers(0, joints, (count, joints))
    medians = _weighted_median(np.take_along_axis(each, joint, axis=1), weight[joint])
    return value, value + medians.std(ddof=1) * rng.standard_t(max(joints - 1, 1), count)


def _weighted_median(values: Array, weights: Array) -> Array:
    """Of each row, shape (n,): where half of the weight is reached."""
    order = np.argsort(values, axis=1)
    reached = np.cumsum(np.take_along_axis(weights, order, axis=1), axis=1)
    at = (reached < reached[:, -1:] / 2.0).sum(axis=1)
    found: Array = np.take_along_axis(values, order, axis=1)[np.arange(len(values)), at]
    return found


def _solved(normal: Array, pull: Array) -> Array:
    """Steps (..., n) of least squares; what nothing determines does not move."""
    size = np.sqrt(np.maximum(np.einsum("...pp->...p", normal), 1e-30))
    inverse = np.linalg.pinv(
        normal / (size[..., None] * size[..., None, :]), rcond=1e-12, hermitian=True
    )
    steps: Array = -np.einsum("...pq,...q->...p", inverse, pull / size) / size
    return steps
