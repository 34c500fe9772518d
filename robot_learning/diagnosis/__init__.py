"""What a machine must have for the main job, checked one fact at a time."""

from robot_learning.diagnosis.check import Check, Status

__all__ = ["Check", "Status"]
