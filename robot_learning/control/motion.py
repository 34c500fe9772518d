"""The two small values that control and safety pass to each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class Motion(NamedTuple):
    """Commanded joint state at one instant; each array has shape (7,)."""

    position: Array  # rad
    velocity: Array  # rad/s
    acceleration: Array  # rad/s2

    @property
    def at_rest(self) -> bool:
        """True when the command does not move (exactly: profiles end in zeros)."""
        return not (any(self.velocity.tolist()) or any(self.acceleration.tolist()))


@dataclass(frozen=True, slots=True)
class JointTarget:
    """What the joint stream heads for: a velocity to take up, or a position to come to rest at.

    Attributes:
        velocity_rad_s: joint velocity to reach and keep, shape (7,).
        position_rad: joint position to stop at, shape (7,); used when no velocity is given.
        speed_fraction: part of the joint velocity limits to use on the way to a position.
    """

    velocity_rad_s: Array | None = None
    position_rad: Array | None = None
    speed_fraction: float = 1.0
