"""Fits delay and joint response to recorded motion: least squares of the simulated output error.

The measured positions are compared with those of `ResponseModel`, driven by the recorded commands
(output error: Ljung, System Identification, 1999, section 4.3). First every joint is fitted by
itself, its delay too, from several beginnings; then they share one delay, the mean of theirs by
how well each knows it, and the rest is fitted again. Intervals are of a bootstrap over short
blocks of time, each resample solved by one step from the optimum (Efron and Tibshirani, An
Introduction to the Bootstrap, 1993, chapter 9).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from robot_learning.contract import Contract
from robot_learning.identification.joint_response import ResponseModel
from robot_learning.identification.recording import MotionError, MotionRecording

Array = NDArray[np.float64]

MOVED_MIN_RAD = 0.02
"""A joint that moves less shows friction and encoder, not how it follows."""
STILL_RAD_S = 0.002
"""A joint that is told to move slower counts as resting."""
DELAY_MAX_S = 0.4
BLOCK_S = 0.25
RESAMPLES = 400
SURE = 0.3
"""A stiffness whose interval is wider than this, either way, is not determined."""

_AFTER_S = 0.6  # a command is felt for so long
_FINE = 4  # samples of the reference a physics step, between which it is straight
_DELAYS_S = tuple(np.arange(0.01, 0.3, 0.02).tolist())
_SCAN_HZ = (1.0, 2.0, 4.0, 8.0, 16.0)  # natural frequencies to begin from
_SCAN_DAMPING = 0.8
_FRICTIONS = ((0.5, 0.05), (1.0, 0.5))  # viscous and coulomb to begin from
# Parameters of a joint: delay, log stiffness, log damping, viscous, coulomb.
_LOW = (0.0, np.log(10.0), np.log(0.5), 0.0, 0.0)
_HIGH_DAMPING, _HIGH_VISCOUS, _HIGH_COULOMB = 1000.0, 100.0, 30.0
_STEPS = np.array((1e-4, 1e-4, 1e-4, 1e-3, 1e-3))  # of finite differences
_SIZE = len(_STEPS)
_ROUNDS, _ROUNDS_AGAIN = 15, 6
_GAIN_MIN = 1e-5  # part of the cost that a round must still gain


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Identification:
    """What was fitted; joints in the contract's order.

    Attributes:
        control_delay_s: from a command to its effect.
        state_latency_s: from a measurement to its receipt; None where the recording cannot say.
        stiffness_1_s2: and the rest as in `contract.JointResponse`.
        residual_rad: root mean square of what is left, each joint, shape (joints,).
        unsure: names of joints whose stiffness the motion does not determine.
    """

    control_delay_s: Estimate
    state_latency_s: Estimate | None
    stiffness_1_s2: tuple[Estimate, ...]
    damping_1_s: tuple[Estimate, ...]
    viscous_friction_1_s: tuple[Estimate, ...]
    coulomb_friction_rad_s2: tuple[Estimate, ...]
    residual_rad: Array
    unsure: tuple[str, ...]


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
    parts = [_Part(recording, hz) for recording in recordings]
    say("looking for a beginning")
    high = (DELAY_MAX_S, np.log(0.95 * hz**2), np.log(_HIGH_DAMPING), _HIGH_VISCOUS, _HIGH_COULOMB)
    bounds = (np.array(_LOW), np.array(high))
    every, but_delay = np.ones(_SIZE, bool), np.arange(_SIZE) > 0
    apart = _descend(parts, _scan(parts, _DELAYS_S), bounds, every, _ROUNDS, say)
    delay_s = _common_delay(parts, apart)
    # A joint that found another valley by itself gets back with the delay of the others.
    together = _descend(parts, _scan(parts, (delay_s,)), bounds, but_delay, _ROUNDS, say)
    apart = _descend(parts, together[None], bounds, every, _ROUNDS_AGAIN, say)
    together[:, 0] = _common_delay(parts, apart)
    optimum = _descend(parts, together[None], bounds, but_delay, _ROUNDS_AGAIN, say)
    say("bootstrap")
    optimum, *resampled = _bootstrap(parts, optimum, bounds, np.random.default_rng(seed))
    draws = np.stack(resampled)
    squares = sum(np.square(part.errors(optimum[None])[:, 0]).sum(axis=0) for part in parts)
    residual = np.sqrt(squares / sum(part.weight.sum(axis=0) for part in parts))
    return _identification(recordings, optimum, draws, residual, seed)


class _Part:
    """One recording on the physics' grid of time, each joint where it is told to move.

    Joints that move in turn are simulated side by side, in the time of the longest.
    """

    def __init__(self, recording: MotionRecording, hz: float) -> None:
        self._period_s = 1.0 / hz
        stamps = recording.stamp_s
        before_s = max(0.0, stamps[0] - recording.commands[0].sent_s) + DELAY_MAX_S + 0.1
        count = round((before_s + stamps[-1] - stamps[0] + 0.1) * hz * _FINE)
        self._fine_s = stamps[0] - before_s + np.arange(count) * (self._period_s / _FINE)
        self._fine = recording.references(self._fine_s)
        begin_s, end_s = self._told(stamps)
        steps = int(np.ceil((end_s - begin_s).max() * hz)) + 1
        # The grid goes through the first stamp: a simulator's states are then on it.
        begin_s = stamps[0] + np.floor((begin_s - stamps[0]) * hz) * self._period_s
        self._grid_s = begin_s + np.arange(steps)[:, None] * self._period_s
        inside = (stamps[:, None] >= begin_s) & (stamps[:, None] <= self._grid_s[-1])
        count = int(inside.sum(axis=0).max())
        # The states of each joint's time come first; `weight` is 0 for those of another time.
        row = np.argsort(~inside, axis=0, kind="stable")[:count]
        self.weight = np.take_along_axis(inside, row, axis=0).astype(float)
        self.measured = np.take_along_axis(recording.position_rad, row, axis=0)
        due = (stamps[row] - begin_s) / self._period_s
        self.block = (np.maximum(due, 0.0) * self._period_s / BLOCK_S).astype(int)
        self._left = np.clip(np.floor(due + 1e-9).astype(int), 0, steps - 2)
        self._share = (due - self._left)[:, None]

    def _told(self, stamps: Array) -> tuple[Array, Array]:
        """When each joint's command begins and ends to move, with what comes late; (joints,)."""
        moves = np.abs(np.diff(self._fine, axis=0)) > STILL_RAD_S * self._period_s / _FINE
        first = np.where(moves.any(axis=0), moves.argmax(axis=0), 0)
        last = len(moves) - 1 - np.where(moves.any(axis=0), moves[::-1].argmax(axis=0), 0)
        begin = np.maximum(self._fine_s[first] - 0.05, self._fine_s[0] + DELAY_MAX_S)
        return begin, np.minimum(self._fine_s[last] + _AFTER_S, stamps[-1])

    def errors(self, parameters: Array) -> Array:
        """Simulated less measured position of models side by side.

        Args:
            parameters: shape (m, joints, 5).

        Returns:
            Shape (n, m, joints), rad.
        """
        delay, *rest = np.moveaxis(parameters, -1, 0)
        model = ResponseModel(np.exp(rest[0]), np.exp(rest[1]), rest[2], rest[3], self._period_s)
        path = model.follow(self._delayed(delay))
        at = np.arange(parameters.shape[0])[:, None], np.arange(parameters.shape[1])
        before, after = path[self._left[:, None], *at], path[self._left[:, None] + 1, *at]
        found = (1.0 - self._share) * before + self._share * after
        errors: Array = (found - self.measured[:, None]) * self.weight[:, None]
        return errors

    def slopes(self, parameters: Array) -> tuple[Array, Array]:
        """Errors (n, m, joints), and how they change with each parameter (n, m, joints, 5)."""
        models, joints = parameters.shape[:2]
        near = np.repeat(parameters[:, None], 1 + _SIZE, axis=1)
        for kind, step in enumerate(_STEPS):
            near[:, 1 + kind, :, kind] += step
        errors = self.errors(near.reshape(-1, joints, _SIZE))
        errors = errors.reshape(len(errors), models, 1 + _SIZE, joints)
        slopes = (errors[:, :, 1:] - errors[:, :, :1]) / _STEPS[:, None]
        return errors[:, :, 0], np.moveaxis(slopes, 2, 3)

    def _delayed(self, delay_s: Array) -> Array:
        """References (time, m, joints) of models with delays (m, joints)."""
        step_s = self._period_s / _FINE
        at = (self._grid_s[:, None] - delay_s - self._fine_s[0]) / step_s
        left = np.clip(np.floor(at).astype(int), 0, len(self._fine_s) - 2)
        share = at - left
        joint = np.arange(delay_s.shape[1])
        late: Array = (1.0 - share) * self._fine[left, joint] + share * self._fine[left + 1, joint]
        return late


def _scan(parts: Sequence[_Part], delays_s: Sequence[float]) -> Array:
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


def _descend(
    parts: Sequence[_Part],
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
    normal, pull = np.zeros((*now.shape, _SIZE)), np.zeros(now.shape)
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
        _SIZE
    )
    steps: Array = np.linalg.solve(matrix, -np.where(held, 0.0, pull)[..., None])[..., 0]
    return steps


def _common_delay(parts: Sequence[_Part], apart: Array) -> float:
    """The mean of the joints' delays, each by its certainty."""
    both = [part.slopes(apart[None]) for part in parts]
    normal = np.sum([np.einsum("tmjp,tmjq->jpq", s, s) for _, s in both], axis=0)
    spread = np.mean(np.concatenate([e[:, 0] for e, _ in both]) ** 2, axis=0)
    scale = np.sqrt(np.maximum(np.einsum("jpp->jp", normal), 1e-30))
    inverse = np.linalg.pinv(normal / (scale[:, :, None] * scale[:, None]), rcond=1e-10)
    variance = inverse[:, 0, 0] / scale[:, 0] ** 2 * np.maximum(spread, 1e-16)
    return float(np.average(apart[:, 0], weights=1.0 / np.maximum(variance, 1e-18)))


def _bootstrap(
    parts: Sequence[_Part], optimum: Array, bounds: tuple[Array, Array], rng: np.random.Generator
) -> Array:
    """Parameters (1 + resamples, joints, 5): of all data, then of resampled blocks of time.

    The delay is one for all joints; each is one step from `optimum`.
    """
    joints = len(optimum)
    normal, pull = [], []
    for part in parts:
        errors, slopes = part.slopes(optimum[None])
        full = np.zeros((len(errors), joints, 1 + joints * (_SIZE - 1)))
        full[:, :, 0] = slopes[:, 0, :, 0]
        for joint in range(joints):
            first = 1 + joint * (_SIZE - 1)
            full[:, joint, first : first + _SIZE - 1] = slopes[:, 0, joint, 1:]
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
    return np.concatenate((delay, draws[:, 1:].reshape(-1, joints, _SIZE - 1)), axis=2)


def _identification(
    recordings: Sequence[MotionRecording],
    optimum: Array,
    draws: Array,
    residual_rad: Array,
    seed: int,
) -> Identification:
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
