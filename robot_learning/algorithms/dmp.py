"""Dynamic movement primitives (Ijspeert et al. 2013, "Dynamical movement primitives", section 2).

A path as a spring towards its goal, pushed by a learned force that fades with the phase x:

    tau^2 y'' = alpha (beta (g - y) - tau y') + (g - y0) f(x),    tau x' = -alpha_x x

The weights of f are all there is of a path, so that cloning a skill is a regression from what is
known at its beginning, the context, to weights (`primitive_dataset`, fitted by `bc.BC`).

Two departures. The spring is critically damped, so a step under a constant force has a closed
form: the path does not depend on the step. The path is linear in the weights, so they are fitted
to positions, not to accelerations that nobody measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from robot_learning.algorithms.base import Spaces
from robot_learning.replay.dataset import Dataset
from robot_learning.replay.step import Float32

Float64 = NDArray[np.float64]

_ALPHA = 25.0  # of the spring; beta is alpha / 4: critical damping (section 2.1)
_ALPHA_X = 3.0  # of the phase: 5 % of the force is left at the end
_STEPS_MIN = 200  # of integration, however few points are asked for
_RIDGE = 1e-10
_END_WEIGHT = 1e3  # of the last point in the fit: a grasp is missed at the end, not on the way


@dataclass(frozen=True)
class MovementPrimitive:
    """A path in d coordinates, to be played to other goals, from other starts, at other speeds.

    Attributes:
        weights: of the force, shape (d, n).
        start: y0, shape (d,).
        goal: g, shape (d,).
        duration_s: tau, the time from start to goal.
        start_velocity: at y0, units a second, shape (d,).
        scales: the force of a coordinate grows with goal - start, shape (d,); it does not where
            the path that was learned ended where it began.
    """

    weights: Float64
    start: Float64
    goal: Float64
    duration_s: float
    start_velocity: Float64
    scales: NDArray[np.bool_]

    @classmethod
    def fit(cls, path: ArrayLike, duration_s: float, *, basis: int = 30) -> Self:
        """Learns a path by least squares.

        Args:
            path: positions at equal distances in time, shape (t, d).
            duration_s: time from the first to the last.
            basis: number of weights a coordinate.

        Raises:
            ValueError: the path is not finite, or shorter than two points.
        """
        points = np.asarray(path, np.float64)
        if points.ndim != 2 or len(points) < 2 or duration_s <= 0.0:
            raise ValueError(
                f"a path has two points or more, this {points.shape} in {duration_s} s"
            )
        if not np.isfinite(points).all():
            raise ValueError("the path is not finite")
        start, goal = points[0], points[-1]
        still = cls(
            weights=np.zeros((points.shape[1], basis)),
            start=start,
            goal=goal,
            duration_s=duration_s,
            start_velocity=(points[1] - start) * (len(points) - 1) / duration_s,
            scales=np.abs(goal - start) > 0.05 * np.ptp(points, axis=0),
        )
        missing = (points - still.path(len(points))) / still._amplitude()
        responses = _responses(len(points), basis)
        weighted = responses.copy()
        weighted[-1] *= _END_WEIGHT
        normal = weighted.T @ responses + _RIDGE * np.eye(basis)
        weights = np.linalg.solve(normal, weighted.T @ missing).T
        return replace(still, weights=np.asarray(weights, np.float64))

    def path(self, points: int) -> Float64:
        """Positions at equal distances in time from 0 to `duration_s`, shape (points, d)."""
        # In units of the duration everything but the start's velocity is the same at any speed.
        begin = np.stack((self.start - self.goal, self.start_velocity * self.duration_s))
        push = _responses(points, self.weights.shape[1]) @ self.weights.T
        return self.goal + _free(points) @ begin + push * self._amplitude()

    def towards(
        self,
        goal: ArrayLike,
        *,
        start: ArrayLike | None = None,
        duration_s: float | None = None,
    ) -> Self:
        """The same movement with another goal, start or duration."""
        duration = duration_s or self.duration_s
        return replace(
            self,
            goal=np.asarray(goal, np.float64),
            start=self.start if start is None else np.asarray(start, np.float64),
            duration_s=duration,
            start_velocity=self.start_velocity * (self.duration_s / duration),
        )

    def vector(self) -> Float32:
        """Weights, then goal, one after the other, shape (d n + d,)."""
        return np.concatenate((self.weights.ravel(), self.goal)).astype(np.float32)

    def from_vector(self, vector: Float32) -> Self:
        """The movement with the weights and goal of a `vector`, the rest as here."""
        count = self.weights.size
        weights = vector[:count].astype(np.float64).reshape(self.weights.shape)
        return replace(self, weights=weights, goal=vector[count:].astype(np.float64))

    def _amplitude(self) -> Float64:
        return np.where(self.scales, self.goal - self.start, 1.0)


def primitive_dataset(
    contexts: ArrayLike, primitives: Sequence[MovementPrimitive]
) -> tuple[Dataset, Spaces]:
    """Demonstrated movements as what `bc.BC` learns from: context in, `vector` out.

    Args:
        contexts: what was known at the beginning of each movement, shape (m, c).
        primitives: one for each, of the same numbers of coordinates and weights.

    Returns:
        One row a movement, and spaces whose action bounds are what was demonstrated, so that
        every component weighs the same in the loss. `Policy.act` gives a vector again.
    """
    inputs = np.asarray(contexts, np.float32)
    vectors = np.stack([primitive.vector() for primitive in primitives])
    low, high = vectors.min(axis=0), vectors.max(axis=0)
    middle = (low + high) / 2
    # What is the same in all of them still needs a width that float32 can tell from none.
    half = np.maximum((high - low) / 2, 1e-4 * np.maximum(np.abs(middle), 1.0))
    spaces = Spaces(inputs.shape[1], 0, tuple(middle - half), tuple(middle + half))
    rows = len(inputs)
    return Dataset(
        inputs=inputs,
        actions=spaces.normalise_action(vectors),
        rewards=np.zeros(rows, np.float32),
        next_inputs=inputs,
        terminated=np.ones(rows, np.float32),
        episodes=np.arange(rows),
    ), spaces


def _substeps(points: int) -> int:
    """Steps of integration from one point to the next."""
    return -(-_STEPS_MIN // (points - 1))


def _free(points: int) -> Float64:
    """Distance to the goal without a force, per initial distance and velocity; (points, 2)."""
    time, rate = np.linspace(0.0, 1.0, points), _ALPHA / 2.0
    fading = np.exp(-rate * time)
    return np.stack(((1.0 + rate * time) * fading, time * fading), axis=1)


def _responses(points: int, basis: int) -> Float64:
    """What each weight alone adds to the path, shape (points, basis)."""
    substeps, rate = _substeps(points), _ALPHA / 2.0
    step = 1.0 / ((points - 1) * substeps)
    fading = np.exp(-rate * step)
    middles = (np.arange((points - 1) * substeps, dtype=np.float64) + 0.5) * step
    position, velocity = np.zeros(basis), np.zeros(basis)
    responses = np.zeros((points, basis))
    for index, force in enumerate(_forces(middles, basis)):
        rest = force / rate**2  # where the spring would settle under this force
        distance = position - rest
        pull = velocity + rate * distance
        position = rest + (distance + pull * step) * fading
        velocity = (velocity - rate * pull * step) * fading
        if (index + 1) % substeps == 0:
            responses[(index + 1) // substeps] = position
    return responses


def _forces(time: Float64, basis: int) -> Float64:
    """The share of each weight in the force, psi_i x / sum psi; shape (t, basis)."""
    centres = np.exp(-_ALPHA_X * np.linspace(0.0, 1.0, basis))
    gaps = np.diff(centres, append=centres[-1] * np.exp(-_ALPHA_X / max(basis - 1, 1)))
    phase = np.exp(-_ALPHA_X * time)[:, None]
    kernels = np.exp(-0.5 * ((phase - centres) / gaps) ** 2) + 1e-300
    share: Float64 = kernels / kernels.sum(axis=1, keepdims=True) * phase
    return share
