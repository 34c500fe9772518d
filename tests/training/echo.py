"""An environment for tests in which one observation does not tell what to do."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces


class Echo(gymnasium.Env[Any, Any]):
    """Shows a random sign at each step and wants the one shown before; ten steps.

    The reward of a step is -(a - s)^2 with s the sign before the present one, 0 at the first.
    Who sees only the present sign can do no better than a = 0, a return of -9. Who sees two reaches
    -1: at the first step, where both are the same, nothing says that 0 is wanted.
    """

    observation_space = spaces.Box(-1.0, 1.0, (1,), np.float32)
    action_space = spaces.Box(-1.0, 1.0, (1,), np.float32)

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self._steps, self._before, self._shown = 0, 0.0, self._sign()
        return self._observed(), {}

    def step(self, action: Any) -> Any:
        reward = -((float(action[0]) - self._before) ** 2)
        self._before, self._shown = self._shown, self._sign()
        self._steps += 1
        return self._observed(), reward, False, self._steps >= 10, {}

    def _sign(self) -> float:
        return float(self.np_random.choice([-1.0, 1.0]))

    def _observed(self) -> Any:
        return np.array([self._shown], np.float32)


gymnasium.register("robot_learning_tests/Echo-v0", entry_point=Echo)
