"""The evaluation protocol in process: deterministic policy, fixed list of episode seeds."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from robot_learning.evaluation.episodes import Episode, Evaluation
from robot_learning.networks import Policy
from robot_learning.replay import StepError
from robot_learning.training.environments import (
    Environment,
    at_goal,
    begin_episode,
    claim_doubt,
    episode_seed,
    require_finite,
    take_apart,
    to_action,
)

EVALUATION_STREAM = 1
SELECTION_STREAM = 2


def evaluate(
    environment: Environment,
    policy: Policy,
    *,
    episodes: int,
    seed: int,
    hold_steps: int,
    has_success: bool,
    stream: int = EVALUATION_STREAM,
    on_episode: Callable[[Episode], None] | None = None,
    on_decision: Callable[[float, float], None] | None = None,
) -> Evaluation:
    """Runs `episodes` episodes without exploration.

    Args:
        environment: on which.
        policy: acting greedily.
        episodes: how many.
        seed: episode i is reset with a seed derived from (seed, stream, i).
        hold_steps: an episode succeeds when its condition held during its last steps.
        has_success: the task has a success condition.
        stream: episodes of different streams are never the same.
        on_episode: called after each.
        on_decision: called after each action of the policy, with the seconds that it took and how
            much the policy's model doubted it.

    Raises:
        ValueError: the policy's sizes do not fit the environment.
        StepError: an observation or a reward is not finite.
    """
    done: list[Episode] = []
    for number in range(episodes):
        seen, _ = begin_episode(environment, episode_seed(seed, stream, number))
        policy.begin()
        total, length, held, over = 0.0, 0, 0, False
        while not over:
            goal = seen.desired_goal if policy.goal_size else None
            asked_s = time.perf_counter()
            action = policy.act(seen.observation, goal)
            took_s = time.perf_counter() - asked_s
            doubt = claim_doubt(environment, policy, seen, action)
            if on_decision:
                on_decision(took_s, doubt)
            taken = to_action(environment, action)
            observed, reward, terminated, truncated, info = environment.step(taken)
            seen, when = take_apart(observed), f"episode {number}, step {length}"
            require_finite(environment, seen, when)
            if not math.isfinite(reward):
                raise StepError(f"{when}: reward is {reward}; mend the environment")
            total += float(reward)
            length += 1
            held = held + 1 if at_goal(info) else 0
            over = terminated or truncated
        episode = Episode(total, length, held >= min(hold_steps, length))
        done.append(episode)
        if on_episode:
            on_episode(episode)
    return Evaluation.of(done, has_success=has_success)
