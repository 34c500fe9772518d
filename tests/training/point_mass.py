"""A tiny goal environment for tests: a point that is pushed towards a goal; learned in seconds."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

EPISODE_STEPS = 20
_STEP_M, _RADIUS_M = 0.1, 0.12


class PointMass(gymnasium.Env[dict[str, Any], Any]):
    """Two coordinates within [-1, 1]; reward 0 within 0.12 of the goal, else -1.

    `executed_share` makes the executed action smaller than the requested one, as a safety gate
    may; `fail_at` gives NaN as the reward of that step, counted over the environment's life.
    """

    def __init__(self, executed_share: float = 1.0, fail_at: int | None = None) -> None:
        box = spaces.Box(-np.inf, np.inf, (2,), np.float32)
        self.observation_space = spaces.Dict(
            {"observation": box, "achieved_goal": box, "desired_goal": box}
        )
        self.action_space = spaces.Box(-1.0, 1.0, (2,), np.float32)
        self._share = executed_share
        self._fail_at = fail_at
        self._lived = 0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        super().reset(seed=seed)
        self._position = np.zeros(2)
        self._goal = self.np_random.uniform(-0.8, 0.8, 2)
        self._steps = 0
        return self._observed(), {}

    def step(self, action: Any) -> tuple[dict[str, Any], float, bool, bool, dict[str, Any]]:
        executed = np.clip(action, -1, 1) * self._share
        self._position = np.clip(self._position + _STEP_M * executed, -1, 1)
        self._steps += 1
        self._lived += 1
        observed = self._observed()
        reward = float(self.compute_reward(observed["achieved_goal"], observed["desired_goal"], {}))
        info = {"is_success": reward == 0.0, "executed_action": executed.astype(np.float32)}
        if self._lived == self._fail_at:
            reward = float("nan")
        return observed, reward, False, self._steps >= EPISODE_STEPS, info

    def compute_reward(self, achieved: Any, desired: Any, info: Any) -> Any:
        distance = np.linalg.norm(np.asarray(achieved) - np.asarray(desired), axis=-1)
        return np.where(distance < _RADIUS_M, 0.0, -1.0)

    def _observed(self) -> dict[str, Any]:
        position = self._position.astype(np.float32)
        return {
            "observation": position,
            "achieved_goal": position.copy(),
            "desired_goal": self._goal.astype(np.float32),
        }


gymnasium.register("robot_learning_tests/PointMass-v0", entry_point=PointMass)
