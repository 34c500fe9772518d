"""What somebody else did: files of it, and scripted experts that make some."""

from robot_learning.demonstrations.file import (
    Demonstrations,
    DemonstrationsError,
    read_demonstrations,
)

__all__ = ["Demonstrations", "DemonstrationsError", "read_demonstrations"]
