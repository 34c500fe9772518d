"""A new scene: asked for, redrawn, and its goal seen."""

from __future__ import annotations

import numpy as np

from robot_learning.hardware import Array
from robot_learning.replay.step import Float32


class SceneReset:
    """Waits for the reset's answer and for a goal that is not of the scene before."""

    def __init__(self) -> None:
        self._stamp_s: float | None = None
        self._target: tuple[float, Array] | None = None

    def begin(self) -> None:
        """A reset is about to be asked for, or no longer wanted."""
        self._stamp_s = None

    def on_reset(self, stamp_s: float) -> None:
        """The scene was redrawn at this stamp."""
        self._stamp_s = stamp_s

    def on_target(self, stamp_s: float, position_m: Array) -> None:
        """The goal of the task, base frame."""
        self._target = (stamp_s, np.asarray(position_m, dtype=np.float64))

    def forget_target(self) -> None:
        """The clock of the stamps began anew."""
        self._target = None

    def goal(self) -> Float32 | None:
        """The goal of the new scene, once it is there."""
        if self._stamp_s is None or self._target is None:
            return None
        if self._target[0] < self._stamp_s - 1e-9:
            return None
        return self._target[1].astype(np.float32)

    def missing(self) -> str:
        """What it waits for."""
        return "reset" if self._stamp_s is None else "target_pose after the reset"
