"""The scene of a physical robot between two episodes: a person arranges it, targets are drawn."""

from __future__ import annotations

import numpy as np

from robot_learning.contract import Contract, PushTask, ReachTask
from robot_learning.envs.targets import draw_push_target, draw_reach_target
from robot_learning.hardware import Array


class SceneError(Exception):
    """The next episode cannot begin yet; one line: what is missing and what to do."""


class PhysicalScene:
    """Says when an episode may begin, and draws its target.

    Attributes:
        asks: whether a person must say before every episode that the scene is arranged.
    """

    def __init__(self, contract: Contract, *, asks: bool | None = None) -> None:
        """Nothing is arranged yet.

        Args:
            contract: robot and task.
            asks: None asks where the task touches objects, which somebody must put back.
        """
        self._task = contract.task
        self.asks = contract.task.touches if asks is None else asks
        self._arranged = False
        self._object_m: Array | None = None

    def arranged(self) -> None:
        """A person says that everything is in its place."""
        self._arranged = True

    def on_object(self, position_m: Array) -> None:
        """Where the object lies, as measured; (3,), base frame."""
        self._object_m = position_m

    def begin(self, seed: int) -> Array | None:
        """The target of the next episode, (3,), base frame; None where the task has none.

        Args:
            seed: the target is drawn from it alone, and from where the object lies.

        Raises:
            SceneError: a person has yet to arrange the scene, or the object was not seen.
        """
        if self.asks and not self._arranged:
            raise SceneError(
                f"waiting for a person to arrange the scene of task {self._task.name}: put "
                "everything in its place, step back, then call the service scene/arranged"
            )
        target = self._draw(np.random.default_rng(seed))
        self._arranged = False
        return target

    def _draw(self, rng: np.random.Generator) -> Array | None:
        match self._task:
            case ReachTask():
                return draw_reach_target(self._task, rng)
            case PushTask():
                if self._object_m is None:
                    raise SceneError("object_pose was not heard: does its tracker run?")
                return draw_push_target(self._task, self._object_m, rng)
            case _:
                return None
