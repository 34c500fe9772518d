"""What passes between a source of requests, the controller and the wire."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from robot_learning.hardware import JointPoint
from robot_learning.safety.state_machine import SafetyMode

Array = NDArray[np.float64]


class ActionKind(IntEnum):
    """Numbers as in the messages."""

    ACTION = 0
    HOME = 1
    HOLD = 2
    JOINT_VELOCITY = 3


@dataclass(frozen=True, slots=True)
class Request:
    """What became of a request when it was made.

    Attributes:
        accepted: False when it was refused; the arm then comes to rest.
        requested: as asked, action units, shape (size,), for JOINT_VELOCITY rad/s, shape (7,);
            zeros for other kinds and when unreadable.
        gated: after the limits, as `requested`.
        limits: limits that acted, or why it was refused.
    """

    kind: ActionKind
    accepted: bool
    requested: Array
    gated: Array
    limits: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ExecutedAction:
    """What became of the newest request; see the message of that name."""

    kind: ActionKind
    requested: Array
    gated: Array
    executed: Array
    limits: tuple[str, ...]
    refused: bool


@dataclass(frozen=True, slots=True)
class Tick:
    """One tick's output.

    Attributes:
        point: commanded point one command period after the tick, or None when nothing belongs
            on the wire (disarmed, or at rest after a stop).
        mode: of the safety gate.
        reason: why it is not ARMED; empty when it is.
        limits: names of the limits that acted in this tick.
        at_rest: True when the command does not move.
    """

    point: JointPoint | None
    mode: SafetyMode
    reason: str
    limits: tuple[str, ...]
    at_rest: bool
