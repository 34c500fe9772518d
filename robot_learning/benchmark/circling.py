"""An arm that never rests: the tool goes round in circles, so that a fault always meets motion."""

from __future__ import annotations

import math

import numpy as np

from robot_learning.contract import Contract
from robot_learning.hardware import RobotState
from robot_learning.kinematics import ArmKinematics
from robot_learning.replay.step import Float32

RADIUS_M = 0.10
_GAIN_HZ = 3.0
_SHARE = 0.9  # of the action's speed


class Circling:
    """Actions of a task whose action is the tool's velocity, along a circle in its workspace."""

    def __init__(self, contract: Contract) -> None:
        """The circle lies in the middle of the workspace."""
        box, action = contract.workspace, contract.task.action
        self._middle = (np.array(box.min_m) + np.array(box.max_m)) / 2.0
        self._kinematics = ArmKinematics(contract.robot.arm)
        self._top_m_s = action.speed_max_m_s
        self._size = action.size

    def action(self, state: RobotState) -> Float32:
        """In units of [-1, 1], for the state's place; further entries, as of a gripper, are 0.

        It looks at where the tool is alone, so it goes on after any stop.
        """
        off = self._kinematics.tcp_position(state.position_rad) - self._middle
        radius = math.hypot(off[0], off[1])
        outwards = off[:2] / radius if radius > 1e-6 else np.array([1.0, 0.0])
        speed = _SHARE * self._top_m_s
        along = speed * np.array([-outwards[1], outwards[0]])
        back = np.append(-_GAIN_HZ * (radius - RADIUS_M) * outwards, -_GAIN_HZ * off[2])
        wanted = np.append(along, 0.0) + back
        wanted *= min(1.0, speed / max(float(np.linalg.norm(wanted)), 1e-9))
        action = np.zeros(self._size, np.float32)
        action[:3] = wanted / self._top_m_s
        return action
