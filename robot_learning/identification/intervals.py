"""How sure a fit is: 95 % intervals by a bootstrap over short blocks of time.

Each resample is solved by one step from the optimum (Efron and Tibshirani, An Introduction to the
Bootstrap, 1993, chapter 9).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from robot_learning.identification.estimates import Estimate, Identification
from robot_learning.identification.fit_data import BLOCK_S, SIZE, FitData
from robot_learning.identification.recording import MotionRecording

Array = NDArray[np.float64]

RESAMPLES = 400
SURE = 0.3
"""A stiffness whose interval is wider than this, either way, is not determined."""


def bootstrap(
    parts: Sequence[FitData], optimum: Array, bounds: tuple[Array, Array], rng: np.random.Generator
) -> Array:
    """Parameters (1 + resamples, joints, 5): of all data, then of resampled blocks of time.

    The delay is one for all joints; each is one step from `optimum`.
    """
    joints = len(optimum)
    normal, pull = [], []
    for part in parts:
        errors, slopes = part.slopes(optimum[None])
        full = np.zeros((len(errors), joints, 1 + joints * (SIZE - 1)))
        full[:, :, 0] = slopes[:, 0, :, 0]
        for joint in range(joints):
            first = 1 + joint * (SIZE - 1)
            full[:, joint, first : first + SIZE - 1] = slopes[:, 0, joint, 1:]
        for number in range(int(part.block.max()) + 1):
            j = full[part.block == number]
            normal.append(j.T @ j)
            pull.append(j.T @ errors[:, 0][part.block == number])
    blocks_normal, blocks_pull = np.stack(normal), np.stack(pull)
    flat = np.concatenate((optimum[:1, 0], optimum[:, 1:].ravel()))
    low, high = (np.concatenate((b[:1], np.tile(b[1:], joints))) for b in bounds)
    free = (flat > low + 1e-6) & (flat < high - 1e-6)
    # The first takes all the data once: the optimum of all joints and the delay together.
    chances = np.full(len(normal), 1.0 / len(normal))
    weights = np.vstack((np.ones(len(normal)), rng.multinomial(len(normal), chances, RESAMPLES)))
    draws = np.tile(flat, (1 + RESAMPLES, 1))
    for draw, weight in zip(draws, weights, strict=True):
        matrix = np.tensordot(weight, blocks_normal, 1)[np.ix_(free, free)]
        size = np.sqrt(np.maximum(np.diag(matrix), 1e-30))
        vector = (weight @ blocks_pull)[free] / size
        draw[free] -= np.linalg.lstsq(matrix / np.outer(size, size), vector, rcond=1e-12)[0] / size
    draws = np.clip(draws, low, high)
    delay = np.repeat(draws[:, :1], joints, axis=1)[..., None]
    return np.concatenate((delay, draws[:, 1:].reshape(-1, joints, SIZE - 1)), axis=2)


def with_intervals(
    recordings: Sequence[MotionRecording],
    optimum: Array,
    draws: Array,
    residual_rad: Array,
    seed: int,
) -> Identification:
    """What is said of a fit.

    Args:
        recordings: that it is of.
        optimum: parameters (joints, 5).
        draws: parameters of resamples, shape (n, joints, 5).
        residual_rad: of each joint, shape (joints,).
        seed: of the latency's bootstrap.
    """
    low, high = np.percentile(draws, (2.5, 97.5), axis=0)
    low, high = np.minimum(low, optimum), np.maximum(high, optimum)

    def column(kind: int, read: Callable[[Array], Array] = np.asarray) -> tuple[Estimate, ...]:
        rows = np.stack([read(x[:, kind]) for x in (optimum, low, high)], axis=1)
        return tuple(Estimate(*row) for row in rows.tolist())

    names = recordings[0].joint_names
    stiffness = column(1, np.exp)
    return Identification(
        control_delay_s=column(0)[0],
        state_latency_s=_latency(recordings, seed),
        stiffness_1_s2=stiffness,
        damping_1_s=column(2, np.exp),
        viscous_friction_1_s=column(3),
        coulomb_friction_rad_s2=column(4),
        residual_rad=residual_rad,
        unsure=tuple(
            name
            for name, found in zip(names, stiffness, strict=True)
            if found.high > (1.0 + SURE) * found.value or found.low < (1.0 - SURE) * found.value
        ),
    )


def _latency(recordings: Sequence[MotionRecording], seed: int) -> Estimate | None:
    """The median age of states on receipt; None where their clock is another."""
    blocks = []
    for recording in recordings:
        if (latency := recording.latency_s) is None:
            return None
        number = ((recording.stamp_s - recording.stamp_s[0]) / BLOCK_S).astype(int)
        blocks += [float(np.median(latency[number == n])) for n in np.unique(number)]
    values = np.maximum(np.array(blocks), 0.0)
    picks = np.random.default_rng(seed).choice(values, (RESAMPLES, len(values)))
    low, high = np.percentile(np.median(picks, axis=1), (2.5, 97.5))
    return Estimate(float(np.median(values)), float(low), float(high))
