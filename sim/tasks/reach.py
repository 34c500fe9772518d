"""Reach: a red ball in the air marks the target; nothing collides with it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pybullet

from robot_learning.contract import TaskContract
from robot_learning.hardware import Array
from sim.tasks.base import SimTask

TARGET_RADIUS_M = 0.02
TARGET_COLOUR = (0.9, 0.1, 0.1, 1.0)


class Reach(SimTask):
    """Targets uniform in the contract's goal box."""

    def __init__(self, task: TaskContract) -> None:
        super().__init__(task)
        self._client = -1
        self._body = -1
        self._target = np.zeros(3)

    def build(self, client: int) -> None:
        """Adds the ball, a picture only."""
        self._client = client
        look = pybullet.createVisualShape(
            pybullet.GEOM_SPHERE,
            radius=TARGET_RADIUS_M,
            rgbaColor=TARGET_COLOUR,
            physicsClientId=client,
        )
        self._body = pybullet.createMultiBody(0.0, -1, look, physicsClientId=client)

    def redraw(self, rng: np.random.Generator) -> None:
        """Draws a target."""
        box = self.task.goal.box
        self._target = rng.uniform(box.min_m, box.max_m)
        pybullet.resetBasePositionAndOrientation(
            self._body, self._target, (0.0, 0.0, 0.0, 1.0), physicsClientId=self._client
        )

    def scene(self) -> Mapping[str, Array]:
        """`target_position_m` (3,), base frame."""
        return {"target_position_m": self._target.copy()}
