"""The observation vector: the contract's fields of a robot state, one after the other.

The environment and the policy node both build it here, so that a policy sees on the robot what
it saw in training.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from robot_learning.contract import Contract
from robot_learning.hardware import RobotState
from robot_learning.kinematics import ArmKinematics

Array = NDArray[np.float64]
Array32 = NDArray[np.float32]

_FIELD_SIZES = {
    "joint_position_rad": 7,
    "joint_velocity_rad_s": 7,
    "tcp_position_m": 3,
    "tcp_velocity_m_s": 3,
    "tcp_heading": 2,
    "gripper_width_m": 1,
    "gripper_speed_m_s": 1,
}


def observation_size(contract: Contract) -> int:
    """Length of the observation vector."""
    return sum(_FIELD_SIZES[name] for name in contract.task.observation)


def observation_range(contract: Contract) -> tuple[Array, Array]:
    """Where each number of the observation vector is at its lowest and at its highest.

    Shapes (observation_size,), in its units: limits of joints, workspace, tool speed and gripper.
    """
    robot, workspace = contract.robot, contract.workspace
    joints, speed = robot.arm.joints, robot.operation.tcp_speed_max_m_s
    fingers = np.array([robot.gripper.speed_max_m_s])
    turning = np.array([joint.velocity_max_rad_s for joint in joints])
    ranges = {
        "joint_position_rad": (
            np.array([joint.position_min_rad for joint in joints]),
            np.array([joint.position_max_rad for joint in joints]),
        ),
        "joint_velocity_rad_s": (-turning, turning),
        "tcp_position_m": (np.array(workspace.min_m), np.array(workspace.max_m)),
        "tcp_velocity_m_s": (np.full(3, -speed), np.full(3, speed)),
        "tcp_heading": (np.full(2, -1.0), np.full(2, 1.0)),
        "gripper_width_m": (np.zeros(1), np.array([robot.gripper.width_max_m])),
        "gripper_speed_m_s": (-fingers, fingers),
    }
    low, high = zip(*(ranges[name] for name in contract.task.observation), strict=True)
    return np.concatenate(low), np.concatenate(high)


def field_slices(contract: Contract) -> dict[str, slice]:
    """Where each of the contract's fields lies in the observation vector."""
    slices: dict[str, slice] = {}
    start = 0
    for name in contract.task.observation:
        slices[name] = slice(start, start + _FIELD_SIZES[name])
        start += _FIELD_SIZES[name]
    return slices


def observe(contract: Contract, kinematics: ArmKinematics, state: RobotState) -> Array:
    """The contract's observation fields of a state, concatenated in the contract's order.

    Joints in kinematic order (rad, rad/s); the tool centre point in the base frame (m, m/s),
    computed from the measured joints. Its heading is x and y of the tool's x axis: cosine and sine
    of its turn about the vertical, where the tool points straight down.

    Returns:
        float64 array of shape (observation_size(contract),).
    """
    return _observe(contract, kinematics, state)[0]


class Observer:
    """Observation and achieved goal of a state, as environments and policies exchange them."""

    def __init__(self, contract: Contract, kinematics: ArmKinematics | None = None) -> None:
        self._contract = contract
        self._kinematics = kinematics or ArmKinematics(contract.robot.arm)

    def observe(self, state: RobotState) -> tuple[Array32, Array32]:
        """Observation, shape (observation_size,), and tool position (m, base frame), (3,)."""
        observation, position = _observe(self._contract, self._kinematics, state)
        return observation.astype(np.float32), position.astype(np.float32)


def _observe(
    contract: Contract, kinematics: ArmKinematics, state: RobotState
) -> tuple[Array, Array]:
    tcp = kinematics.tcp(state.position_rad)
    values = {
        "joint_position_rad": state.position_rad,
        "joint_velocity_rad_s": state.velocity_rad_s,
        "tcp_position_m": tcp.position_m,
        "tcp_velocity_m_s": tcp.jacobian[:3] @ state.velocity_rad_s,
        "tcp_heading": tcp.rotation[:2, 0],
        "gripper_width_m": np.array([state.gripper_width_m]),
        "gripper_speed_m_s": np.array([state.gripper_speed_m_s]),
    }
    return np.concatenate([values[name] for name in contract.task.observation]), tcp.position_m
