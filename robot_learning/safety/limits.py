"""The operating limits: the maker's, times the contract's fractions, less its margins."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray

from robot_learning.contract.base import Box
from robot_learning.contract.robot import RobotContract

Array = NDArray[np.float64]


@dataclass(frozen=True)
class MotionLimits:
    """Limits that every commanded motion obeys. A limit of 0.0 is a limit.

    Attributes:
        position_min_rad: lowest joint positions, shape (7,).
        position_max_rad: highest joint positions, shape (7,).
        velocity_rad_s: shape (7,).
        acceleration_rad_s2: shape (7,).
        jerk_rad_s3: shape (7,).
        tcp_speed_m_s: of the tool centre point.
        tcp_angular_speed_rad_s: of the tool.
        box_min_m: lower corner of the workspace of the tool centre point, base frame, (3,).
        box_max_m: upper corner, shape (3,).
    """

    position_min_rad: Array
    position_max_rad: Array
    velocity_rad_s: Array
    acceleration_rad_s2: Array
    jerk_rad_s3: Array
    tcp_speed_m_s: float
    tcp_angular_speed_rad_s: float
    box_min_m: Array
    box_max_m: Array

    @classmethod
    def from_robot(cls, robot: RobotContract, workspace: Box | None = None) -> Self:
        """The limits under which a robot is operated.

        Args:
            robot: the contract's.
            workspace: a part of the robot's own, which it is otherwise.
        """
        operation, joints = robot.operation, robot.arm.joints
        margin, box = operation.position_margin_rad, workspace or operation.workspace
        return cls(
            position_min_rad=np.array([j.position_min_rad + margin for j in joints]),
            position_max_rad=np.array([j.position_max_rad - margin for j in joints]),
            velocity_rad_s=operation.velocity_fraction
            * np.array([j.velocity_max_rad_s for j in joints]),
            acceleration_rad_s2=operation.acceleration_fraction
            * np.array([j.acceleration_max_rad_s2 for j in joints]),
            jerk_rad_s3=operation.jerk_fraction * np.array([j.jerk_max_rad_s3 for j in joints]),
            tcp_speed_m_s=operation.tcp_speed_max_m_s,
            tcp_angular_speed_rad_s=operation.tcp_angular_speed_max_rad_s,
            box_min_m=np.array(box.min_m),
            box_max_m=np.array(box.max_m),
        )

    @cached_property
    def accelerations(self) -> list[float]:
        """`acceleration_rad_s2` as plain floats, which are faster seven at a time."""
        return [float(value) for value in self.acceleration_rad_s2]

    @cached_property
    def jerks(self) -> list[float]:
        """`jerk_rad_s3` as plain floats."""
        return [float(value) for value in self.jerk_rad_s3]

    @property
    def stop_time_s(self) -> float:
        """Longest time that a stop from any allowed motion takes (see `StopProfile`)."""
        velocity, acceleration = self.velocity_rad_s, self.acceleration_rad_s2
        release = float((acceleration / self.jerk_rad_s3).max())
        brake = float((velocity / acceleration).max())
        ramp = float((velocity / self.jerk_rad_s3).max())
        return release + (brake + ramp / brake if ramp <= brake**2 else 2.0 * ramp**0.5)
