"""Reaching as a goal-conditioned environment, over any `Hardware`."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import ArrayLike, NDArray

from robot_learning.contract import ReachTask, task_of
from robot_learning.envs.observation import Observer, observation_size
from robot_learning.envs.robot_env import Array32, Observation, RobotEnv
from robot_learning.hardware import Hardware, RobotState
from robot_learning.rewards.reach import HoldCounter, ReachReward


class ReachEnv(RobotEnv):
    """Reaching with sparse reward: 0 within the contract's distance of the goal, else -1.

    Observation: a dict of float32 arrays: `observation` (the contract's fields), `achieved_goal`
    and `desired_goal` (tool centre point, base frame, m). Action: float32 in [-1, 1], shape (3,).

    Never terminated; truncated after the contract's steps, or at a latched safety fault with its
    reason in `info["fault"]`. `info["is_success"]` says whether the success condition has held
    for the contract's hold steps up to now, `info["stamp_s"]` when the state was measured, in
    seconds since the episode's first state on the source's clock.
    """

    def __init__(self, hardware: Hardware, render_mode: str | None = None) -> None:
        super().__init__(hardware, render_mode)
        self._task = task_of(self.contract, ReachTask)
        self._observer = Observer(self.contract, self.arm.kinematics)
        self._reward = ReachReward(self._task)
        self._hold = HoldCounter(self._task)
        self._goal = np.zeros(3, np.float32)
        self.observation_space = spaces.Dict(
            {
                "observation": _unbounded(observation_size(self.contract)),
                "achieved_goal": _unbounded(3),
                "desired_goal": _unbounded(3),
            }
        )

    def step(self, action: Array32) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """One control period: the action becomes points, the points become motion.

        Raises:
            RuntimeError: before the first reset.
        """
        self.arm.request(action)
        state = self.arm.step()
        self._steps += 1

        observation = self._observe(state)
        achieved, desired = observation["achieved_goal"], observation["desired_goal"]
        self._hold.update(bool(self._reward.success(achieved, desired)))
        info = self._info(observation)
        truncated = self._steps >= self._task.episode_steps or self.arm.fault is not None
        reward = float(self._reward.reward(achieved, desired))
        return observation, reward, False, truncated, info

    def compute_reward(
        self, achieved_goal: ArrayLike, desired_goal: ArrayLike, info: Any
    ) -> NDArray[Any]:
        """Reward of achieved goals, one (3,) or a batch (..., 3), for relabelling."""
        return self._reward.reward(achieved_goal, desired_goal)

    def render(self) -> NDArray[np.uint8] | None:
        """An image of the contract's first camera, shape (height, width, 3)."""
        if self.render_mode is None:
            return None
        return self.hardware.read_camera(self.contract.robot.cameras[0].name).rgb

    def _begin(self, state: RobotState) -> tuple[Observation, dict[str, Any]]:
        self._hold.reset()
        self.hardware.write_gripper(
            self._task.action.gripper_width_m, self.contract.robot.gripper.force_max_n
        )
        self._goal = np.array(self.hardware.read_scene()["target_position_m"], np.float32)
        observation = self._observe(state)
        return observation, self._info(observation)

    def _observe(self, state: RobotState) -> Observation:
        observation, achieved = self._observer.observe(state)
        return {
            "observation": observation,
            "achieved_goal": achieved,
            "desired_goal": self._goal.copy(),
        }

    def _info(self, observation: Observation) -> dict[str, Any]:
        achieved, desired = observation["achieved_goal"], observation["desired_goal"]
        return self.arm.info() | {
            "at_goal": bool(self._reward.success(achieved, desired)),
            "distance_m": float(self._reward.distance_m(achieved, desired)),
            "is_success": self._hold.held_steps >= self._task.hold_steps,
        }


def _unbounded(size: int) -> spaces.Box:
    # Measurements carry noise, so no bound would be one.
    return spaces.Box(-np.inf, np.inf, (size,), np.float32)
