"""An environment for tests that goes wrong when it is told to, and an expert on it."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

WRONG = ""
"""What goes wrong in the fourth episode: "observation", "first observation", "reward" (NaN),
"step", "reset" (an exception); nothing if empty. A test changes it."""

EPISODE_STEPS = 6


class Faulty(gymnasium.Env[Any, Any]):
    """Rewards a small action; whatever it is asked, until it fails in its fourth episode."""

    observation_space = spaces.Box(-np.inf, np.inf, (2,), np.float32)
    action_space = spaces.Box(-1.0, 1.0, (1,), np.float32)

    def __init__(self) -> None:
        self._episodes = 0

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self._episodes += 1
        self._steps = 0
        if self._wrong("reset"):
            raise RuntimeError("the cable\nis out")
        return self._observed("first observation"), {}

    def step(self, action: Any) -> Any:
        self._steps += 1
        if self._wrong("step"):
            raise RuntimeError("the cable\nis out")
        reward = np.nan if self._wrong("reward") else -float(action[0] ** 2)
        over = self._steps >= EPISODE_STEPS
        return self._observed("observation"), reward, False, over, {}

    def _observed(self, what: str) -> Any:
        observed = self.np_random.uniform(-1.0, 1.0, 2).astype(np.float32)
        return observed * np.float32(np.nan) if self._wrong(what) else observed

    def _wrong(self, what: str) -> bool:
        begun = self._steps in (0, EPISODE_STEPS // 2)
        return what == WRONG and self._episodes >= 4 and begun


class Expert:
    """Does nothing, which is best."""

    def act(self, observation: Any, goal: Any = None) -> Any:
        del observation, goal
        return np.zeros(1, np.float32)


gymnasium.register("robot_learning_tests/Faulty-v0", entry_point=Faulty)
