"""Grasping out of a bin by one camera's picture, over any `Hardware`."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from robot_learning.contract import BinGraspTask, task_of
from robot_learning.control.gripper_control import grip_width_m
from robot_learning.control.tool_command import Grip, read_grip
from robot_learning.envs.observation import Observer, observation_size
from robot_learning.envs.robot_env import Array32, Observation, RobotEnv
from robot_learning.hardware import Hardware, RobotState
from robot_learning.rewards.lift import LiftJudge, LiftJudgement, lift_step


class GraspEnv(RobotEnv):
    """Lifting any object out of a bin; the reward is sparse, less a penalty for every step.

    Observation: a dict of `image`, uint8, shape (size, size, 3), and `state`, float32, the
    contract's fields. Action: float32 in [-1, 1], shape (8,), see `TcpGrasp`.

    An episode ends where the action says so, and then, and at its last step, it is judged: reward 1
    for a held lift. That end is terminated, and so is a latched safety fault, a failure (its reason
    is in `info["fault"]`); the last step without a held lift is truncated. `info["is_success"]` is
    true at the end of a successful episode alone, `info["judgement"]` says what it was judged by.
    """

    def __init__(self, hardware: Hardware, render_mode: str | None = None) -> None:
        super().__init__(hardware, render_mode)
        self._task = task_of(self.contract, BinGraspTask)
        self._observer = Observer(self.contract, self.arm.kinematics)
        self._judge = LiftJudge(self.contract, self.arm.kinematics)
        self._closed = False
        size = self._task.image.size_px
        self.observation_space = spaces.Dict(
            {
                "image": spaces.Box(0, 255, (size, size, 3), np.uint8),
                "state": spaces.Box(-np.inf, np.inf, (observation_size(self.contract),)),
            }
        )

    def step(self, action: Array32) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """One control period.

        Raises:
            RuntimeError: before the first reset.
        """
        # What is refused moves neither arm nor gripper: the gated action is then all zeros.
        grip, terminate = read_grip(self._request(action).gated)
        self._grip(grip)
        state = self.arm.step()
        self._steps += 1
        observation = self._observe(state)
        fault = self.arm.fault is not None
        last = terminate or self._steps >= self._task.episode_steps
        success, judgement = False, None
        if last and not fault:
            judgement = self._judge.judge(state, self._closed, observation["image"])
            success = judgement.success
        step = lift_step(
            self._task, asked_to_end=terminate, last=last, success=success, fault=fault
        )
        return observation, *step, self._info(success, judgement)

    def render(self) -> NDArray[np.uint8] | None:
        """The picture, shape (size, size, 3)."""
        return None if self.render_mode is None else self.hardware.read_picture().rgb

    def _begin(self, state: RobotState) -> tuple[Observation, dict[str, Any]]:
        self._closed = False
        self._grip(Grip.OPEN)
        observation = self._observe(state)
        self._judge.begin(state, observation["image"])
        return observation, self.arm.info() | {"is_success": False}

    def _grip(self, grip: Grip) -> None:
        if grip is Grip.LEAVE:
            return
        self._closed = grip is Grip.CLOSE
        width_m = grip_width_m(self.contract, grip)
        self.hardware.write_gripper(width_m, self._task.action.gripper_force_n)

    def _observe(self, state: RobotState) -> Observation:
        return {
            "image": self.hardware.read_picture().rgb,
            "state": self._observer.observe(state)[0],
        }

    def _info(self, success: bool, judgement: LiftJudgement | None) -> dict[str, Any]:
        info = self.arm.info() | {"is_success": success, "at_goal": success}
        return info if judgement is None else info | {"judgement": judgement._asdict()}
