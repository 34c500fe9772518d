"""Where in the bin something lies: where the picture has another colour than the floor's."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from robot_learning.contract import BinGraspTask, Contract, task_of
from robot_learning.perception.geometry import PictureGeometry
from robot_learning.perception.task_camera import task_camera

_PLANE_M = 0.03  # above the table: what is seen of objects is higher than the floor
_STEP_M = 0.005
_MARGIN_M = 0.02  # of the floor, next to the walls
_OTHER_COLOUR = 40  # of 255, in any channel


class BinFloor:
    """Looks at a bin whose floor has one colour, most of which is to be seen."""

    def __init__(self, contract: Contract) -> None:
        """Takes camera, bin and workspace of a contract."""
        task = task_of(contract, BinGraspTask)
        low, high = (
            np.array(task.bin.centre_m) + sign * (np.array(task.bin.size_m) / 2.0 - _MARGIN_M)
            for sign in (-1.0, 1.0)
        )
        axes = [np.arange(low[axis], high[axis], _STEP_M) for axis in (0, 1)]
        self._points_m = np.stack(np.meshgrid(*axes), -1).reshape(-1, 2)
        heights = np.full((len(self._points_m), 1), _PLANE_M)
        geometry = PictureGeometry(task_camera(contract), task.image)
        pixels = geometry.project(np.hstack((self._points_m, heights)))
        last = task.image.size_px - 1
        self._columns, self._rows = np.clip(np.rint(pixels), 0, last).astype(int).T
        box = contract.workspace
        self._reachable = (
            (self._points_m >= box.min_m[:2]) & (self._points_m <= box.max_m[:2])
        ).all(axis=1)

    def occupied(self, picture: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Points (n, 2) of the workspace where something lies, x and y in metres, base frame."""
        colours = picture[self._rows, self._columns].astype(int)
        floor = np.median(colours, axis=0)
        other = (np.abs(colours - floor) > _OTHER_COLOUR).any(axis=1)
        found: NDArray[np.float64] = self._points_m[other & self._reachable]
        return found
