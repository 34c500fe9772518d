"""What stands around every robot: floor, table and bin, all fixed, made of boxes."""

from __future__ import annotations

import pybullet

TABLE_CENTRE_M = (0.35, 0.0)
TABLE_SIZE_M = (1.4, 1.5, 0.05)
FLOOR_BELOW_M = 0.75
"""From the table's top down to the floor; no arm here reaches that far."""
BIN_CENTRE_M = (0.45, -0.55)
BIN_SIZE_M = (0.36, 0.28, 0.10)
"""Outer length, width and height of the bin; beside the space in which the arm works."""
_WALL_M = 0.01

Vector = tuple[float, float, float]
Colour = tuple[float, float, float, float]


def build_scene(client: int) -> None:
    """Adds floor, table (its top at z = 0 of the robot's base frame) and bin."""
    x, y = TABLE_CENTRE_M
    _box(client, TABLE_SIZE_M, (x, y, -TABLE_SIZE_M[2] / 2), (0.76, 0.66, 0.52, 1.0))
    _bin(client)
    # A box and not an endless plane: its bounds stay away from the arm's, so no pair is checked.
    # Last, because bodies are drawn in this order and what is hidden then costs little.
    _box(client, (8.0, 8.0, 0.1), (x, y, -FLOOR_BELOW_M - 0.05), (0.45, 0.46, 0.48, 1.0))


def _bin(client: int) -> None:
    x, y = BIN_CENTRE_M
    length, width, height = BIN_SIZE_M
    colour = (0.30, 0.42, 0.55, 1.0)
    _box(client, (length, width, _WALL_M), (x, y, _WALL_M / 2), colour)
    for side in (-1, 1):
        along = (length - _WALL_M) / 2 * side
        across = (width - _WALL_M) / 2 * side
        _box(client, (_WALL_M, width, height), (x + along, y, height / 2), colour)
        _box(client, (length, _WALL_M, height), (x, y + across, height / 2), colour)


def _box(client: int, size: Vector, centre: Vector, colour: Colour) -> int:
    half = [value / 2 for value in size]
    shape = pybullet.createCollisionShape(
        pybullet.GEOM_BOX, halfExtents=half, physicsClientId=client
    )
    look = pybullet.createVisualShape(
        pybullet.GEOM_BOX, halfExtents=half, rgbaColor=colour, physicsClientId=client
    )
    body: int = pybullet.createMultiBody(0.0, shape, look, centre, physicsClientId=client)
    return body
