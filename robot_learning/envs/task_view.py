"""What a task that is seen in numbers shows to whoever acts: spaces, observations, `info`.

The environment in this process and the one over the graph both show it through here.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import ArrayLike, NDArray

from robot_learning.contract import Contract, PushTask, ReachTask, StateTask, task_of
from robot_learning.envs.observation import Observer, goal_size, observation_size
from robot_learning.hardware import RobotState, Scene
from robot_learning.kinematics import ArmKinematics
from robot_learning.replay.step import Float32
from robot_learning.rewards.goal import GoalReward, HoldCounter
from robot_learning.rewards.judge import Judged, StateJudge, make_judge


class TaskView:
    """One episode after the other, as seen.

    Attributes:
        task: of the contract.
        observer: of its states.
        judge: of its states.
        goal: of the running episode, float32; empty for tasks without goals.
        observation_space: a Dict of `observation`, `achieved_goal` and `desired_goal` with goals, a
            Box without.
    """

    def __init__(
        self,
        contract: Contract,
        kinematics: ArmKinematics | None = None,
        judge: StateJudge | None = None,
    ) -> None:
        """Begins with nothing seen.

        Args:
            contract: robot and task.
            kinematics: of its arm, where they are made already.
            judge: of the states, instead of the task's own.

        Raises:
            ContractError: the task is seen in pictures.
        """
        self.task = task_of(contract, StateTask)
        self.observer = Observer(contract, kinematics)
        self.judge = judge or make_judge(contract, kinematics)
        self.goal: Float32 = np.zeros(goal_size(contract), np.float32)
        self._hold = HoldCounter(self.task.hold_steps)
        seen = _unbounded(observation_size(contract))
        self.observation_space: spaces.Space[Any] = seen
        if self.task.has_goal:
            goal = _unbounded(len(self.goal))
            self.observation_space = spaces.Dict(
                {"observation": seen, "achieved_goal": goal, "desired_goal": goal}
            )

    def begin(self, state: RobotState, scene: Scene) -> tuple[Any, dict[str, Any]]:
        """An episode begins here: its first observation, and `info` of the state.

        Raises:
            KeyError: the scene lacks something that `contract.task.scene` names.
        """
        self._hold.reset()
        self.judge.begin()
        if self.task.has_goal:
            self.goal = np.array(scene["target_position_m"], np.float32)
        judged = self.judge.judge(state, scene)
        return self.observe(state, scene), self._info(judged, judged.success)

    def observe(self, state: RobotState, scene: Scene) -> Any:
        """The observation of a state, of the kind that `observation_space` says."""
        observation, achieved = self.observer.observe(state, scene)
        if not self.task.has_goal:
            return observation
        return {
            "observation": observation,
            "achieved_goal": achieved,
            "desired_goal": self.goal.copy(),
        }

    def info(self, judged: Judged, success: bool) -> dict[str, Any]:
        """`info` of the next state, whose success counts as held from there on.

        `at_goal` is the condition of this state, `is_success` whether it has held for the
        contract's hold steps up to now, `distance_m` how far the goal is, where there is one.
        """
        self._hold.update(success)
        return self._info(judged, success)

    def compute_reward(self, achieved_goal: ArrayLike, desired_goal: ArrayLike) -> NDArray[Any]:
        """Reward of achieved goals, one (3,) or a batch (..., 3), for relabelling.

        Raises:
            TypeError: the task has no goals.
        """
        if not isinstance(self.task, ReachTask | PushTask):
            raise TypeError(f"task {self.task.name} has no goals to compute rewards of")
        return GoalReward(self.task).reward(achieved_goal, desired_goal)

    def _info(self, judged: Judged, success: bool) -> dict[str, Any]:
        held = self._hold.held_steps >= self.task.hold_steps
        info = {"at_goal": success, "is_success": held}
        return info | {"distance_m": judged.distance_m} if self.task.has_goal else info


def _unbounded(size: int) -> spaces.Box:
    # Measurements carry noise, so no bound would be one.
    return spaces.Box(-np.inf, np.inf, (size,), np.float32)
