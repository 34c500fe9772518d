"""Where a task's targets are drawn: in the simulator, and on a physical robot alike."""

from __future__ import annotations

import numpy as np

from robot_learning.contract import PushTask, ReachTask
from robot_learning.hardware import Array

_TRIES = 1000


def draw_reach_target(task: ReachTask, rng: np.random.Generator) -> Array:
    """A target of the tool centre point, uniform in the contract's box; (3,), m, base frame."""
    target: Array = rng.uniform(task.goal.box.min_m, task.goal.box.max_m)
    return target


def draw_push_target(task: PushTask, object_m: Array, rng: np.random.Generator) -> Array:
    """A target of the object's middle, far enough from where it lies; (3,), m, base frame.

    Args:
        task: of the contract.
        object_m: where the object lies; its first two numbers count.
        rng: drawn from.

    Raises:
        RuntimeError: the contract leaves no room for one.
    """
    for _ in range(_TRIES):
        target: Array = rng.uniform(task.target.min_m, task.target.max_m)
        if np.linalg.norm(target - object_m[:2]) >= task.target_distance_min_m:
            return np.append(target, task.object.size_m[2] / 2)
    raise RuntimeError(
        f"no target in {_TRIES} draws is task.target_distance_min_m "
        f"{task.target_distance_min_m} away from the object: make task.target larger"
    )
