"""Do two recordings mean the same by their joints: order, sign, offset, unit, rate?

Two arms that were given the same commands, or one arm and what was commanded, move alike but for
delay and softness. What differs by more is a mistake in somebody's conventions, and has a name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from robot_learning.identification.recording import MotionError, MotionRecording

Array = NDArray[np.float64]
Kind = Literal["names", "order", "sign", "unit", "scale", "offset", "rate", "clock", "motion"]

MOVED_MIN_RAD = 0.01
"""A joint that moves less in the first recording says nothing of the second."""
ALIKE = 0.9
"""Correlation from which on two motions are one."""
CLEARER = 0.02
"""By so much another joint's motion must fit better before joints count as swapped."""
SCALE_TOLERANCE = 0.2
OFFSET_MAX_RAD = 0.02
MOTION_MAX_RAD = 0.1
RATE_TOLERANCE = 0.1
LAG_MAX_S = 0.5
_STEP_S = 0.01
_DEGREES = 180.0 / np.pi


@dataclass(frozen=True)
class JointSignals:
    """Positions of named joints over time.

    Attributes:
        source: what it is of, for messages.
        names: of the columns.
        times_s: ascending, shape (n,), counted from the first command.
        position: shape (n, joints); in radians, if all is right.
        rate_hz: of the messages; None where there were none.
    """

    source: str
    names: tuple[str, ...]
    times_s: Array
    position: Array
    rate_hz: float | None = None


@dataclass(frozen=True, slots=True)
class Mismatch:
    """One thing that is not as in the first recording.

    Attributes:
        joint: its name; empty where it is of all.
        kind: what.
        text: one line, with figures.
    """

    joint: str
    kind: Kind
    text: str


@dataclass(frozen=True)
class Parity:
    """What was found.

    Attributes:
        mismatches: empty where both mean the same.
        untold: joints that moved too little to say.
        lag_s: by how much the second is behind the first.
    """

    mismatches: tuple[Mismatch, ...]
    untold: tuple[str, ...]
    lag_s: float


def measured(recording: MotionRecording) -> JointSignals:
    """What the arm did."""
    zero_s = recording.commands[0].sent_s if recording.commands else recording.stamp_s[0]
    return JointSignals(
        recording.origin,
        recording.joint_names,
        recording.stamp_s - zero_s,
        recording.position_rad,
        recording.rate_hz,
    )


def commanded(recording: MotionRecording) -> JointSignals:
    """What it was told to do."""
    times = recording.stamp_s
    return JointSignals(
        f"commands of {recording.origin}",
        recording.joint_names,
        times - recording.commands[0].sent_s,
        recording.references(times),
    )


def compare(first: JointSignals, second: JointSignals) -> Parity:
    """Compares the second with the first, joint by joint.

    Raises:
        MotionError: they have too little time in common, or are not finite.
    """
    for signals in (first, second):
        if not (np.isfinite(signals.position).all() and np.isfinite(signals.times_s).all()):
            raise MotionError(f"{signals.source}: a position or time is not finite")
    if set(first.names) != set(second.names):
        text = f"joints {', '.join(second.names)} in the place of {', '.join(first.names)}"
        return Parity((Mismatch("", "names", text),), (), 0.0)
    order = [second.names.index(name) for name in first.names]
    found = list(_rates(first, second))
    begin = max(first.times_s[0], second.times_s[0])
    end = min(first.times_s[-1], second.times_s[-1])
    if end - begin < 1.0:
        raise MotionError(
            f"{first.source} and {second.source} have {max(0.0, end - begin):.2f} s in common, "
            "at least 1 s is needed"
        )
    times = np.arange(begin, end, _STEP_S)
    a = _sampled(first, times)
    b = _sampled(second, times)[:, order]
    lag = _lag(a, b)
    a, b = a[: len(a) - lag], b[lag:]
    moved = np.ptp(a, axis=0) >= MOVED_MIN_RAD
    partner = _partners(a, b)
    for joint, name in enumerate(first.names):
        if not moved[joint]:
            continue
        if partner[joint] != joint:
            other = first.names[partner[joint]]
            found.append(
                Mismatch(name, "order", f"{name} moves as {other} does in {first.source}: swapped")
            )
            continue
        found += _differences(name, a[:, joint], b[:, joint])
    untold = tuple(n for n, told in zip(first.names, moved, strict=True) if not told)
    return Parity(tuple(found), untold, lag * _STEP_S)


def _rates(first: JointSignals, second: JointSignals) -> Sequence[Mismatch]:
    a, b = first.rate_hz, second.rate_hz
    if a is None or b is None or abs(b / a - 1.0) <= RATE_TOLERANCE:
        return ()
    return (Mismatch("", "rate", f"states at {b:.1f} Hz, {a:.1f} Hz in {first.source}"),)


def _sampled(signals: JointSignals, times: Array) -> Array:
    columns = signals.position.T
    return np.stack([np.interp(times, signals.times_s, column) for column in columns], axis=1)


def _lag(a: Array, b: Array) -> int:
    """Steps by which speeds of `b`, whatever their sign and order, are behind those of `a`."""
    fast_a, fast_b = (np.abs(np.diff(x, axis=0) / _spread(x)).sum(axis=1) for x in (a, b))
    fast_a, fast_b = fast_a - fast_a.mean(), fast_b - fast_b.mean()
    most = min(round(LAG_MAX_S / _STEP_S), len(fast_a) // 4)
    scores = [float(fast_a[: len(fast_a) - n] @ fast_b[n:]) for n in range(most + 1)]
    return int(np.argmax(scores))


def _spread(x: Array) -> Array:
    spread: Array = np.maximum(np.ptp(x, axis=0), MOVED_MIN_RAD)
    return spread


def _partners(a: Array, b: Array) -> list[int]:
    """For each joint the one in `a` whose motion it shows, as far as that is clear."""
    alike = np.abs(_correlation(a, b))
    rows, columns = linear_sum_assignment(-alike)
    best = dict(zip(columns.tolist(), rows.tolist(), strict=True))
    return [
        best[j] if best[j] != j and alike[best[j], j] > max(ALIKE, alike[j, j] + CLEARER) else j
        for j in range(a.shape[1])
    ]


def _correlation(a: Array, b: Array) -> Array:
    """Of each column of `a` (rows) with each of `b`; 0 where one does not move."""
    centred = [x - x.mean(axis=0) for x in (a, b)]
    sizes = [np.linalg.norm(x, axis=0) for x in centred]
    still = [np.ptp(x, axis=0) < MOVED_MIN_RAD for x in (a, b)]
    unit = [
        np.where(rest, 0.0, x / np.maximum(size, 1e-12))
        for x, size, rest in zip(centred, sizes, still, strict=True)
    ]
    product: Array = unit[0].T @ unit[1]
    return product


def _differences(name: str, a: Array, b: Array) -> Sequence[Mismatch]:
    centred_a, centred_b = a - a.mean(), b - b.mean()
    if np.ptp(b) < 0.1 * np.ptp(a) and not _near(np.ptp(b) / np.ptp(a), 1.0 / _DEGREES):
        return (
            Mismatch(name, "motion", f"{name} moves {np.ptp(b):.4f}, {np.ptp(a):.4f} was expected"),
        )
    scale = float(centred_a @ centred_b / (centred_a @ centred_a))
    found = []
    if scale < 0.0:
        found.append(Mismatch(name, "sign", f"{name} turns the other way"))
    size = abs(scale)
    # What is not the nearest of these is another scale, and has no unit's name.
    unit = min((1.0, _DEGREES, 1.0 / _DEGREES), key=lambda factor: abs(np.log(size / factor)))
    if not _near(size, unit):
        found.append(Mismatch(name, "scale", f"{name} moves {size:.3f} times as far"))
        unit = size
    elif unit == _DEGREES:
        found.append(Mismatch(name, "unit", f"{name} is in degrees, not radians"))
    elif unit != 1.0:
        found.append(Mismatch(name, "unit", f"{name} is in radians where degrees were expected"))
    expected = np.sign(scale) * unit * a
    in_rad = _DEGREES if unit == _DEGREES else 1.0
    offset = float(np.median(b - expected)) / in_rad
    if abs(offset) > OFFSET_MAX_RAD:
        found.append(Mismatch(name, "offset", f"{name} is off by {offset:+.4f} rad"))
    worst = float(np.abs((b - expected) / in_rad - offset).max())
    if not found and worst > MOTION_MAX_RAD:
        found.append(Mismatch(name, "motion", f"{name} is up to {worst:.4f} rad elsewhere"))
    return found


def _near(value: float, factor: float) -> bool:
    return abs(value / factor - 1.0) <= SCALE_TOLERANCE
