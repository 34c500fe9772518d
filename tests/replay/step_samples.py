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


def reward_of(episode: int, step: int) -> float:
    """The reward that says which step it is of."""
    return 1.0 + 10.0 * episode + step


def marked_episode(episode: int, length: int, *, terminated: bool = False) -> list[Step]:
    """Steps that say in observation, achieved goal and reward which they are; the last ends it."""
    return [
        make_step(
            step,
            episode=episode,
            observation=np.array([episode, step], np.float32),
            next_observation=np.array([episode, step + 1], np.float32),
            next_achieved_goal=np.array([episode, step], np.float32),
            desired_goal=np.array([-9, -9], np.float32),
            reward=reward_of(episode, step),
            terminated=terminated and step == length - 1,
            truncated=not terminated and step == length - 1,
        )
        for step in range(length)
    ]


def sparse(achieved: Any, desired: Any) -> Any:
    """0 at the goal, -1 anywhere else."""
    return np.where(np.linalg.norm(achieved - desired, axis=-1) < 1e-6, 0.0, -1.0)


def add_steps(replay: Any, steps: list[Step]) -> None:
    """Adds them with the actions that were executed."""
    replay.add(steps, np.stack([step.executed_action for step in steps]))


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
