"""A peg between the fingers, and a socket that stands somewhere else in every episode."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pybullet

from robot_learning.contract import Contract, InsertionTask, task_of
from robot_learning.hardware import Array
from sim.objects import Split
from sim.robot import SimRobot
from sim.scene import Worlds
from sim.tasks.base import SimTask
from sim.tasks.variation import Colour, camera_variation, some_colour

SOCKET_COLOUR: Colour = (0.25, 0.35, 0.60, 1.0)


class Insertion(SimTask):
    """The socket is one fixed body: four walls around the hole, and the base that they stand on."""

    def __init__(self, contract: Contract, objects: Split) -> None:
        del objects  # there are none
        self._task = task_of(contract, InsertionTask)
        self.held = self._task.peg
        self.start_width_m = self._task.action.gripper_width_m
        self._client = -1
        self._socket: int | None = None
        self._mouth = np.zeros(3)
        self._error = np.zeros(3)

    def build(self, worlds: Worlds) -> None:
        """Makes the shapes of walls and base."""
        self._client = worlds.physics
        socket = self._task.socket
        hole, side, half_height = socket.hole_width_m, socket.side_m, socket.height_m / 2
        wall = (side - hole) / 2  # thickness
        out = (hole + wall) / 2  # of its middle from the hole's axis
        half_base = socket.base_height_m[1] / 2  # what is too much of it is inside the table
        halves = [[wall / 2, side / 2, half_height]] * 2 + [[hole / 2, wall / 2, half_height]] * 2
        places = [[out, 0.0, 0.0], [-out, 0.0, 0.0], [0.0, out, 0.0], [0.0, -out, 0.0]]
        if half_base > 0.0:
            halves.append([side / 2, side / 2, half_base])
            places.append([0.0, 0.0, -half_height - half_base])
        boxes = [pybullet.GEOM_BOX] * len(halves)
        self._shape = pybullet.createCollisionShapeArray(
            shapeTypes=boxes,
            halfExtents=halves,
            collisionFramePositions=places,
            physicsClientId=self._client,
        )
        self._look = pybullet.createVisualShapeArray(
            shapeTypes=boxes,
            halfExtents=halves,
            rgbaColors=[SOCKET_COLOUR] * len(halves),
            visualFramePositions=places,
            physicsClientId=self._client,
        )

    def clear(self) -> None:
        """Takes the socket out."""
        if self._socket is not None:
            pybullet.removeBody(self._socket, physicsClientId=self._client)
            self._socket = None

    def redraw(self, rng: np.random.Generator) -> None:
        """Draws where the socket stands, and what the contract varies."""
        self.clear()
        socket, vary, client = self._task.socket, self._task.randomisation, self._client
        x, y = rng.uniform(socket.region.min_m, socket.region.max_m).tolist()
        base_m = float(rng.uniform(*socket.base_height_m))
        yaw = float(rng.uniform(-socket.yaw_max_rad, socket.yaw_max_rad))
        self._mouth = np.array([x, y, base_m + socket.height_m])
        self._socket = body = pybullet.createMultiBody(
            0.0,
            self._shape,
            self._look,
            (x, y, base_m + socket.height_m / 2),
            (0.0, 0.0, math.sin(yaw / 2), math.cos(yaw / 2)),
            useMaximalCoordinates=1,
            physicsClientId=client,
        )
        pybullet.changeDynamics(
            body,
            -1,
            lateralFriction=float(rng.uniform(*vary.friction)),
            contactStiffness=socket.stiffness_n_m,
            contactDamping=socket.damping_n_s_m,
            activationState=pybullet.ACTIVATION_STATE_SLEEP,
            physicsClientId=client,
        )
        colour = some_colour(rng) if vary.colours else SOCKET_COLOUR
        pybullet.changeVisualShape(body, -1, rgbaColor=colour, physicsClientId=client)
        self._error = rng.uniform(-1.0, 1.0, 3) * vary.position_error_m
        self.camera_variation = camera_variation(vary, rng)
        self.extra_delay_s = float(rng.uniform(*vary.latency_s))

    def scene(self) -> Mapping[str, Array]:
        """`target_position_m` (3,): the middle of the hole's mouth as measured, base frame."""
        return {"target_position_m": self._mouth + self._error}

    def truth(self, robot: SimRobot) -> Mapping[str, Array]:
        """`depth_m` of the peg's tip below the mouth, `offset_m` from the hole's axis (1,)."""
        tip = robot.tcp_pose()
        position = tip[:3, 3] + self._task.peg.below_tcp_m * tip[:3, 2]
        away = position - self._mouth
        return {
            "depth_m": np.array([-away[2]]),
            "offset_m": np.array([float(np.hypot(away[0], away[1]))]),
            "target_position_m": self._mouth.copy(),
        }
