"""How sure a fit is: 95 % intervals, the percentiles of what resampled data say."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from robot_learning.identification.estimates import Estimate, Identification
from robot_learning.identification.fit_data import BLOCK_S
from robot_learning.identification.recording import MotionRecording
from robot_learning.identification.resampling import RESAMPLES

Array = NDArray[np.float64]

SURE = 0.3
"""A stiffness whose interval is wider than this, either way, is not determined."""


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
