"""Arms that do not speak ros2_control's topics: one protocol, and a file for each kind."""

from robot_learning.backends.base import ArmBackend, BackendError, BackendListener
from robot_learning.backends.open import BACKENDS, open_backend

__all__ = ["BACKENDS", "ArmBackend", "BackendError", "BackendListener", "open_backend"]
