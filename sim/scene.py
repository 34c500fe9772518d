"""What stands around every robot: floor, table and bins, all fixed, made of boxes.

What never moves need not be drawn for every picture: it looks like something in a world of its own,
the backdrop, of which a camera keeps one picture.
"""

from __future__ import annotations

from typing import NamedTuple, Self

import pybullet

TABLE_CENTRE_M = (0.35, 0.0)
TABLE_SIZE_M = (1.4, 1.5, 0.05)
FLOOR_BELOW_M = 0.75
"""From the table's top down to the floor; no arm here reaches that far."""
WALL_M, BOTTOM_M = 0.01, 0.02
"""Thickness of a bin's walls, and of its bottom."""
STIFFNESS_N_M, DAMPING_N_S_M = 500.0, 20.0
"""Of a bin: foam that gives way when an object is pressed into it."""
BIN_COLOUR = (0.30, 0.42, 0.55, 1.0)

_UNSEEN_M = 1e-4
"""Side of what is drawn, inside a box, in the world where it is felt: no look means its shape's."""

Vector = tuple[float, float, float]
Colour = tuple[float, float, float, float]


class Worlds(NamedTuple):
    """Two PyBullet worlds.

    Attributes:
        physics: where everything is felt, and what moves is seen.
        backdrop: where what never moves is seen; None: nowhere.
    """

    physics: int
    backdrop: int | None = None

    @classmethod
    def connect(cls) -> Self:
        """Two new ones.

        Raises:
            RuntimeError: there are too many.
        """
        clients = [pybullet.connect(pybullet.DIRECT) for _ in range(2)]
        worlds = cls(*clients)
        if min(clients) < 0:
            worlds.close()
            raise RuntimeError("PyBullet refuses another world; close some SimHardware first")
        return worlds

    def close(self) -> None:
        """Ends both."""
        for client in self:
            if client is not None and client >= 0:
                pybullet.disconnect(physicsClientId=client)


def build_table(worlds: Worlds) -> None:
    """Adds the table, its top at z = 0 of the robot's base frame."""
    x, y = TABLE_CENTRE_M
    _box(worlds, TABLE_SIZE_M, (x, y, -TABLE_SIZE_M[2] / 2), (0.76, 0.66, 0.52, 1.0))


def build_floor(worlds: Worlds) -> None:
    """Adds the floor.

    Last of all, because bodies are drawn in this order and what is hidden then costs little. A box
    and not an endless plane: its bounds stay away from the arm's, so no pair is checked.
    """
    x, y = TABLE_CENTRE_M
    _box(worlds, (8.0, 8.0, 0.1), (x, y, -FLOOR_BELOW_M - 0.05), (0.45, 0.46, 0.48, 1.0))


def build_bin(
    worlds: Worlds, centre_m: tuple[float, float], inside_m: tuple[float, float], height_m: float
) -> list[int]:
    """Adds a bin on the table; its bodies in the backdrop, the bottom first.

    Args:
        worlds: where.
        centre_m: x and y of its middle, base frame.
        inside_m: length along x and width along y between its walls.
        height_m: of the walls, above the table.
    """
    (x, y), (length, width) = centre_m, inside_m
    outer_length, outer_width = length + 2 * WALL_M, width + 2 * WALL_M
    bottom = (outer_length, outer_width, BOTTOM_M)
    boxes = [_box(worlds, bottom, (x, y, BOTTOM_M / 2), BIN_COLOUR)]
    for side in (-1, 1):
        along = (length + WALL_M) / 2 * side
        across = (width + WALL_M) / 2 * side
        size, z = (WALL_M, outer_width, height_m), height_m / 2
        boxes.append(_box(worlds, size, (x + along, y, z), BIN_COLOUR))
        size = (outer_length, WALL_M, height_m)
        boxes.append(_box(worlds, size, (x, y + across, z), BIN_COLOUR))
    for body, _ in boxes:
        pybullet.changeDynamics(
            body,
            -1,
            contactStiffness=STIFFNESS_N_M,
            contactDamping=DAMPING_N_S_M,
            physicsClientId=worlds.physics,
        )
    return [look for _, look in boxes if look is not None]


def _box(worlds: Worlds, size: Vector, centre: Vector, colour: Colour) -> tuple[int, int | None]:
    """A body to be felt, and one to be seen."""
    half = [value / 2 for value in size]
    client = worlds.physics
    shape = pybullet.createCollisionShape(
        pybullet.GEOM_BOX, halfExtents=half, physicsClientId=client
    )
    dot = pybullet.createVisualShape(
        pybullet.GEOM_BOX, halfExtents=[_UNSEEN_M / 2] * 3, physicsClientId=client
    )
    felt: int = pybullet.createMultiBody(
        0.0, shape, dot, centre, useMaximalCoordinates=1, physicsClientId=client
    )
    if worlds.backdrop is None:
        return felt, None
    look = pybullet.createVisualShape(
        pybullet.GEOM_BOX, halfExtents=half, rgbaColor=colour, physicsClientId=worlds.backdrop
    )
    seen: int = pybullet.createMultiBody(
        0.0, -1, look, centre, useMaximalCoordinates=1, physicsClientId=worlds.backdrop
    )
    return felt, seen
