"""What is seen at one moment: a picture and the arm's state at the picture's time.

Policy and reward monitor both join the two here, and refuse here what no decision may rest on.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from robot_learning.contract import BinGraspTask, Contract, task_of
from robot_learning.hardware import RobotState
from robot_learning.perception.image_pipeline import ImageError, require_light

Image = NDArray[np.uint8]
_STATES_KEPT = 64
_STATE_PERIODS_APART = 1.5


class Seen(NamedTuple):
    """One moment.

    Attributes:
        stamp_s: of the picture, on the source's clock.
        state: of the arm, measured then.
        picture: shape (size, size, 3).
    """

    stamp_s: float
    state: RobotState
    picture: Image


class Sight:
    """Joins pictures to states by their stamps.

    Attributes:
        blind: why nothing is seen at present, one line; None while pictures are good.
    """

    def __init__(self, contract: Contract, clock: Callable[[], float]) -> None:
        """Begins blind.

        Args:
            contract: of a task with a picture.
            clock: seconds on a steady clock.
        """
        task = task_of(contract, BinGraspTask)
        cameras = {camera.name: camera for camera in contract.robot.cameras}
        self._name = task.image.camera
        self._age_max_s = min(task.action_age_max_s, cameras[self._name].age_max_s)
        self._shape = (task.image.size_px, task.image.size_px, 3)
        self._apart_s = _STATE_PERIODS_APART / contract.robot.rates.state_hz
        self._clock = clock
        self._states: deque[RobotState] = deque(maxlen=_STATES_KEPT)
        self._waiting: tuple[float, Image] | None = None
        self._good_s = clock()
        self.blind: str | None = f"no picture yet from {self._name}: is the camera node running?"

    def silent_s(self) -> float:
        """Time since the last good picture came in, or since the beginning."""
        return self._clock() - self._good_s

    def refuse(self, reason: str) -> None:
        """A picture came that cannot be used, or none when one was due."""
        self.blind, self._waiting = reason, None

    def forget(self) -> None:
        """The clock of the stamps began anew."""
        self._states.clear()
        self._waiting = None

    def on_state(self, state: RobotState) -> Seen | None:
        """A measurement; the moment that it completes."""
        self._states.append(state)
        return self._join()

    def on_picture(self, stamp_s: float, picture: Image) -> Seen | None:
        """A picture; the moment that it completes, now or with a later state.

        Args:
            stamp_s: when it was taken, on the source's clock.
            picture: RGB.

        Raises:
            ImageError: it has another size, shows nothing or is too old.
        """
        try:
            self._require_usable(stamp_s, picture)
        except ImageError as error:
            self.refuse(str(error))
            raise
        self.blind, self._good_s = None, self._clock()
        self._waiting = stamp_s, picture
        return self._join()

    def _require_usable(self, stamp_s: float, picture: Image) -> None:
        if picture.shape != self._shape or picture.dtype != np.uint8:
            raise ImageError(
                f"picture of {self._name} has shape {picture.shape}; the contract's is "
                f"{self._shape}: start the camera node with this robot and task"
            )
        require_light(picture)
        age_s = self._states[-1].stamp_s - stamp_s if self._states else 0.0
        if age_s > self._age_max_s + 1e-9:
            raise ImageError(
                f"picture of {self._name} is {age_s:.3f} s old (limit {self._age_max_s} s): is the "
                "machine too slow for the camera, or are the clocks apart?"
            )

    def _join(self) -> Seen | None:
        if self._waiting is None or not self._states:
            return None
        stamp_s, picture = self._waiting
        if self._states[-1].stamp_s < stamp_s - 1e-6:
            return None  # its state is still to come
        state = min(self._states, key=lambda state: abs(state.stamp_s - stamp_s))
        self._waiting = None
        if abs(state.stamp_s - stamp_s) > self._apart_s:
            return None  # from before this node listened
        return Seen(stamp_s, state, picture)
