"""What the simulator asks of a task."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

import numpy as np

from robot_learning.contract import Contract
from robot_learning.contract.tabletop import PegContract
from robot_learning.hardware import Array
from sim.camera import CameraVariation
from sim.objects import Split
from sim.robot import SimRobot
from sim.scene import Worlds


class SimTask(ABC):
    """The part of a scene that belongs to one task.

    Attributes:
        camera_variation: how this episode's cameras differ from the contract's.
        extra_delay_s: how much later this episode's commands take effect.
        held: a peg between the robot's fingers.
        start_width_m: between the fingers where an episode begins; None: as far as they open.
    """

    camera_variation: CameraVariation | None = None
    extra_delay_s: float = 0.0
    held: PegContract | None = None
    start_width_m: float | None = None

    @abstractmethod
    def __init__(self, contract: Contract, objects: Split) -> None:
        """Takes what it needs.

        Args:
            contract: robot and task.
            objects: which objects lie about, where the task has some.
        """

    @abstractmethod
    def build(self, worlds: Worlds) -> None:
        """Adds the task's lasting bodies, once."""

    @abstractmethod
    def clear(self) -> None:
        """Takes out the bodies that `redraw` put in."""

    @abstractmethod
    def redraw(self, rng: np.random.Generator) -> None:
        """Draws a scene: the generator alone decides. What was drawn before is cleared."""

    @abstractmethod
    def scene(self) -> Mapping[str, Array]:
        """Task quantities known beside the robot's state; see `Hardware.read_scene`."""

    def truth(self, robot: SimRobot) -> Mapping[str, Array]:
        """What only a simulator knows, to check against what a robot believes; none by default."""
        del robot
        return {}
