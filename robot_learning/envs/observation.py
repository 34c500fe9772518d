"""The observation vector: the contract's fields of state and scene, one after the other.

The environment and the policy node both build it here, so that a policy sees on the robot what
it saw in training.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from robot_learning.contract import Contract, InsertionTask, PushTask
from robot_learning.contract.task import SCENE_FIELDS
from robot_learning.hardware import RobotState, Scene
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
    "wrench": 6,
    "object_position_m": 3,
    "object_offset_m": 3,
    "object_offset_near": 3,
    "target_offset_m": 3,
    "target_offset_near": 3,
}
NO_SCENE: Scene = {}
NEAR_M = 0.02
"""Offsets that are shown `near` count in full from here on: millimetres fill their range."""


def goal_size(contract: Contract) -> int:
    """Length of a goal: a position, or nothing."""
    return 3 if contract.task.has_goal else 0


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
    span = np.subtract(workspace.max_m, workspace.min_m)
    force = np.full(6, robot.operation.external_force_max_n)  # N; Nm about the flange, far below
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
        "wrench": (-force, force),
        "object_position_m": (np.array(workspace.min_m), np.array(workspace.max_m)),
        "object_offset_m": (-span, span),
        "object_offset_near": (-np.ones(3), np.ones(3)),
        "target_offset_m": (-span, span),
        "target_offset_near": (-np.ones(3), np.ones(3)),
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


def observe(
    contract: Contract, kinematics: ArmKinematics, state: RobotState, scene: Scene = NO_SCENE
) -> Array:
    """The contract's observation fields of a state, concatenated in the contract's order.

    Joints in kinematic order (rad, rad/s); the tool centre point in the base frame (m, m/s),
    computed from the measured joints. Its heading is x and y of the tool's x axis: cosine and sine
    of its turn about the vertical, where the tool points straight down. The wrench is N and Nm.
    Positions of the scene are in the base frame, m; offsets of it are from the tool centre point
    or, with a held peg, for the target from the peg's tip; shown `near` they are in units of
    `NEAR_M`, and no number beyond 1.

    Args:
        contract: robot and task.
        kinematics: of the arm.
        state: measured.
        scene: what `contract.task.scene` names, measured at the same moment.

    Returns:
        float64 array of shape (observation_size(contract),).

    Raises:
        KeyError: the scene lacks something.
    """
    return Observer(contract, kinematics).vectors(state, scene)[0]


class Observer:
    """Observation and achieved goal of a state, as environments and policies exchange them."""

    def __init__(self, contract: Contract, kinematics: ArmKinematics | None = None) -> None:
        self._contract = contract
        self._kinematics = kinematics or ArmKinematics(contract.robot.arm)
        task = contract.task
        self._below = task.peg.below_tcp_m if isinstance(task, InsertionTask) else 0.0
        self._of_object = isinstance(task, PushTask)
        self._sees_object = "object_position_m" in task.scene
        shown = {SCENE_FIELDS.get(name) for name in task.observation}
        self._sees_target = "target_position_m" in shown

    def observe(self, state: RobotState, scene: Scene = NO_SCENE) -> tuple[Array32, Array32]:
        """Observation, shape (observation_size,), and achieved goal, (goal_size,).

        What is achieved is a position in the base frame, m: the object's where it is pushed to
        the goal, else the tool's. Raises as `observe`.
        """
        observation, achieved = self.vectors(state, scene)
        return observation.astype(np.float32), achieved.astype(np.float32)

    def vectors(self, state: RobotState, scene: Scene) -> tuple[Array, Array]:
        """The same in float64."""
        task = self._contract.task
        tcp = self._kinematics.tcp(state.position_rad)
        values = {
            "joint_position_rad": state.position_rad,
            "joint_velocity_rad_s": state.velocity_rad_s,
            "tcp_position_m": tcp.position_m,
            "tcp_velocity_m_s": tcp.jacobian[:3] @ state.velocity_rad_s,
            "tcp_heading": tcp.rotation[:2, 0],
            "gripper_width_m": np.array([state.gripper_width_m]),
            "gripper_speed_m_s": np.array([state.gripper_speed_m_s]),
            "wrench": state.wrench,
        }
        if self._sees_object:
            values["object_position_m"] = scene["object_position_m"]
            offset = scene["object_position_m"] - tcp.position_m
            values["object_offset_m"], values["object_offset_near"] = offset, _near(offset)
        if self._sees_target:
            offset = scene["target_position_m"] - tcp.position_m - self._below * tcp.rotation[:, 2]
            values["target_offset_m"], values["target_offset_near"] = offset, _near(offset)
        observation = np.concatenate([values[name] for name in task.observation])
        if not task.has_goal:
            return observation, np.zeros(0)
        return observation, values["object_position_m"] if self._of_object else tcp.position_m


def _near(offset_m: Array) -> Array:
    return np.clip(offset_m / NEAR_M, -1.0, 1.0)
