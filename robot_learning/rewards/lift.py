"""Whether something is held above the bin, by what the robot itself knows.

Three things must agree: the tool is high, the closed fingers are kept apart, and the picture of
the bin is no longer what it was. Each alone can be fooled: an empty hand is high too, fingers jam
on a wall, and a pushed object also changes the picture.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from robot_learning.contract import BinGraspTask, Contract, task_of
from robot_learning.hardware import Array, RobotState
from robot_learning.kinematics import ArmKinematics
from robot_learning.perception.geometry import PictureGeometry

Image = NDArray[np.uint8]
CHANGED_LEVELS = 24
"""A pixel has changed when a colour of it moved by more, of 255."""
STILL_M_S = 0.01
"""Fingers that are slower have come to rest."""
# What the hand hides is not judged: around its axis, from the fingertips up.
_FINGERS_RADIUS_M, _FINGERS_LENGTH_M = 0.06, 0.05
_HAND_RADIUS_M, _HAND_LENGTH_M = 0.11, 0.30


class LiftJudgement(NamedTuple):
    """What speaks for a held lift.

    Attributes:
        high: the tool is above the contract's height.
        held: the fingers rest apart as by an object.
        changed: part of the bin's visible pixels that differ from the beginning.
        success: all three.
    """

    high: bool
    held: bool
    changed: float
    success: bool


class LiftStep(NamedTuple):
    """What a step gives.

    Attributes:
        reward: 1 for a held lift at the end, less the penalty of every step.
        terminated: the task itself ended.
        truncated: it was cut.
    """

    reward: float
    terminated: bool
    truncated: bool


def lift_step(
    task: BinGraspTask, *, asked_to_end: bool, last: bool, success: bool, fault: bool = False
) -> LiftStep:
    """Judges a step.

    Args:
        task: of the contract.
        asked_to_end: the action ended the episode.
        last: no step follows, for whatever reason.
        success: something is held above the bin; only the last step may say so.
        fault: the arm stands still for safety, which ends the task: what led there is worth
            nothing, and is to be avoided like any other failure.
    """
    success = success and not fault
    terminated = asked_to_end or success or fault
    truncated = not terminated and last
    return LiftStep(float(success) - task.success.step_penalty, terminated, truncated)


class LiftJudge:
    """Judges states of one episode against its beginning."""

    def __init__(self, contract: Contract, kinematics: ArmKinematics) -> None:
        self._task = task_of(contract, BinGraspTask)
        self._kinematics = kinematics
        cameras = {camera.name: camera for camera in contract.robot.cameras}
        self._geometry = PictureGeometry(cameras[self._task.image.camera], self._task.image)
        self._bin = self._bin_mask()
        self._first: tuple[NDArray[np.int16], NDArray[np.bool_]] | None = None

    def begin(self, state: RobotState, picture: Image) -> None:
        """Takes the picture that later ones are compared with, shape (size, size, 3)."""
        self._first = picture.astype(np.int16), self._visible(state)

    def judge(self, state: RobotState, closed: bool, picture: Image) -> LiftJudgement:
        """Judges a state.

        Args:
            state: measured.
            closed: the gripper was last told to close.
            picture: of that state.

        Raises:
            RuntimeError: before `begin`.
        """
        if self._first is None:
            raise RuntimeError("judge() before begin()")
        wanted = self._task.success
        height_m = float(self._kinematics.tcp_position(state.position_rad)[2])
        high = height_m >= wanted.height_min_m
        apart = wanted.width_min_m <= state.gripper_width_m <= wanted.width_max_m
        still = abs(state.gripper_speed_m_s) < STILL_M_S  # and not on their way to close
        held = closed and still and apart
        before, seen_before = self._first
        visible = seen_before & self._visible(state)
        moved = np.abs(picture.astype(np.int16) - before).max(axis=2) > CHANGED_LEVELS
        changed = float(moved[visible].mean()) if visible.any() else 0.0
        success = high and held and changed >= wanted.changed_min
        return LiftJudgement(high, held, changed, success)

    def _visible(self, state: RobotState) -> NDArray[np.bool_]:
        """Pixels of the bin that the hand does not hide."""
        position, rotation = self._kinematics.tcp_pose(state.position_rad)
        hidden = np.zeros(self._bin.shape, np.uint8)
        for along in np.linspace(0.0, _HAND_LENGTH_M, 13):
            point: Array = position - along * rotation[:, 2]
            column, row = (round(float(value)) for value in self._geometry.project(point))
            radius_m = _FINGERS_RADIUS_M if along < _FINGERS_LENGTH_M else _HAND_RADIUS_M
            radius = round(radius_m * self._geometry.pixels_per_metre(point))
            cv2.circle(hidden, (column, row), radius, 1, cv2.FILLED)
        visible: NDArray[np.bool_] = self._bin & (hidden == 0)
        return visible

    def _bin_mask(self) -> NDArray[np.bool_]:
        box, size = self._task.bin, self._task.image.size_px
        half = np.array(box.size_m) / 2
        corners = [(-1, -1), (1, -1), (1, 1), (-1, 1)]
        floor = [np.append(np.array(box.centre_m) + half * corner, 0.0) for corner in corners]
        outline = np.round(self._geometry.project(np.array(floor))).astype(np.int32)
        mask = np.zeros((size, size), np.uint8)
        cv2.fillConvexPoly(mask, outline, 1)
        return mask > 0
