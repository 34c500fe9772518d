"""Bin grasping: objects in a bin under the arm, and everything about them that may vary."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pybullet

from robot_learning.contract import BinGraspTask, Contract, task_of
from robot_learning.hardware import Array
from sim.layouts import LAYOUTS, Placed, layout
from sim.objects import ObjectShapes, Split
from sim.scene import BIN_COLOUR, Worlds, build_bin
from sim.tasks.base import SimTask
from sim.tasks.variation import Colour, camera_variation, some_colour

_QUARTER = math.pi / 2
_SHADE = 0.15  # largest change of the bin's colour, a channel


class BinGrasp(SimTask):
    """A layout of objects in the contract's bin."""

    def __init__(self, contract: Contract, objects: Split) -> None:
        self._task = task_of(contract, BinGraspTask)
        self._split = objects
        self._client = -1
        self._backdrop: int | None = None
        self._bin: list[int] = []
        self._bodies: list[int] = []
        self._numbers: list[int] = []  # of their objects

    def build(self, worlds: Worlds) -> None:
        """Adds the bin."""
        self._client, self._backdrop = worlds.physics, worlds.backdrop
        self._shapes = ObjectShapes(self._client, self._task.objects.scale)
        box = self._task.bin
        self._bin = build_bin(worlds, box.centre_m, box.size_m, box.wall_height_m)

    def clear(self) -> None:
        """Takes the objects out."""
        for body in self._bodies:
            pybullet.removeBody(body, physicsClientId=self._client)
        self._bodies, self._numbers = [], []

    def redraw(self, rng: np.random.Generator) -> None:
        """Draws a layout, turned by quarters in a square bin, and what the contract varies."""
        self.clear()
        number = int(rng.integers(LAYOUTS[self._split]))
        square = self._task.bin.size_m[0] == self._task.bin.size_m[1]
        turned = int(rng.integers(4)) * _QUARTER if square else 0.0
        vary = self._task.randomisation
        for placed in layout(self._task, self._split, number):
            self._bodies.append(self._put(placed, turned, rng))
            self._numbers.append(placed.number)
        shade = rng.uniform(-_SHADE, _SHADE, 3) if vary.colours else np.zeros(3)
        red, green, blue = np.clip(np.add(BIN_COLOUR[:3], shade), 0.0, 1.0).tolist()
        for body in self._bin:
            pybullet.changeVisualShape(
                body, -1, rgbaColor=(red, green, blue, 1.0), physicsClientId=self._backdrop
            )
        self.camera_variation = camera_variation(vary, rng)
        self.extra_delay_s = float(rng.uniform(*vary.latency_s))

    def scene(self) -> Mapping[str, Array]:
        """`object_position_m` (n, 3): the middles of the objects, base frame; `object_number`."""
        positions = [
            pybullet.getBasePositionAndOrientation(body, self._client)[0] for body in self._bodies
        ]
        return {
            "object_position_m": np.array(positions, float).reshape(-1, 3),
            "object_number": np.array(self._numbers, float),
        }

    def _put(self, placed: Placed, turned: float, rng: np.random.Generator) -> int:
        vary = self._task.randomisation
        x, y, z = placed.position_m
        cos, sin = math.cos(turned), math.sin(turned)
        centre = self._task.bin.centre_m
        position = (centre[0] + cos * x - sin * y, centre[1] + sin * x + cos * y, z)
        half = (0.0, 0.0, math.sin(turned / 2), math.cos(turned / 2))
        _, quaternion = pybullet.multiplyTransforms(
            (0.0, 0.0, 0.0), half, (0.0, 0.0, 0.0), placed.quaternion
        )
        rgba: Colour | None = None
        if vary.colours:
            rgba = some_colour(rng)
        return self._shapes.make(
            placed.number,
            position,
            quaternion,
            mass_factor=float(rng.uniform(*vary.mass_factor)),
            friction=float(rng.uniform(*vary.friction)),
            rgba=rgba,
            asleep=True,
        )
