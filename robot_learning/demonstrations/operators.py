"""Operators of the contract's tasks that are written down: repeatable, and wrong when told to be.

An operator remembers nothing within an episode. What to do follows from what is observed, so it
also goes on from wherever somebody else has brought the arm, and can be asked about any state.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

import numpy as np

from robot_learning.contract import Contract, InsertionTask, LiftTask, PushTask, task_of
from robot_learning.contract.actions import TwoSpeeds
from robot_learning.envs.observation import field_slices
from robot_learning.hardware import Array
from robot_learning.replay.step import Float32


class Operator(ABC):
    """Acts by the contract's observation vector; actions are the contract's, in [-1, 1].

    Attributes:
        error_m: how far off it believes its object or target to be, (2,); zeros for one that
            knows.
    """

    failure_error_m: tuple[float, float]
    """Least and greatest error of an operator that is to fail; more than the task forgives."""

    def __init__(self, contract: Contract) -> None:
        self._fields = field_slices(contract)
        self._period_s = contract.control_period_s
        self.error_m = np.zeros(2)

    def failing(self, rng: np.random.Generator) -> Operator:
        """One of this kind that works well towards a place where nothing is."""
        other: Operator = object.__new__(type(self))
        other.__dict__.update(self.__dict__)
        angle, size_m = rng.uniform(-math.pi, math.pi), rng.uniform(*self.failure_error_m)
        other.error_m = size_m * np.array([math.cos(angle), math.sin(angle)])
        return other

    def act(self, observation: Float32, goal: Float32 | None = None) -> Float32:
        """The action for one observation, shape (size,)."""
        values = observation.astype(np.float64)
        action = self._act(values, None if goal is None else goal.astype(np.float64))
        return np.clip(action, -1.0, 1.0).astype(np.float32)

    @abstractmethod
    def _act(self, observation: Array, goal: Array | None) -> Array:
        """The same, in float64 and not yet clipped."""

    def _field(self, observation: Array, name: str) -> Array:
        values: Array = observation[self._fields[name]]
        return values

    def _believed(self, offset: Array) -> Array:
        """An offset to object or target, by what this operator believes."""
        believed: Array = offset + np.append(self.error_m, 0.0)
        return believed

    def _towards(self, way_m: Array, kind: TwoSpeeds, height_m: float, share: float = 1.0) -> Array:
        """The action that covers a way in one control period, or as much of it as may be."""
        speed = kind.speed_m_s(height_m)
        reach = np.array([speed, speed, kind.speed_max_m_s if way_m[2] > 0.0 else speed])
        action: Array = way_m / (reach * self._period_s)
        length = float(np.linalg.norm(action))
        return action * (share / length) if length > share else action


_GAIN = 0.5  # of a way, that is covered in one period: the arm lags a little


class LiftOperator(Operator):
    """Over the object, down around it, close, up."""

    failure_error_m = (0.06, 0.10)
    _OVER_M = 0.09  # of the tool above the object's middle on the way there
    _ALIGNED_M = 0.010
    _GRIP_M = 0.010  # of the tool above the object's middle when the fingers close
    _AT_M = 0.006

    def __init__(self, contract: Contract) -> None:
        super().__init__(contract)
        self._task = task_of(contract, LiftTask)
        open_m = contract.robot.gripper.width_max_m
        self._nearly_open_m = 0.9 * open_m
        self._lowest_m = contract.workspace.min_m[2]

    def _act(self, observation: Array, goal: Array | None) -> Array:
        task = self._task
        tool = self._field(observation, "tcp_position_m")
        width = float(self._field(observation, "gripper_width_m")[0])
        closing = float(self._field(observation, "gripper_speed_m_s")[0])
        offset = self._believed(self._field(observation, "object_offset_m"))
        beside = float(np.hypot(*offset[:2]))
        grip_way = offset + np.array([0.0, 0.0, self._GRIP_M])
        # As far down as the workspace lets it: the arm slows before its wall.
        grip_way[2] = max(grip_way[2], self._lowest_m + 0.007 - tool[2])
        inside = beside < 1.5 * self._ALIGNED_M and abs(grip_way[2]) < 2 * self._AT_M
        held = width < task.success.width_max_m
        if held and abs(closing) < 0.01 and width >= task.success.width_min_m:
            return np.array([0.0, 0.0, 0.6, 1.0])
        if width < self._nearly_open_m and closing <= 0.0 and inside:
            return np.array([0.0, 0.0, 0.0, 1.0])  # the fingers are on their way
        if width < self._nearly_open_m:
            up = self._towards(np.array([0.0, 0.0, 0.02]), task.action, float(tool[2]))
            return np.append(up, -1.0)  # they closed on nothing: open, and try again
        if inside and abs(grip_way[2]) < self._AT_M:
            return np.array([0.0, 0.0, 0.0, 1.0])
        if beside < self._ALIGNED_M or (inside and beside < 1.5 * self._ALIGNED_M):
            way = grip_way
        else:
            way = offset + np.array([0.0, 0.0, self._OVER_M])
            if beside > 0.05 and way[2] < 0.0:
                way[2] = max(way[2], -0.5 * beside)  # across and down at once
        return np.append(self._towards(_GAIN * way, task.action, float(tool[2])), -1.0)


class PushOperator(Operator):
    """Over the object, down behind it, straight ahead, as the target asks."""

    failure_error_m = (0.06, 0.10)
    _HIGH_M, _LOW_M = 0.11, 0.037
    _BEHIND_M = 0.062  # from the object's middle, where the fingers come down
    _LINED_UP_M = 0.012
    _CLOSE_ENOUGH_M = 0.010

    def __init__(self, contract: Contract) -> None:
        super().__init__(contract)
        self._task = task_of(contract, PushTask)

    def _act(self, observation: Array, goal: Array | None) -> Array:
        if goal is None:
            raise ValueError("pushing needs a goal")
        kind, tool = self._task.action, self._field(observation, "tcp_position_m")
        block = self._field(observation, "object_position_m")
        way = goal[:2] + self.error_m - block[:2]
        distance = float(np.linalg.norm(way))
        if distance < self._CLOSE_ENOUGH_M:
            return np.zeros(3)
        ahead = way / distance
        offset = tool[:2] - block[:2]
        along = float(offset @ ahead)
        beside = float(np.linalg.norm(offset - along * ahead))
        behind = block[:2] - self._BEHIND_M * ahead
        low = float(tool[2]) < self._LOW_M + 0.02
        if along < -0.02 and beside < self._LINED_UP_M and low:
            step = min(kind.near_speed_m_s * self._period_s, 0.6 * distance)
            # Ahead of where the tool is, on the line through block and target.
            target = np.append(block[:2] + (along + step) * ahead, self._LOW_M)
            return self._towards(target - tool, kind, float(tool[2]))
        if np.linalg.norm(tool[:2] - behind) < self._LINED_UP_M:
            target = np.append(behind, self._LOW_M)
        elif tool[2] < 0.9 * self._HIGH_M and np.linalg.norm(offset) < 1.6 * self._BEHIND_M:
            target = np.append(tool[:2], self._HIGH_M + 0.01)
        else:
            target = np.append(behind, self._HIGH_M)
        return self._towards(_GAIN * (target - tool), kind, float(tool[2]))


class InsertionOperator(Operator):
    """The peg's tip over the hole, down into it; back over it where it is not in line."""

    failure_error_m = (0.018, 0.035)
    _OVER_M = 0.012  # of the tip above the mouth while it is lined up
    _ALIGNED_M = 0.0015
    _FAR_M = 0.03

    def __init__(self, contract: Contract) -> None:
        super().__init__(contract)
        self._task = task_of(contract, InsertionTask)
        self._depth_m = self._task.success.depth_min_m + 0.01

    def _act(self, observation: Array, goal: Array | None) -> Array:
        kind, tool = self._task.action, self._field(observation, "tcp_position_m")
        offset = self._believed(self._field(observation, "target_offset_m"))
        beside = float(np.hypot(*offset[:2]))
        depth = float(offset[2])  # of the tip below the mouth
        way = offset.copy()
        if depth > 0.001 or (beside < self._ALIGNED_M and depth > -1.5 * self._OVER_M):
            way[2] = -(self._depth_m - depth)
            if beside > 3 * self._ALIGNED_M:
                way = np.array([0.0, 0.0, 0.03])  # beside the hole: up again
        else:
            way[2] += max(self._OVER_M, 0.5 * (beside - self._FAR_M))
        return self._towards(_GAIN * way, kind, float(tool[2]))


OPERATORS: dict[str, type[Operator]] = {
    "lift": LiftOperator,
    "push": PushOperator,
    "insertion": InsertionOperator,
}
"""By the kind of the contract's task."""


def scripted_operator(contract: Contract) -> Operator:
    """The operator of a contract's task.

    Raises:
        LookupError: there is none.
    """
    kind = contract.task.kind
    if kind not in OPERATORS:
        raise LookupError(
            f"there is no scripted operator for task {contract.task.name} of kind {kind}; known: "
            f"{', '.join(OPERATORS)}"
        )
    return OPERATORS[kind](contract)
