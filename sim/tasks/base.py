"""What the simulator asks of a task."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

import numpy as np

from robot_learning.contract import TaskContract
from robot_learning.hardware import Array


class SimTask(ABC):
    """The part of a scene that belongs to one task."""

    def __init__(self, task: TaskContract) -> None:
        self.task = task

    @abstractmethod
    def build(self, client: int) -> None:
        """Adds the task's bodies to the world, once."""

    @abstractmethod
    def redraw(self, rng: np.random.Generator) -> None:
        """Puts the task's bodies where `rng` says: the generator alone decides."""

    @abstractmethod
    def scene(self) -> Mapping[str, Array]:
        """Task quantities known beside the robot's state; see `Hardware.read_scene`."""
