"""What stands around every robot: floor, table and bins, all fixed, made of boxes."""

from __future__ import annotations

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

Vector = tuple[float, float, float]
Colour = tuple[float, float, float, float]


def build_table(client: int) -> int:
    """Adds the table, its top at z = 0 of the robot's base frame; its body."""
    x, y = TABLE_CENTRE_M
    return _box(client, TABLE_SIZE_M, (x, y, -TABLE_SIZE_M[2] / 2), (0.76, 0.66, 0.52, 1.0))


def build_floor(client: int) -> int:
    """Adds the floor; its body.

    Last of all, because bodies are drawn in this order and what is hidden then costs little. A box
    and not an endless plane: its bounds stay away from the arm's, so no pair is checked.
    """
    x, y = TABLE_CENTRE_M
    return _box(client, (8.0, 8.0, 0.1), (x, y, -FLOOR_BELOW_M - 0.05), (0.45, 0.46, 0.48, 1.0))


def build_bin(
    client: int, centre_m: tuple[float, float], inside_m: tuple[float, float], height_m: float
) -> list[int]:
    """Adds a bin on the table; its bodies, the bottom first.

    Args:
        client: the world.
        centre_m: x and y of its middle, base frame.
        inside_m: length along x and width along y between its walls.
        height_m: of the walls, above the table.
    """
    (x, y), (length, width) = centre_m, inside_m
    outer_length, outer_width = length + 2 * WALL_M, width + 2 * WALL_M
    bottom = (outer_length, outer_width, BOTTOM_M)
    bodies = [_box(client, bottom, (x, y, BOTTOM_M / 2), BIN_COLOUR)]
    for side in (-1, 1):
        along = (length + WALL_M) / 2 * side
        across = (width + WALL_M) / 2 * side
        size, z = (WALL_M, outer_width, height_m), height_m / 2
        bodies.append(_box(client, size, (x + along, y, z), BIN_COLOUR))
        size = (outer_length, WALL_M, height_m)
        bodies.append(_box(client, size, (x, y + across, z), BIN_COLOUR))
    for body in bodies:
        pybullet.changeDynamics(
            body,
            -1,
            contactStiffness=STIFFNESS_N_M,
            contactDamping=DAMPING_N_S_M,
            physicsClientId=client,
        )
    return bodies


def _box(client: int, size: Vector, centre: Vector, colour: Colour) -> int:
    half = [value / 2 for value in size]
    shape = pybullet.createCollisionShape(
        pybullet.GEOM_BOX, halfExtents=half, physicsClientId=client
    )
    look = pybullet.createVisualShape(
        pybullet.GEOM_BOX, halfExtents=half, rgbaColor=colour, physicsClientId=client
    )
    body: int = pybullet.createMultiBody(
        0.0, shape, look, centre, useMaximalCoordinates=1, physicsClientId=client
    )
    return body
