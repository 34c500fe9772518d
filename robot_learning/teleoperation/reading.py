"""What a device says: whether a hand is on it, what the person wants of the tool, and events."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

import numpy as np

from robot_learning.contract.actions import TcpGrasp, TcpPick
from robot_learning.control.tool_command import ActionContract, Grip
from robot_learning.replay.step import Float32

Vector3 = tuple[float, float, float]


class DeviceError(ValueError):
    """A device says what its bindings do not fit; one line: what, expected, found."""


class PersonEvent(Enum):
    """What a person says about the running episode, or to everything."""

    SUCCESS = "success"
    FAILURE = "failure"
    DISCARD = "discard"
    END = "end"
    ESTOP = "estop"


@dataclass(frozen=True, slots=True)
class Wish:
    """What the person wants of the tool for the coming control period.

    Attributes:
        velocity: parts of full speed along the base frame's x, y and z, each in [-1, 1].
        turn: part of the fastest turn about the base frame's z, in [-1, 1].
        grip: of the gripper.
    """

    velocity: Vector3 = (0.0, 0.0, 0.0)
    turn: float = 0.0
    grip: Grip = Grip.LEAVE


@dataclass(frozen=True, slots=True)
class Reading:
    """A device at one moment.

    Attributes:
        held: the dead-man is held, and a hand is on it.
        connected: the device is there, as far as can be told.
        wish: what the person wants; of no meaning while the dead-man is not held.
        note: why it is not held although it is pressed, one line; else empty.
    """

    held: bool
    connected: bool
    wish: Wish = field(default_factory=Wish)
    note: str = ""


class Device(Protocol):
    """What every device answers, whatever feeds it."""

    def reading(self, now_s: float) -> Reading:
        """How it stands at this time, steady clock."""

    def take_events(self) -> list[PersonEvent]:
        """What the person said since the last call, the oldest first."""


def to_action(kind: ActionContract, wish: Wish) -> Float32:
    """A wish in the units of the contract's action, shape (kind.size,).

    A task without turn and grip has no place for them; they are left out.
    """
    action = np.zeros(kind.size, np.float32)
    action[:3] = np.clip(wish.velocity, -1.0, 1.0)
    if isinstance(kind, TcpPick) and wish.grip is not Grip.LEAVE:
        action[3] = 1.0 if wish.grip is Grip.CLOSE else -1.0
    if isinstance(kind, TcpGrasp):
        if wish.turn:
            angle = max(-1.0, min(1.0, wish.turn)) * math.pi
            action[3:5] = math.sin(angle), math.cos(angle)
        action[5] = wish.grip is Grip.CLOSE
        action[6] = wish.grip is Grip.OPEN
    return action


def beyond(value: float, deadzone: float) -> float:
    """A stick's deflection in [-1, 1]: 0 within the dead zone, and steady from its edge on."""
    size = min(abs(value), 1.0)
    if size <= deadzone:
        return 0.0
    return math.copysign((size - deadzone) / (1.0 - deadzone), value)
