"""Measures sent points against the contract alone: finite differences and exact distances.

n-th divided differences of samples of a curve, times n!, are values of its n-th derivative: a curve
that keeps a limit everywhere cannot exceed it there, however unevenly it is sampled.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from robot_learning.contract import Contract
from robot_learning.kinematics import ArmKinematics
from robot_learning.kinematics.arm_kinematics import turn
from robot_learning.kinematics.collision_model import CollisionModel

Array = NDArray[np.float64]

_ROUNDING_M, _ROUNDING_RAD = 1e-12, 1e-7  # of the logarithm of a rotation near none
_SHORTEST_S = 1e-5  # over less than this nothing but rounding is left of a difference


class GateRuler:
    """Counts what exceeds a limit of the contract.

    Attributes:
        exceeded: how often, by name of the limit.
        nearest_m: least clearance seen, `self` and `table`: what is left above the margins.
    """

    def __init__(
        self, contract: Contract, kinematics: ArmKinematics, model: CollisionModel
    ) -> None:
        operation, joints = contract.robot.operation, contract.robot.arm.joints
        margin = operation.position_margin_rad
        self._low = np.array([j.position_min_rad + margin for j in joints]) - _ROUNDING_M
        self._high = np.array([j.position_max_rad - margin for j in joints]) + _ROUNDING_M
        self._rates: dict[str, Array] = {
            "joint_velocity": operation.velocity_fraction
            * np.array([j.velocity_max_rad_s for j in joints]),
            "joint_acceleration": operation.acceleration_fraction
            * np.array([j.acceleration_max_rad_s2 for j in joints]),
            "joint_jerk": operation.jerk_fraction * np.array([j.jerk_max_rad_s3 for j in joints]),
        }
        self._box_min = np.array(contract.workspace.min_m) - _ROUNDING_M
        self._box_max = np.array(contract.workspace.max_m) + _ROUNDING_M
        self._speed = operation.tcp_speed_max_m_s
        self._turning = operation.tcp_angular_speed_max_rad_s
        self._kinematics, self._distances = kinematics, model.workspace()
        self._with_table = np.array([pair.with_table for pair in model.pairs], dtype=bool)
        self.exceeded: Counter[str] = Counter()
        self.nearest_m = {"self": math.inf, "table": math.inf} if model.pairs else {}

    def judge(self, points: Sequence[tuple[Array, float]]) -> None:
        """Judges one curve: joint positions, rad, shape (7,), each with seconds since the last."""
        q = np.array([point for point, _ in points])
        h = np.array([elapsed for _, elapsed in points])
        self._count("not_finite", ~np.isfinite(q))
        self._count("joint_position", (q < self._low) | (q > self._high))
        self._derivatives(q, h)
        tools = [self._kinematics.tcp_pose(position) for position in q]
        place = np.array([position for position, _ in tools])
        self._count("workspace", (place < self._box_min) | (place > self._box_max))
        moved = np.linalg.norm(np.diff(place, axis=0), axis=1)
        self._count("tcp_speed", moved > self._speed * h[1:] + _ROUNDING_M)
        for index in range(1, len(tools)):
            turned = float(np.linalg.norm(turn(tools[index - 1][1], tools[index][1])))
            if not turned <= self._turning * h[index] + _ROUNDING_RAD:
                self.exceeded["tcp_angular_speed"] += 1
        if self.nearest_m:
            self._clearances(q)

    def _derivatives(self, q: Array, h: Array) -> None:
        table = q
        for order, (name, top) in enumerate(self._rates.items(), start=1):
            count = len(q) - order
            spans = np.stack([h[1 + k : 1 + k + count] for k in range(order)])
            table = np.diff(table, axis=0) / spans.sum(axis=0)[:, np.newaxis]
            shortest = spans.min(axis=0)
            rounding = 1e-14 / shortest**order * 4.0**order
            over = math.factorial(order) * np.abs(table) > (
                top * (1.0 + 1e-9) + rounding[:, np.newaxis]
            )
            self._count(name, over[shortest >= _SHORTEST_S])

    def _clearances(self, q: Array) -> None:
        for position in q:
            self._distances.update(position)
            clearance = self._distances.clearance()
            for name, chosen in (("self", ~self._with_table), ("table", self._with_table)):
                least = float(clearance[chosen].min(initial=math.inf))
                self.nearest_m[name] = min(self.nearest_m[name], least)
                if not least >= -_ROUNDING_M:
                    self.exceeded[f"{name}_collision"] += 1

    def _count(self, name: str, over: NDArray[np.bool_]) -> None:
        """Counts rows in which anything is over."""
        rows = over if over.ndim == 1 else over.any(axis=1)
        if number := int(rows.sum()):
            self.exceeded[name] += number
