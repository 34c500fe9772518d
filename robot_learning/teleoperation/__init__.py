"""People's devices: what their wire says, what it asks of the arm, and whether a hand is there.

Everything here is plain: bytes or numbers and a time go in, a `Reading` and events come out.
"""

from robot_learning.teleoperation.bindings import Bindings, load_bindings
from robot_learning.teleoperation.gamepad_bindings import GamepadBindings
from robot_learning.teleoperation.keyboard_bindings import KeyboardBindings
from robot_learning.teleoperation.leader_bindings import LeaderBindings
from robot_learning.teleoperation.reading import DeviceError, PersonEvent, Reading, Wish, to_action
from robot_learning.teleoperation.spacemouse_bindings import SpaceMouseBindings

__all__ = [
    "Bindings",
    "DeviceError",
    "GamepadBindings",
    "KeyboardBindings",
    "LeaderBindings",
    "PersonEvent",
    "Reading",
    "SpaceMouseBindings",
    "Wish",
    "load_bindings",
    "to_action",
]
