"""Where the arm's tool centre point is, how it moves, and which joints put it somewhere."""

from robot_learning.kinematics.arm_kinematics import (
    ArmKinematics,
    InverseKinematicsError,
    TcpState,
)

__all__ = ["ArmKinematics", "InverseKinematicsError", "TcpState"]
