"""What an action asks of tool and gripper, by the task's kind of action."""

from __future__ import annotations

import math
from enum import Enum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from robot_learning.contract.actions import TcpGrasp, TcpPick, TcpTouch, TcpTranslation, TwoSpeeds

Array = NDArray[np.float64]

ActionContract = TcpTranslation | TcpTouch | TcpPick | TcpGrasp
PICK_THRESHOLD = 0.5
"""From here on, either way, the last number of a `TcpPick` action moves the fingers."""

# Of sine and cosine in an executed action: far above where doubles lose their digits.
_SIZE_MIN = 1e-6


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


def read_action(kind: ActionContract, action: Array, height_m: float) -> ToolCommand:
    """What an action means.

    Args:
        kind: of the action.
        action: each number in [-1, 1], shape (kind.size,).
        height_m: of the tool centre point above the base.
    """
    if isinstance(kind, TcpTranslation):
        return ToolCommand(action * kind.speed_max_m_s)
    grip, terminate = asked_of_gripper(kind, action)
    if terminate:
        return ToolCommand(np.zeros(3), 0.0, grip, True)
    way = shortened(action[:3])
    velocity = way * _speeds(kind, way, height_m)
    if not isinstance(kind, TcpGrasp):
        return ToolCommand(velocity, 0.0, grip)
    return ToolCommand(velocity, _turn(action) * kind.turn_speed_max_rad_s, grip)


def asked_of_gripper(kind: ActionContract, action: Array) -> tuple[Grip, bool]:
    """What an action, shape (kind.size,), wants of the gripper, and whether it is the last."""
    if isinstance(kind, TcpGrasp):
        return read_grip(action)
    grip = Grip.LEAVE
    if isinstance(kind, TcpPick) and abs(wanted := float(action[3])) >= PICK_THRESHOLD:
        grip = Grip.CLOSE if wanted > 0.0 else Grip.OPEN
    return grip, False


def read_grip(action: Array) -> tuple[Grip, bool]:
    """The same of a `TcpGrasp` action, shape (8,)."""
    close, opens, terminate = action[5:].tolist()
    grip = Grip.LEAVE
    if max(close, opens) > 0.0:
        grip = Grip.CLOSE if close >= opens else Grip.OPEN
    return grip, terminate > 0.0


def shortened(vector: Array) -> Array:
    """The vector, no longer than 1."""
    length = float(np.linalg.norm(vector))
    return vector / length if length > 1.0 else vector


def gated_action(
    kind: ActionContract,
    action: Array,
    followed_m_s: Array,
    spin_rad_s: float,
    height_m: float,
) -> Array:
    """The action, its motion replaced by what can be followed of it; the rest as it was.

    Args:
        kind: of the action.
        action: shape (kind.size,).
        followed_m_s: velocity of the tool centre point that results, shape (3,).
        spin_rad_s: turn about the base frame's z that results.
        height_m: of the tool centre point above the base.
    """
    gated = action.copy()
    if isinstance(kind, TcpTranslation):
        gated[:] = followed_m_s / kind.speed_max_m_s
    else:
        gated[:3] = followed_m_s / _speeds(kind, followed_m_s, height_m)
    if isinstance(kind, TcpGrasp):
        gated[3:5] = _turned_by(action, spin_rad_s / kind.turn_speed_max_rad_s)
    return gated


def part_of(kind: ActionContract, action: Array, share: float) -> Array:
    """The action of which only a share of the motion was done; what the gripper did was done."""
    if isinstance(kind, TcpTranslation):
        return action * share
    done = action.copy()
    done[:3] = shortened(action[:3]) * share
    if isinstance(kind, TcpGrasp):
        done[3:5] = _turned_by(action, _turn(action) * share)
    return done


def _speeds(kind: TwoSpeeds, way: Array, height_m: float) -> Array:
    """What 1 stands for along each axis, m/s, for a way that goes up or down."""
    speed = kind.speed_m_s(height_m)
    return np.array([speed, speed, kind.speed_max_m_s if way[2] > 0.0 else speed])


def _turn(action: Array) -> float:
    """The turn that sine and cosine stand for, as a part of the fastest."""
    sine, cosine = action[3:5].tolist()
    return math.atan2(sine, cosine) / math.pi if sine or cosine else 0.0


def _turned_by(action: Array, part: float) -> Array:
    """Sine and cosine, as large as the action's, of a part of the fastest turn."""
    size = math.hypot(*action[3:5].tolist())
    if 0.0 < size < _SIZE_MIN:
        size = _SIZE_MIN  # what is smaller still has an angle, which its products would lose
    return size * np.array([math.sin(part * math.pi), math.cos(part * math.pi)])


def turned(rotation: Array, angle_rad: float) -> Array:
    """A rotation matrix turned further about the base frame's z."""
    cos, sin = math.cos(angle_rad), math.sin(angle_rad)
    return np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]]) @ rotation
