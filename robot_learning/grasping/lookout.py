"""Where pictures come from: in lockstep they are asked for, in real time they may fall silent."""

from __future__ import annotations

import math
from collections.abc import Callable

from robot_learning.contract import Contract
from robot_learning.perception.sight import Sight
from robot_learning.perception.task_camera import task_camera

_LOOK_AGAIN_S = 0.5
_SILENT_PERIODS = 3.0


class Lookout:
    """Asks for pictures, or watches for their absence.

    Attributes:
        camera: name of the camera.
    """

    def __init__(
        self,
        contract: Contract,
        sight: Sight,
        look: Callable[[], None],
        *,
        clock: Callable[[], float],
        lockstep: bool,
    ) -> None:
        """Asks for nothing yet.

        Args:
            contract: robot and task.
            sight: what takes the pictures.
            look: asks the camera for one.
            clock: seconds on a steady clock.
            lockstep: pictures come only when they are asked for.
        """
        self.camera = task_camera(contract).name
        self._silent_s = _SILENT_PERIODS * contract.control_period_s
        self._sight, self._ask, self._clock, self._lockstep = sight, look, clock, lockstep
        self._asked_s = -math.inf  # steady clock
        self._asked_at_s = -math.inf  # stamp of the state at which a picture was asked for

    def forget(self) -> None:
        """Nothing was asked for."""
        self._asked_at_s = -math.inf
        self._asked_s = self._clock()

    def look(self) -> None:
        """In lockstep: asks for a picture."""
        if self._lockstep:
            self._asked_s = self._clock()
            self._ask()

    def look_once(self, stamp_s: float) -> None:
        """In lockstep: asks for a picture of the state with this stamp, unless it did before."""
        if stamp_s > self._asked_at_s:
            self._asked_at_s = stamp_s
            self.look()

    def look_again(self) -> None:
        """In lockstep: asks anew for one that has not come for a while."""
        if self._clock() - self._asked_s > _LOOK_AGAIN_S:
            self.look()

    def silence(self) -> str | None:
        """In real time: that no good picture came for three control periods, in one line."""
        silent_s = self._sight.silent_s()
        if self._lockstep or silent_s <= self._silent_s:
            return None
        return (
            f"no picture from {self.camera} for {silent_s:.1f} s: is the camera plugged in, and "
            "its node running?"
        )
