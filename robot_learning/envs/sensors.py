"""What a robot would measure of a simulated state; the state itself goes to a teacher."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium

from robot_learning.algorithms.teacher_student import PRIVILEGED


class Sensors(gymnasium.Wrapper[Any, Any, Any, Any], gymnasium.utils.RecordConstructorArgs):
    """Observes some components of a vector; all of it is in `info["privileged_observation"]`.

    Where one picture of the sensors does not say enough, as positions say no velocity, put
    `gymnasium.wrappers.FrameStackObservation` around it.
    """

    def __init__(self, env: gymnasium.Env[Any, Any], keep: Sequence[int]) -> None:
        gymnasium.utils.RecordConstructorArgs.__init__(self, keep=keep)
        super().__init__(env)
        space = env.observation_space
        if not isinstance(space, gymnasium.spaces.Box) or len(space.shape) != 1:
            raise ValueError(f"sensors need a vector to observe, not {space}")
        self._keep = list(keep)
        low, high = space.low[self._keep], space.high[self._keep]
        self.observation_space = gymnasium.spaces.Box(low, high, dtype=space.low.dtype.type)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Begins an episode."""
        observed, info = self.env.reset(seed=seed, options=options)
        return observed[self._keep], info | {PRIVILEGED: observed}

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """One step."""
        observed, reward, terminated, truncated, info = self.env.step(action)
        seen = observed[self._keep]
        return seen, reward, terminated, truncated, info | {PRIVILEGED: observed}
