"""Tasks that are seen in numbers - reach, lift, push, insertion - over any `Hardware`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from robot_learning.contract.actions import TcpPick
from robot_learning.control.gripper_control import grip_width_m
from robot_learning.control.tool_command import Grip, asked_of_gripper
from robot_learning.envs.anticipation import as_told
from robot_learning.envs.robot_env import Array32, RobotEnv
from robot_learning.envs.task_view import TaskView
from robot_learning.hardware import Hardware, RobotState
from robot_learning.rewards.judge import StateJudge


class StateEnv(RobotEnv):
    """A task with sparse reward, seen by the contract's observation fields.

    With goals (reach, push) the observation is a dict of float32 arrays: `observation`,
    `achieved_goal` and `desired_goal` (positions, base frame, m); the reward is 0 within the
    contract's distance of the goal, else -1, and no episode is terminated. Without (lift,
    insertion) it is one float32 array; the reward is 1 once the task is done, which terminates the
    episode, else 0. Action: float32 in [-1, 1], see `contract.actions`.

    A latched safety fault ends an episode, with its reason in `info["fault"]`: terminated, a
    failure, where success would terminate it too, and else truncated, so that it never pays to
    cause one. The contract's last step is truncated. `info["at_goal"]` is the condition of this
    state, `info["is_success"]` says whether it has held for the contract's hold steps up to now,
    `info["stamp_s"]` when the state was measured, in seconds since the episode's first state on
    the source's clock.
    """

    def __init__(
        self,
        hardware: Hardware,
        render_mode: str | None = None,
        judge: StateJudge | None = None,
        *,
        anticipate: bool = False,
    ) -> None:
        """Takes over the hardware.

        Args:
            hardware: what is moved.
            render_mode: None or `rgb_array`.
            judge: of the states, instead of the task's own.
            anticipate: observations show the arm where it is told to be, see
                `envs.anticipation`; success is judged by where it is measured.
        """
        super().__init__(hardware, render_mode)
        self._anticipate = anticipate
        self._view = TaskView(self.contract, self.arm.kinematics, judge)
        self._task = self._view.task
        self.observation_space = self._view.observation_space

    def step(self, action: Array32) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """One control period: the action becomes points, the points become motion.

        Raises:
            RuntimeError: before the first reset.
        """
        # What is refused moves neither arm nor gripper: the gated action is then all zeros.
        gated = self._request(action).gated
        self._grip(asked_of_gripper(self._task.action, gated)[0])
        state = self.arm.step()
        self._steps += 1
        scene = self.hardware.read_scene()
        judged = self._view.judge.judge(state, scene)
        fault = self.arm.fault is not None
        terminated = self._task.terminates and (judged.terminated or fault)
        cut = fault or self._steps >= self._task.episode_steps
        reward = 0.0 if fault and self._task.terminates else judged.reward
        info = self.arm.info() | self._view.info(judged, judged.success and not fault)
        observation = self._view.observe(self._shown(state), scene)
        return observation, reward, terminated, cut and not terminated, info

    def compute_reward(
        self, achieved_goal: ArrayLike, desired_goal: ArrayLike, info: Any
    ) -> NDArray[Any]:
        """Reward of achieved goals, one (3,) or a batch (..., 3), for relabelling.

        Raises:
            TypeError: the task has no goals.
        """
        return self._view.compute_reward(achieved_goal, desired_goal)

    def render(self) -> NDArray[np.uint8] | None:
        """An image of the contract's first camera, shape (height, width, 3)."""
        if self.render_mode is None:
            return None
        return self.hardware.read_camera(self.contract.robot.cameras[0].name).rgb

    def _begin(self, state: RobotState) -> tuple[Any, dict[str, Any]]:
        action = self._task.action
        if isinstance(action, TcpPick):
            self._grip(Grip.OPEN)
        else:
            force_n = self.contract.robot.gripper.force_max_n
            self.hardware.write_gripper(action.gripper_width_m, force_n)
        observation, info = self._view.begin(state, self.hardware.read_scene())
        return observation, self.arm.info() | info

    def _shown(self, state: RobotState) -> RobotState:
        motion = self.arm.controller.gate.motion
        if not self._anticipate or motion is None:
            return state
        return as_told(state, motion.position, motion.velocity)

    def _grip(self, grip: Grip) -> None:
        action = self._task.action
        if grip is Grip.LEAVE or not isinstance(action, TcpPick):
            return
        self.hardware.write_gripper(grip_width_m(self.contract, grip), action.gripper_force_n)
