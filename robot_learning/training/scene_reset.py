"""A new scene: asked for, redrawn, and its target seen where it has one."""

from __future__ import annotations

import numpy as np

from robot_learning.contract import Contract
from robot_learning.hardware import Array, Scene
from robot_learning.replay.step import Float32


class SceneReset:
    """Waits for the reset's answer and for a target that is not of the scene before.

    Attributes:
        stamp_s: when the scene was redrawn; None while the answer is awaited.
    """

    def __init__(self, contract: Contract) -> None:
        self._has_target = "target_position_m" in contract.task.scene
        self.stamp_s: float | None = None
        self._target: tuple[float, Array] | None = None

    def begin(self) -> None:
        """A reset is about to be asked for, or no longer wanted."""
        self.stamp_s = None

    def on_reset(self, stamp_s: float) -> None:
        """The scene was redrawn at this stamp."""
        self.stamp_s = stamp_s

    def on_target(self, stamp_s: float, position_m: Array) -> None:
        """The target of the task, base frame."""
        self._target = (stamp_s, np.asarray(position_m, dtype=np.float64))

    def forget_target(self) -> None:
        """The clock of the stamps began anew."""
        self._target = None

    def scene(self) -> Scene | None:
        """What lasts of the new scene, `target_position_m`, once it is there."""
        if self.stamp_s is None:
            return None
        if not self._has_target:
            return {}
        if self._target is None or self._target[0] < self.stamp_s - 1e-9:
            return None
        return {"target_position_m": self._target[1]}

    def goal(self) -> Float32 | None:
        """The target of the new scene, as a goal, once it is there."""
        scene = self.scene()
        return None if not scene else scene["target_position_m"].astype(np.float32)

    def missing(self) -> str:
        """What it waits for."""
        return "reset" if self.stamp_s is None else "target_pose after the reset"
