"""Judges states of tasks that are seen in numbers, by what the robot itself knows.

Environment and reward monitor judge with the same code: state and scene in, reward out. Nothing
here is told what only a simulator knows.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import NamedTuple

import numpy as np

from robot_learning.contract import (
    Contract,
    ContractError,
    InsertionTask,
    LiftTask,
    PushTask,
    ReachTask,
    StateTask,
    task_of,
)
from robot_learning.hardware import RobotState, Scene
from robot_learning.kinematics import ArmKinematics
from robot_learning.rewards.goal import GoalReward
from robot_learning.rewards.lift import STILL_M_S


class Judged(NamedTuple):
    """What a state is worth.

    Attributes:
        reward: of the state.
        success: the task's success condition holds, its hold time included where it has one.
        terminated: the task ends here.
        distance_m: to the goal; NaN for tasks without one.
    """

    reward: float
    success: bool
    terminated: bool
    distance_m: float


class StateJudge(ABC):
    """Judges the states of one episode after the other, in order."""

    @abstractmethod
    def begin(self) -> None:
        """An episode begins: nothing has been held yet."""

    @abstractmethod
    def judge(self, state: RobotState, scene: Scene) -> Judged:
        """Judges a state with the scene measured at the same moment.

        Raises:
            KeyError: the scene lacks something that `contract.task.scene` names.
        """


class GoalJudge(StateJudge):
    """Reaching and pushing: 0 within the contract's distance of the goal, else -1; no end."""

    def __init__(self, task: ReachTask | PushTask, kinematics: ArmKinematics) -> None:
        self._kinematics = None if isinstance(task, PushTask) else kinematics
        self._reward = GoalReward(task)

    def begin(self) -> None:
        """Every state counts alike."""

    def judge(self, state: RobotState, scene: Scene) -> Judged:
        """See `StateJudge.judge`."""
        if self._kinematics is None:
            place = scene["object_position_m"]
        else:
            place = self._kinematics.tcp_position(state.position_rad)
        # Rounded as goals are in steps, so that relabelling finds the same.
        achieved, desired = place.astype(np.float32), scene["target_position_m"].astype(np.float32)
        success = bool(self._reward.success(achieved, desired))
        reward = float(self._reward.reward(achieved, desired))
        return Judged(reward, success, False, float(self._reward.distance_m(achieved, desired)))


class HoldingJudge(StateJudge):
    """A condition that must hold for a while; then the reward is 1 and the task ends."""

    def __init__(self, hold_s: float) -> None:
        self._hold_s = hold_s
        self._since_s: float | None = None
        self._newest_s = -math.inf

    def begin(self) -> None:
        """Nothing has been held yet."""
        self._since_s = None

    def judge(self, state: RobotState, scene: Scene) -> Judged:
        """See `StateJudge.judge`."""
        if state.stamp_s < self._newest_s:  # the clock of the stamps began anew
            self._since_s = None
        self._newest_s = state.stamp_s
        if not self.holds(state, scene):
            self._since_s = None
        elif self._since_s is None:
            self._since_s = state.stamp_s
        since_s = self._since_s
        success = since_s is not None and state.stamp_s - since_s >= self._hold_s - 1e-6
        return Judged(float(success), success, success, math.nan)

    @abstractmethod
    def holds(self, state: RobotState, scene: Scene) -> bool:
        """Whether the condition holds at this moment."""


class HeldJudge(HoldingJudge):
    """Lifting: the object is high, in the hand, and keeps the fingers apart.

    Each alone can be fooled: a thrown object is high, an empty hand is near it, and fingers jam.
    """

    def __init__(self, task: LiftTask, kinematics: ArmKinematics) -> None:
        super().__init__(task.success.hold_s)
        self._wanted = task.success
        self._kinematics = kinematics

    def holds(self, state: RobotState, scene: Scene) -> bool:
        """See `HoldingJudge.holds`."""
        wanted, place = self._wanted, scene["object_position_m"]
        if not place[2] >= wanted.height_min_m:
            return False
        tool = self._kinematics.tcp_position(state.position_rad)
        near = np.linalg.norm(place - tool) <= wanted.reach_m
        apart = wanted.width_min_m <= state.gripper_width_m <= wanted.width_max_m
        return bool(near and apart and abs(state.gripper_speed_m_s) < STILL_M_S)


class InsertedJudge(HoldingJudge):
    """Insertion: the peg's tip is deep enough below the mouth, and in line with the hole."""

    def __init__(self, task: InsertionTask, kinematics: ArmKinematics) -> None:
        super().__init__(task.success.hold_s)
        self._wanted = task.success
        self._kinematics = kinematics
        self._below = task.peg.below_tcp_m

    def holds(self, state: RobotState, scene: Scene) -> bool:
        """See `HoldingJudge.holds`."""
        position, rotation = self._kinematics.tcp_pose(state.position_rad)
        x, y, height = (
            position + self._below * rotation[:, 2] - scene["target_position_m"]
        ).tolist()
        wanted = self._wanted
        return -height >= wanted.depth_min_m and math.hypot(x, y) <= wanted.offset_max_m


def make_judge(contract: Contract, kinematics: ArmKinematics | None = None) -> StateJudge:
    """The judge of a contract's task.

    Raises:
        ContractError: the task is seen in pictures.
    """
    kinematics = kinematics or ArmKinematics(contract.robot.arm)
    task = task_of(contract, StateTask)
    if isinstance(task, LiftTask):
        return HeldJudge(task, kinematics)
    if isinstance(task, InsertionTask):
        return InsertedJudge(task, kinematics)
    if isinstance(task, ReachTask | PushTask):
        return GoalJudge(task, kinematics)
    raise ContractError(f"there is no judge for task {task.name} of kind {contract.task.kind}")
