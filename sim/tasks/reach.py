"""Reach: a red ball in the air marks the target; nothing collides with it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pybullet

from robot_learning.contract import Contract, ReachTask, task_of
from robot_learning.envs.targets import draw_reach_target
from robot_learning.hardware import Array
from sim.objects import Split
from sim.scene import Worlds, build_bin
from sim.tasks.base import SimTask

BIN_CENTRE_M = (0.45, -0.55)
BIN_INSIDE_M = (0.34, 0.26)
BIN_HEIGHT_M = 0.10
"""The bin stands beside the space in which the arm works."""
TARGET_RADIUS_M = 0.02
TARGET_COLOUR = (0.9, 0.1, 0.1, 1.0)


class Reach(SimTask):
    """Targets uniform in the contract's goal box."""

    def __init__(self, contract: Contract, objects: Split) -> None:
        del objects  # there are none
        self._task = task_of(contract, ReachTask)
        self._client = -1
        self._body = -1
        self._target = np.zeros(3)

    def build(self, worlds: Worlds) -> None:
        """Adds the bin, and the ball, a picture only."""
        self._client = client = worlds.physics
        build_bin(worlds, BIN_CENTRE_M, BIN_INSIDE_M, BIN_HEIGHT_M)
        look = pybullet.createVisualShape(
            pybullet.GEOM_SPHERE,
            radius=TARGET_RADIUS_M,
            rgbaColor=TARGET_COLOUR,
            physicsClientId=client,
        )
        self._body = pybullet.createMultiBody(0.0, -1, look, physicsClientId=client)

    def clear(self) -> None:
        """Nothing to do: the ball stays and is only moved."""

    def redraw(self, rng: np.random.Generator) -> None:
        """Draws a target."""
        self._target = draw_reach_target(self._task, rng)
        pybullet.resetBasePositionAndOrientation(
            self._body, self._target, (0.0, 0.0, 0.0, 1.0), physicsClientId=self._client
        )

    def scene(self) -> Mapping[str, Array]:
        """`target_position_m` (3,), base frame."""
        return {"target_position_m": self._target.copy()}
