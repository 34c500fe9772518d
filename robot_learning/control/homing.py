"""The way home: straight in joint space where that stays in the workspace, else by the tool."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from robot_learning.contract import Contract
from robot_learning.control.motion import JointTarget
from robot_learning.control.tcp_servo import APPROACH_S, SPEED_SHARE, WALL_INSET_M
from robot_learning.hardware import RobotState
from robot_learning.kinematics import ArmKinematics
from robot_learning.safety.limits import MotionLimits

Array = NDArray[np.float64]

_SAMPLES = 24
_ARRIVED_RAD = 1e-6
_SHARE = 0.95 * SPEED_SHARE  # of the tool's speed limits, along the joint line


# A measured arm counts as at home within these.
HOME_TOLERANCE_RAD = 0.01
REST_TOLERANCE_RAD_S = 0.02


def measured_at_home(contract: Contract, state: RobotState) -> bool:
    """True when a measured arm is at the contract's home and at rest.

    Actor and driver decide by the same state, so that both see the way home end at once.
    """
    home = [joint.home_position_rad for joint in contract.robot.arm.joints]
    away = np.abs(state.position_rad - home).max()
    speed = np.abs(state.velocity_rad_s).max()
    return bool(away < HOME_TOLERANCE_RAD and speed < REST_TOLERANCE_RAD_S)


class Homing:
    """Plans the motion to the contract's home position; begin it with the arm at rest."""

    def __init__(self, limits: MotionLimits, kinematics: ArmKinematics) -> None:
        self._limits = limits
        self._kinematics = kinematics
        self.position_rad = kinematics.home_position_rad
        self.tcp_position_m, self.rotation = kinematics.tcp_pose(self.position_rad)

    def arrived(self, q: Array) -> bool:
        """True when `q` is the home position."""
        return bool((np.abs(q - self.position_rad) <= _ARRIVED_RAD).all())

    def joint_line(self, q: Array) -> JointTarget | None:
        """The straight joint-space line home, at a speed that keeps the tool's limits.

        Returns:
            The target, or None when the line would take the tool out of the workspace (from
            outside: further out).
        """
        direction = self.position_rad - q
        if not direction.any():
            return JointTarget(position_rad=self.position_rad)
        low, high = self._limits.box_min_m + WALL_INSET_M, self._limits.box_max_m - WALL_INSET_M
        fastest = np.zeros(2)
        position = self._kinematics.tcp_position(q)
        for share in np.linspace(0.0, 1.0, _SAMPLES):
            here = self._kinematics.tcp(q + share * direction)
            # Each sample inside, or further in than the one before.
            if (here.position_m > np.maximum(high, position)).any() or (
                here.position_m < np.minimum(low, position)
            ).any():
                return None
            position = here.position_m
            twist = here.jacobian @ direction
            fastest = np.maximum(fastest, [np.linalg.norm(twist[:3]), np.linalg.norm(twist[3:])])
        size = np.maximum(np.abs(direction), 1e-12)
        by_joints = float((self._limits.velocity_rad_s / size).min())
        by_tool = _SHARE * min(
            self._limits.tcp_speed_m_s / max(fastest[0], 1e-12),
            self._limits.tcp_angular_speed_rad_s / max(fastest[1], 1e-12),
        )
        return JointTarget(
            position_rad=self.position_rad, speed_fraction=min(1.0, by_tool / by_joints)
        )

    def tool_velocity(self, position_m: Array) -> Array:
        """Tool velocity (m/s, shape (3,)) straight towards home, slower as it comes near."""
        return (self.tcp_position_m - position_m) / (2.0 * APPROACH_S)
