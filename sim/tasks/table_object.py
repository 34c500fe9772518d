"""Lifting and pushing: a block on the table, and a mark where it is to go."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pybullet

from robot_learning.contract import Contract, LiftTask, PushTask, task_of
from robot_learning.envs.targets import draw_push_target
from robot_learning.hardware import Array
from sim.objects import ROLLING_FRICTION, SPINNING_FRICTION, Split
from sim.robot import SimRobot
from sim.scene import Worlds
from sim.tasks.base import SimTask
from sim.tasks.variation import Colour, camera_variation, some_colour

BLOCK_COLOUR: Colour = (0.80, 0.16, 0.14, 1.0)
MARK_COLOUR: Colour = (0.15, 0.60, 0.20, 1.0)
MARK_M = 0.001
"""Thickness of the mark; nothing collides with it."""


class TableObject(SimTask):
    """A block somewhere in its region, and for pushing a target away from it."""

    def __init__(self, contract: Contract, objects: Split) -> None:
        del objects  # there is one block
        self._task: LiftTask | PushTask
        if isinstance(contract.task, PushTask):
            self._task = contract.task
            self.start_width_m = contract.task.action.gripper_width_m
        else:
            self._task = task_of(contract, LiftTask)
        self._client = -1
        self._block: int | None = None
        self._mark: int | None = None
        self._target = np.zeros(3)
        self._error = np.zeros(3)

    def build(self, worlds: Worlds) -> None:
        """Makes the shapes, and the mark, a picture only."""
        self._client = client = worlds.physics
        half = [side / 2 for side in self._task.object.size_m]
        self._shape = pybullet.createCollisionShape(
            pybullet.GEOM_BOX, halfExtents=half, physicsClientId=client
        )
        self._look = pybullet.createVisualShape(
            pybullet.GEOM_BOX, halfExtents=half, rgbaColor=BLOCK_COLOUR, physicsClientId=client
        )
        if isinstance(self._task, PushTask):
            look = pybullet.createVisualShape(
                pybullet.GEOM_CYLINDER,
                radius=self._task.success.distance_max_m,
                length=MARK_M,
                rgbaColor=MARK_COLOUR,
                physicsClientId=client,
            )
            self._mark = pybullet.createMultiBody(0.0, -1, look, physicsClientId=client)

    def clear(self) -> None:
        """Takes the block out."""
        if self._block is not None:
            pybullet.removeBody(self._block, physicsClientId=self._client)
            self._block = None

    def redraw(self, rng: np.random.Generator) -> None:
        """Draws where the block lies and is to go, and what the contract varies."""
        self.clear()
        block, vary = self._task.object, self._task.randomisation
        height_m = block.size_m[2] / 2
        place = np.append(rng.uniform(block.region.min_m, block.region.max_m), height_m)
        yaw = float(rng.uniform(-block.yaw_max_rad, block.yaw_max_rad))
        mass_kg = block.mass_kg * float(rng.uniform(*vary.mass_factor))
        friction = float(rng.uniform(*vary.friction))
        colour = some_colour(rng) if vary.colours else BLOCK_COLOUR
        self._block = body = pybullet.createMultiBody(
            mass_kg,
            self._shape,
            self._look,
            place,
            (0.0, 0.0, math.sin(yaw / 2), math.cos(yaw / 2)),
            useMaximalCoordinates=1,
            physicsClientId=self._client,
        )
        # It lies still: until something touches it, it costs nothing.
        asleep = pybullet.ACTIVATION_STATE_ENABLE_SLEEPING | pybullet.ACTIVATION_STATE_SLEEP
        pybullet.changeDynamics(
            body,
            -1,
            lateralFriction=friction,
            rollingFriction=ROLLING_FRICTION,
            spinningFriction=SPINNING_FRICTION,
            activationState=asleep,
            physicsClientId=self._client,
        )
        pybullet.changeVisualShape(body, -1, rgbaColor=colour, physicsClientId=self._client)
        self._error = rng.uniform(-1.0, 1.0, 3) * vary.position_error_m
        if isinstance(self._task, PushTask):
            self._target = draw_push_target(self._task, place, rng)
            pybullet.resetBasePositionAndOrientation(
                self._mark,
                (self._target[0], self._target[1], MARK_M),
                (0.0, 0.0, 0.0, 1.0),
                physicsClientId=self._client,
            )
        self.camera_variation = camera_variation(vary, rng)
        self.extra_delay_s = float(rng.uniform(*vary.latency_s))

    def scene(self) -> Mapping[str, Array]:
        """`object_position_m` (3,), its middle as measured, base frame; `target_position_m`."""
        seen = {"object_position_m": self._position() + self._error}
        if isinstance(self._task, PushTask):
            seen["target_position_m"] = self._target.copy()
        return seen

    def truth(self, robot: SimRobot) -> Mapping[str, Array]:
        """`object_position_m` (3,), and `fingers_touching`, 0 to 2."""
        touching = 0 if self._block is None else len(robot.touching(self._block))
        return {
            "object_position_m": self._position(),
            "fingers_touching": np.array([float(touching)]),
        }

    def _position(self) -> Array:
        where = pybullet.getBasePositionAndOrientation(self._block, self._client)[0]
        return np.array(where)
