"""Fits delay and joint response to recorded motion: least squares of the simulated output error.

The measured positions are compared with those of `ResponseModel`, driven by the recorded commands
(output error: Ljung, System Identification, 1999, section 4.3). First every joint is fitted by
itself, its delay too, from several beginnings; then they share one delay, the median of theirs by
how well each knows it, and the rest is fitted again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from robot_learning.contract import Contract
from robot_learning.identification.descent import (
    DELAYS_S,
    bounds_at,
    descend,
    scan,
)
from robot_learning.identification.estimates import Identification
from robot_learning.identification.fit_data import SIZE, FitData
from robot_learning.identification.intervals import with_intervals
from robot_learning.identification.recording import MotionError, MotionRecording
from robot_learning.identification.resampling import Resampling, common_delay

Array = NDArray[np.float64]

MOVED_MIN_RAD = 0.02
"""A joint that moves less shows friction and encoder, not how it follows."""
_ROUNDS, _ROUNDS_AGAIN = 15, 6


def identify(
    recordings: Sequence[MotionRecording],
    contract: Contract,
    *,
    seed: int = 0,
    say: Callable[[str], object] = lambda _: None,
) -> Identification:
    """Fits one arm to one or several recordings of it.

    Args:
        recordings: each beginning at rest.
        contract: of the robot; says in what steps it is simulated.
        seed: of the bootstrap.
        say: takes one line on what is being done.

    Raises:
        MotionError: a recording is of another robot, cannot be used, or moves too little.
    """
    for recording in recordings:
        recording.check()
        recording.require_robot(contract)
    _require_motion(recordings)
    hz = contract.robot.simulation.physics_hz
    say("reading the commands")
    parts = [FitData(recording, hz) for recording in recordings]
    say("looking for a beginning")
    bounds = bounds_at(hz)
    every, but_delay = np.ones(SIZE, bool), np.arange(SIZE) > 0
    rng = np.random.default_rng(seed)

    def delays_of(apart: Array) -> tuple[float, Array]:
        own = Resampling(parts, apart, bounds, rng)
        return common_delay(own.each()[..., 0], own.blocks, rng)

    apart = descend(parts, scan(parts, DELAYS_S), bounds, every, _ROUNDS, say)
    delay_s, _ = delays_of(apart)
    # A joint that found another valley by itself gets back with the delay of the others.
    together = descend(parts, scan(parts, (delay_s,)), bounds, but_delay, _ROUNDS, say)
    apart = descend(parts, together[None], bounds, every, _ROUNDS_AGAIN, say)
    say("bootstrap")
    together[:, 0], delays_s = delays_of(apart)
    optimum = descend(parts, together[None], bounds, but_delay, _ROUNDS_AGAIN, say)
    draws = Resampling(parts, optimum, bounds, rng).with_delays(delays_s)
    squares = sum(np.square(part.errors(optimum[None])[:, 0]).sum(axis=0) for part in parts)
    residual = np.sqrt(squares / sum(part.weight.sum(axis=0) for part in parts))
    return with_intervals(recordings, optimum, draws, residual, seed)


def _require_motion(recordings: Sequence[MotionRecording]) -> None:
    moved = np.max([np.ptp(recording.position_rad, axis=0) for recording in recordings], axis=0)
    still = [
        f"{name} {size:.4f} rad"
        for name, size in zip(recordings[0].joint_names, moved, strict=True)
        if size < MOVED_MIN_RAD
    ]
    if still:
        raise MotionError(
            f"{recordings[0].origin}: too little motion: {', '.join(still)} (each needs "
            f"{MOVED_MIN_RAD} rad); move them: robot-learning sysid excite"
        )
