"""What a contract lets vary from one episode to the next, drawn."""

from __future__ import annotations

import math

import numpy as np

from robot_learning.contract.grasp import Randomisation
from sim.camera import LIGHT_FROM, CameraVariation

Colour = tuple[float, float, float, float]


def camera_variation(vary: Randomisation, rng: np.random.Generator) -> CameraVariation:
    """How an episode's cameras and light differ from the contract's."""
    light = np.array(LIGHT_FROM) / np.linalg.norm(LIGHT_FROM)
    tilt = rng.uniform(-1.0, 1.0, 3) * math.tan(vary.light_direction_rad)
    x, y, z = (light + tilt * [1.0, 1.0, 0.0]).tolist()
    shift = rng.uniform(-1.0, 1.0, (2, 3)) * [[vary.camera_position_m], [vary.camera_look_at_m]]
    position, look_at = shift.tolist()
    return CameraVariation(
        position_m=(position[0], position[1], position[2]),
        look_at_m=(look_at[0], look_at[1], look_at[2]),
        fov_factor=float(rng.uniform(*vary.camera_fov_factor)),
        light_from=(x, y, z),
        ambient=float(rng.uniform(*vary.light_ambient)),
    )


def some_colour(rng: np.random.Generator) -> Colour:
    """Any colour that is neither black nor white."""
    red, green, blue = rng.uniform(0.05, 0.95, 3).tolist()
    return red, green, blue, 1.0
