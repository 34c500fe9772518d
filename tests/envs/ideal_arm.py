"""Hardware that does exactly what it is told; it stands for an arm that cannot be here."""

from __future__ import annotations

import numpy as np

from robot_learning.contract import load_contract
from robot_learning.hardware import CameraFrame, RobotState


class IdealArm:
    """Follows trajectories without error; the target is drawn from the seed."""

    def __init__(self, robot="panda"):
        self.contract = load_contract(robot)
        self.closed = 0
        self.broken_state = None
        self.resets = []
        self.trajectories = []
        self._home = np.array([j.home_position_rad for j in self.contract.robot.arm.joints])
        self._now_s = 100.0
        self.reset(0)

    def reset(self, seed):
        self.resets.append(seed)
        self._now_s += 1.0
        self._position, self._velocity = self._home, np.zeros(7)
        self._points, self._begun_s = [], self._now_s
        self.width_m = self.contract.robot.gripper.width_max_m
        box = self.contract.task.goal.box
        self.target = np.random.default_rng(seed).uniform(box.min_m, box.max_m)

    def read_state(self):
        bad = self.broken_state
        return RobotState(
            self._now_s,
            self._position if bad is None else bad,
            self._velocity,
            np.zeros(7),
            self.width_m,
            0.0,
            0.0,
            np.zeros(6),
        )

    def write_joint_trajectory(self, points):
        self.trajectories.append(list(points))
        self._points, self._begun_s = list(points), self._now_s

    def write_gripper(self, width_m, force_n):
        self.width_m = width_m

    def read_camera(self, name):
        assert name == self.contract.robot.cameras[0].name
        return CameraFrame(self._now_s, np.zeros((48, 64, 3), np.uint8), np.eye(3))

    def read_scene(self):
        return {"target_position_m": self.target}

    def step(self, duration_s):
        self._now_s += duration_s
        due = [p for p in self._points if p.time_from_start_s <= self._now_s - self._begun_s + 1e-9]
        if due:
            self._position, self._velocity = due[-1].position_rad, due[-1].velocity_rad_s

    def close(self):
        self.closed += 1
