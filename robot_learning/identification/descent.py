"""Least squares of all joints side by side: where to begin, and Levenberg and Marquardt's way."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from robot_learning.identification.fit_data import DELAY_MAX_S, SIZE, FitData

Array = NDArray[np.float64]

DELAYS_S = tuple(np.arange(0.01, 0.3, 0.02).tolist())
"""Delays to begin from."""
_SCAN_HZ = (1.0, 2.0, 4.0, 8.0, 16.0)  # natural frequencies to begin from
_SCAN_DAMPING = 0.8
_FRICTIONS = ((0.5, 0.05), (1.0, 0.5))  # viscous and coulomb to begin from
_LOW = (0.0, np.log(10.0), np.log(0.5), 0.0, 0.0)
_HIGH_DAMPING, _HIGH_VISCOUS, _HIGH_COULOMB = 1000.0, 100.0, 30.0
_GAIN_MIN = 1e-5  # part of the cost that a round must still gain


def bounds_at(physics_hz: float) -> tuple[Array, Array]:
    """Lowest and highest parameters, each (5,), of what a simulator of that rate can follow."""
    stiffest = np.log(0.95 * physics_hz**2)
    high = (DELAY_MAX_S, stiffest, np.log(_HIGH_DAMPING), _HIGH_VISCOUS, _HIGH_COULOMB)
    return np.array(_LOW), np.array(high)


def scan(parts: Sequence[FitData], delays_s: Sequence[float]) -> Array:
    """For each joint the best of a grid, with little and with more friction; (2, joints, 5)."""
    joints = parts[0].measured.shape[1]
    starts = []
    for friction in _FRICTIONS:
        grid = [
            (delay, 2.0 * np.log(angular), np.log(2.0 * _SCAN_DAMPING * angular), *friction)
            for delay in delays_s
            for angular in 2.0 * np.pi * np.array(_SCAN_HZ)
        ]
        tries = np.repeat(np.array(grid)[:, None], joints, axis=1)
        costs = sum(np.square(part.errors(tries)).sum(axis=0) for part in parts)
        starts.append(tries[np.argmin(costs, axis=0), np.arange(joints)])
    return np.stack(starts)


def descend(
    parts: Sequence[FitData],
    begin: Array,
    bounds: tuple[Array, Array],
    free: NDArray[np.bool_],
    rounds: int,
    say: Callable[[str], object],
) -> Array:
    """Levenberg and Marquardt's descent, of all joints and beginnings side by side.

    One simulation serves them all, and each has its own damping: none waits for another.

    Args:
        parts: of the data.
        begin: shape (m, joints, 5).
        bounds: lowest and highest parameters, each (5,).
        free: which parameters may change, shape (5,).
        rounds: at most.
        say: takes lines.

    Returns:
        The best parameters of each joint, shape (joints, 5).
    """
    low, high = bounds
    now = np.clip(begin, low + 1e-9, high)
    damping = np.full(now.shape[:2], 1e-2)
    cost = np.full(now.shape[:2], np.inf)
    normal, pull = np.zeros((*now.shape, SIZE)), np.zeros(now.shape)
    stale = np.ones(now.shape[:2], bool)
    for number in range(rounds):
        say(f"fitting, round {number + 1} of at most {rounds}")
        if stale.any():
            both = [part.slopes(now) for part in parts]
            cost = np.sum([np.square(e).sum(axis=0) for e, _ in both], axis=0)
            normal = np.sum([np.einsum("tmjp,tmjq->mjpq", s, s) for _, s in both], axis=0)
            pull = np.sum([np.einsum("tmjp,tmj->mjp", s, e) for e, s in both], axis=0)
        trial = np.clip(now + _step(now, normal, pull, damping, bounds, free), low, high)
        after = np.sum([np.square(part.errors(trial)).sum(axis=0) for part in parts], axis=0)
        better = after < cost
        gained = np.where(better, (cost - after) / np.maximum(cost, 1e-300), 0.0)
        now = np.where(better[..., None], trial, now)
        cost = np.where(better, after, cost)
        stale = better
        damping = np.clip(np.where(better, damping / 5.0, damping * 6.0), 1e-9, 1e9)
        # What found nothing better with a small step has arrived too.
        if ((better & (gained < _GAIN_MIN)) | (~better & (damping > 1e3))).all():
            break
    best: Array = now[cost.argmin(axis=0), np.arange(now.shape[1])]
    return best


def _step(
    now: Array,
    normal: Array,
    pull: Array,
    damping: Array,
    bounds: tuple[Array, Array],
    free: NDArray[np.bool_],
) -> Array:
    """Damped steps (m, joints, 5); what is at a bound and pushed against it stays."""
    held = ~free | ((now <= bounds[0] + 1e-9) & (pull > 0.0))
    held |= (now >= bounds[1] - 1e-9) & (pull < 0.0)
    matrix = np.where(held[..., None] | held[..., None, :], 0.0, normal)
    size = np.einsum("mjpp->mjp", matrix)
    matrix = matrix + (damping[..., None] * size + np.where(held, 1.0, 1e-12))[..., None] * np.eye(
        SIZE
    )
    steps: Array = np.linalg.solve(matrix, -np.where(held, 0.0, pull)[..., None])[..., 0]
    return steps
