"""Demonstrations for tests: made-up episodes, and those of an expert of the point mass."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from point_mass import PointMass
from step_samples import make_step

from robot_learning.demonstrations import Demonstrations
from robot_learning.demonstrations.record import Recorded, record_demonstrations

POINT_MASS_SPEED = 10.0  # actions that the expert takes for a distance of 1


def shown(lengths: tuple[int, ...] = (5, 5), reward: float = 100.0) -> Demonstrations:
    """Episodes of so many steps; reward and action tell them from the steps of `make_step`."""
    episodes = tuple(
        tuple(
            make_step(
                step,
                actor="expert",
                episode=number,
                reward=reward,
                executed_action=np.full(2, 0.5, np.float32),
                truncated=step == length - 1,
            )
            for step in range(length)
        )
        for number, length in enumerate(lengths)
    )
    return Demonstrations(episodes, "made-up")


class PointMassExpert:
    """Goes straight to the goal."""

    def act(self, observation: Any, goal: Any = None) -> Any:
        return np.clip(POINT_MASS_SPEED * (goal - observation), -1, 1).astype(np.float32)


def record_point_mass(path: Path, **options: Any) -> Recorded:
    """Writes episodes of the expert; see `record_demonstrations`."""
    settings: dict[str, Any] = {"episodes": 4, "seed": 0} | options
    return record_demonstrations(PointMass(), PointMassExpert(), path, **settings)
