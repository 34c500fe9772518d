"""Tasks that are seen in numbers - reach, lift, push, insertion - over any `Hardware`."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import ArrayLike, NDArray

from robot_learning.contract import PushTask, ReachTask, StateTask, task_of
from robot_learning.contract.actions import TcpPick
from robot_learning.control.gripper_control import grip_width_m
from robot_learning.control.tool_command import Grip, asked_of_gripper
from robot_learning.envs.observation import Observer, goal_size, observation_size
from robot_learning.envs.robot_env import Array32, RobotEnv
from robot_learning.hardware import Hardware, RobotState, Scene
from robot_learning.rewards.goal import GoalReward, HoldCounter
from robot_learning.rewards.judge import Judged, StateJudge, make_judge


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
    ) -> None:
        """Takes over the hardware.

        Args:
            hardware: what is moved.
            render_mode: None or `rgb_array`.
            judge: of the states, instead of the task's own.
        """
        super().__init__(hardware, render_mode)
        self._task = task_of(self.contract, StateTask)
        self._observer = Observer(self.contract, self.arm.kinematics)
        self._judge = judge or make_judge(self.contract, self.arm.kinematics)
        self._hold = HoldCounter(self._task.hold_steps)
        self._goal = np.zeros(goal_size(self.contract), np.float32)
        seen = _unbounded(observation_size(self.contract))
        self.observation_space: spaces.Space[Any] = seen
        if self._task.has_goal:
            goal = _unbounded(len(self._goal))
            self.observation_space = spaces.Dict(
                {"observation": seen, "achieved_goal": goal, "desired_goal": goal}
            )

    def step(self, action: Array32) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """One control period: the action becomes points, the points become motion.

        Raises:
            RuntimeError: before the first reset.
        """
        # What is refused moves neither arm nor gripper: the gated action is then all zeros.
        gated = self.arm.request(action).gated
        self._grip(asked_of_gripper(self._task.action, gated)[0])
        state = self.arm.step()
        self._steps += 1
        scene = self.hardware.read_scene()
        judged = self._judge.judge(state, scene)
        fault = self.arm.fault is not None
        success = judged.success and not fault
        self._hold.update(success)
        terminated = self._task.terminates and (judged.terminated or fault)
        cut = fault or self._steps >= self._task.episode_steps
        reward = 0.0 if fault and self._task.terminates else judged.reward
        info = self._info(judged, success)
        return self._observe(state, scene), reward, terminated, cut and not terminated, info

    def compute_reward(
        self, achieved_goal: ArrayLike, desired_goal: ArrayLike, info: Any
    ) -> NDArray[Any]:
        """Reward of achieved goals, one (3,) or a batch (..., 3), for relabelling.

        Raises:
            TypeError: the task has no goals.
        """
        if not isinstance(self._task, ReachTask | PushTask):
            raise TypeError(f"task {self._task.name} has no goals to compute rewards of")
        return GoalReward(self._task).reward(achieved_goal, desired_goal)

    def render(self) -> NDArray[np.uint8] | None:
        """An image of the contract's first camera, shape (height, width, 3)."""
        if self.render_mode is None:
            return None
        return self.hardware.read_camera(self.contract.robot.cameras[0].name).rgb

    def _begin(self, state: RobotState) -> tuple[Any, dict[str, Any]]:
        self._hold.reset()
        self._judge.begin()
        action = self._task.action
        if isinstance(action, TcpPick):
            self._grip(Grip.OPEN)
        else:
            force_n = self.contract.robot.gripper.force_max_n
            self.hardware.write_gripper(action.gripper_width_m, force_n)
        scene = self.hardware.read_scene()
        if self._task.has_goal:
            self._goal = np.array(scene["target_position_m"], np.float32)
        judged = self._judge.judge(state, scene)
        return self._observe(state, scene), self._info(judged, judged.success)

    def _grip(self, grip: Grip) -> None:
        action = self._task.action
        if grip is Grip.LEAVE or not isinstance(action, TcpPick):
            return
        self.hardware.write_gripper(grip_width_m(self.contract, grip), action.gripper_force_n)

    def _observe(self, state: RobotState, scene: Scene) -> Any:
        observation, achieved = self._observer.observe(state, scene)
        if not self._task.has_goal:
            return observation
        return {
            "observation": observation,
            "achieved_goal": achieved,
            "desired_goal": self._goal.copy(),
        }

    def _info(self, judged: Judged, success: bool) -> dict[str, Any]:
        info = self.arm.info() | {
            "at_goal": success,
            "is_success": self._hold.held_steps >= self._task.hold_steps,
        }
        return info | {"distance_m": judged.distance_m} if self._task.has_goal else info


def _unbounded(size: int) -> spaces.Box:
    # Measurements carry noise, so no bound would be one.
    return spaces.Box(-np.inf, np.inf, (size,), np.float32)
