"""Grasping by rule, in many ways: the first data of QT-Opt.

The paper begins with a scripted policy of 15 to 30 % success (Kalashnikov et al. 2018, section 5);
its critic must see failures of every kind to know them from successes, so every episode draws its
own manner: towards something or blindly, how noisy it is, where and when it closes, and some only
move at random, biased downwards.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from robot_learning.contract import BinGraspTask, Contract, task_of
from robot_learning.envs.observation import field_slices
from robot_learning.perception.bin_floor import BinFloor
from robot_learning.replay.images import UInt8
from robot_learning.replay.step import Float32

_OBJECT_RADIUS_M = 0.025
_UNREST = 0.3  # of every motion while the fingers close
_MISS_M = 0.01  # standard deviation of where it goes, in each direction


class Grasper(Protocol):
    """Whoever acts in an episode."""

    name: str

    def begin(self, rng: np.random.Generator, image: UInt8) -> None:
        """A new episode: what to draw from in it, and its first picture (size, size, 3)."""
        ...

    def act(self, image: UInt8, state: Float32) -> Float32:
        """The action, shape (8,), for a picture (size, size, 3) and a state (s,)."""
        ...


@dataclass(frozen=True, slots=True)
class _Manner:
    """How one episode goes.

    Attributes:
        random: it only moves at random, biased downwards.
        lapses: how often it does something random in between.
        target_m: x and y of where it goes, shape (2,); None: it drifts.
        drift: mean motion sideways otherwise, in units of the action, shape (2,).
        turn_rad: mean turn, of the action's angle.
        noise: standard deviation of each motion.
        close_height_m: it closes at this height, or where it gets no lower.
        close_step: it closes at this step at the latest.
        lift_to_m: it ends above this height.
    """

    random: bool
    lapses: float
    target_m: Float32 | None
    drift: Float32
    turn_rad: float
    noise: float
    close_height_m: float
    close_step: int
    lift_to_m: float


class ScriptedGrasper:
    """Down, close, up, end; each episode in its own manner.

    Half of them go where the first picture shows another colour than the floor's.
    """

    name = "scripted"

    def __init__(self, contract: Contract) -> None:
        """Takes a contract whose task observes the tool's position."""
        self._task = task_of(contract, BinGraspTask)
        self._place = field_slices(contract)["tcp_position_m"]
        self._lowest = contract.workspace.min_m[2]
        self._floor = BinFloor(contract)

    def begin(self, rng: np.random.Generator, image: UInt8) -> None:
        """Draws a manner, for what the first picture shows."""
        self._rng = rng
        success = self._task.success
        angle = rng.uniform(-math.pi, math.pi)
        drift = rng.uniform(0.0, 0.35) * np.array([math.cos(angle), math.sin(angle)])
        usual = rng.random() < 0.8
        self._manner = _Manner(
            random=bool(rng.random() < 0.1),
            lapses=float(rng.choice([0.0, 0.0, 0.02, 0.08])),
            target_m=self._target(image) if rng.random() < 0.5 else None,
            drift=drift.astype(np.float32),
            turn_rad=float(rng.normal(0.0, 0.8)),
            noise=float(rng.choice([0.05, 0.15, 0.3])),
            close_height_m=self._lowest + float(rng.uniform(0.0, 0.015 if usual else 0.08)),
            close_step=int(rng.integers(3, 20)) if rng.random() < 0.1 else 1000,
            lift_to_m=success.height_min_m + float(rng.uniform(0.0, 0.04)),
        )
        self._step = self._closed_for = self._stuck = 0
        self._before = math.inf

    def act(self, image: UInt8, state: Float32) -> Float32:
        """The next action; this picture is not looked at."""
        del image
        manner, rng = self._manner, self._rng
        tool_m = state[self._place]
        height_m = float(tool_m[2])
        self._stuck = self._stuck + 1 if self._before - height_m < 0.002 else 0
        self._before = height_m
        self._step += 1
        if manner.random or rng.random() < manner.lapses:
            return random_action(rng)
        action = rng.normal(0.0, manner.noise, 8).astype(np.float32)
        turn = manner.turn_rad + rng.normal(0.0, manner.noise)
        action[3:5] = math.sin(turn), math.cos(turn)
        low = height_m <= manner.close_height_m or (self._step > 3 and self._stuck >= 2)
        if not self._closed_for and (low or self._step >= manner.close_step):
            self._closed_for = 1
        if not self._closed_for:
            action[2] = -1.0 + abs(action[2])
            if manner.target_m is None:
                action[:2] += manner.drift
            else:
                self._approach(action, tool_m, manner.target_m)
            action[5:] = -0.5, 0.5, -1.0
            return np.clip(action, -1.0, 1.0)
        self._closed_for += 1
        action[5:] = 0.5, -0.5, -1.0
        if self._closed_for <= 2 + round(self._task.control_hz * 0.6):
            # A search finds no single point, so whoever holds still does so only about.
            action[:3] = rng.normal(0.0, _UNREST, 3)
            turn = rng.normal(0.0, _UNREST * math.pi / 2)
            action[3:5] = math.sin(turn), math.cos(turn)
        elif height_m > manner.lift_to_m:
            action[:5] = 0.0
            action[7] = 1.0
        else:
            action[2] = 1.0 - abs(action[2])
        return np.clip(action, -1.0, 1.0)

    def _target(self, image: UInt8) -> Float32 | None:
        """About the middle of something that lies in the bin; None where it seems empty."""
        points = self._floor.occupied(image)
        if not len(points):
            return None
        chosen = points[self._rng.integers(len(points))]
        near = points[np.linalg.norm(points - chosen, axis=1) < _OBJECT_RADIUS_M]
        target: Float32 = (near.mean(axis=0) + self._rng.normal(0.0, _MISS_M, 2)).astype(np.float32)
        return target

    def _approach(self, action: Float32, tool_m: Float32, target_m: Float32) -> None:
        """Moves towards a place, and no lower beside it than over it."""
        stride_m = self._task.action.speed_m_s(float(tool_m[2])) / self._task.control_hz
        way_m = target_m - tool_m[:2]
        action[:2] += np.clip(way_m / stride_m, -0.7, 0.7)
        beside = float(np.linalg.norm(way_m)) > _OBJECT_RADIUS_M
        if beside and tool_m[2] < self._task.action.near_height_m:
            action[2] = 0.0


class RandomGrasper:
    """Moves at random, biased downwards."""

    name = "random"

    def begin(self, rng: np.random.Generator, image: UInt8) -> None:
        """Draws from `rng` in this episode."""
        del image
        self._rng = rng

    def act(self, image: UInt8, state: Float32) -> Float32:
        """A random action, shape (8,)."""
        del image, state
        return random_action(self._rng)


def random_action(rng: np.random.Generator) -> Float32:
    """Uniform, biased downwards; one in fifty ends the episode."""
    action = rng.uniform(-1.0, 1.0, 8)
    action[2] -= 0.4
    action[7] = 1.0 if rng.random() < 0.02 else -1.0
    clipped: Float32 = np.clip(action, -1.0, 1.0).astype(np.float32)
    return clipped
