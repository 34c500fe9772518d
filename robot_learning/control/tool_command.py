"""What an action asks of tool and gripper, by the task's kind of action."""

from __future__ import annotations

import math
from enum import Enum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from robot_learning.contract.actions import TcpGrasp, TcpTranslation

Array = NDArray[np.float64]


class Grip(Enum):
    """What the gripper is to do."""

    LEAVE = "leave"
    OPEN = "open"
    CLOSE = "close"


class ToolCommand(NamedTuple):
    """An action's meaning, for one control period.

    Attributes:
        velocity_m_s: of the tool centre point, base frame, shape (3,).
        spin_rad_s: about the base frame's z.
        grip: of the gripper.
        terminate: the actor ends the episode here.
    """

    velocity_m_s: Array
    spin_rad_s: float = 0.0
    grip: Grip = Grip.LEAVE
    terminate: bool = False


def read_action(kind: TcpTranslation | TcpGrasp, action: Array) -> ToolCommand:
    """What an action means; each number in [-1, 1], shape (kind.size,)."""
    if isinstance(kind, TcpTranslation):
        return ToolCommand(action * kind.speed_max_m_s)
    sine, cosine, close, opens, terminate = action[3:].tolist()
    spin = math.atan2(sine, cosine) / math.pi if sine or cosine else 0.0
    grip = Grip.LEAVE
    if max(close, opens) > 0.0:
        grip = Grip.CLOSE if close >= opens else Grip.OPEN
    if terminate > 0.0:
        return ToolCommand(np.zeros(3), 0.0, grip, True)
    velocity = shortened(action[:3]) * kind.speed_max_m_s
    return ToolCommand(velocity, spin * kind.turn_speed_max_rad_s, grip)


def shortened(vector: Array) -> Array:
    """The vector, no longer than 1."""
    length = float(np.linalg.norm(vector))
    return vector / length if length > 1.0 else vector


def gated_action(kind: TcpTranslation | TcpGrasp, action: Array, followed_m_s: Array) -> Array:
    """The action, its translation replaced by what can be followed of it."""
    gated = action.copy()
    gated[:3] = followed_m_s / kind.speed_max_m_s
    return gated


def turned(rotation: Array, angle_rad: float) -> Array:
    """A rotation matrix turned further about the base frame's z."""
    cos, sin = math.cos(angle_rad), math.sin(angle_rad)
    return np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]]) @ rotation
