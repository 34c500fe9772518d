"""Steps for tests of everything that takes steps."""

from __future__ import annotations

from typing import Any

import numpy as np

from robot_learning.replay import Step

EPISODE_STEPS = 5


def make_step(number: int, *, actor: str = "a", **changes: Any) -> Step:
    """Step `number` of an actor whose episodes have five steps; observation 2, goal 2, action 2."""
    rng = np.random.default_rng(number)

    def vector() -> Any:
        return rng.uniform(-1, 1, 2).astype(np.float32)

    fields: dict[str, Any] = {
        "actor_id": actor,
        "step_number": number,
        "episode": number // EPISODE_STEPS,
        "episode_step": number % EPISODE_STEPS,
        "is_evaluation": False,
        "is_intervention": False,
        "observation": vector(),
        "achieved_goal": vector(),
        "desired_goal": vector(),
        "requested_action": vector(),
        "gated_action": vector(),
        "executed_action": vector(),
        "reward": -1.0,
        "next_observation": vector(),
        "next_achieved_goal": vector(),
        "terminated": False,
        "truncated": number % EPISODE_STEPS == EPISODE_STEPS - 1,
        "success": False,
        "policy_version": number,
        "stamp_s": number * 0.05,
        "observation_age_s": 0.01,
    }
    return Step(**(fields | changes))


def same_step(left: Step, right: Step) -> bool:
    """Equal in every field, arrays bit for bit (floats that are stored as float32 as such)."""
    for name in Step.__slots__:
        a, b = getattr(left, name), getattr(right, name)
        if isinstance(a, np.ndarray):
            if a.dtype != b.dtype or a.tobytes() != b.tobytes():
                return False
        elif a != b and np.float32(a) != np.float32(b):
            return False
    return True
