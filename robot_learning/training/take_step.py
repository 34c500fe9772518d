"""One step of an environment, with everything that a replay or a file keeps of it."""

from __future__ import annotations

from typing import Any, NamedTuple

from robot_learning.replay import Step
from robot_learning.replay.step import Float32
from robot_learning.training.environments import (
    Environment,
    Observed,
    at_goal,
    flat,
    require_finite,
    take_apart,
    to_action,
)


class Taken(NamedTuple):
    """A step that was taken.

    Attributes:
        step: for the replay.
        after: what is observed now.
        over: the episode has ended.
        info: what the environment said beside it.
    """

    step: Step
    after: Observed
    over: bool
    info: dict[str, Any]


def take_step(
    environment: Environment,
    seen: Observed,
    action: Float32,
    *,
    actor_id: str,
    step_number: int,
    episode: int,
    episode_step: int,
    requested: Float32 | None = None,
    is_evaluation: bool = False,
    is_intervention: bool = False,
    policy_version: int = 0,
) -> Taken:
    """Makes a step.

    An environment with a safety gate says in its info what the gate allowed and what was done;
    in others that is the action itself.

    Args:
        environment: to act in.
        seen: what is observed before.
        action: to carry out.
        actor_id: as of `Step`, like those below.
        step_number: counts up, across episodes.
        episode: number of the episode.
        episode_step: number of the step within it.
        requested: what was asked for, where that is another action (an expert's beside the
            policy's); default: the action.
        is_evaluation: counted, never learned from.
        is_intervention: a person or an expert chose the action.
        policy_version: weights that chose the action.

    Raises:
        StepError: what is observed is not finite.
    """
    observed, reward, terminated, truncated, info = environment.step(to_action(environment, action))
    after = take_apart(observed)
    require_finite(environment, after, f"episode {episode}, step {episode_step}")
    step = Step(
        actor_id=actor_id,
        step_number=step_number,
        episode=episode,
        episode_step=episode_step,
        is_evaluation=is_evaluation,
        is_intervention=is_intervention,
        observation=seen.observation,
        achieved_goal=seen.achieved_goal,
        desired_goal=seen.desired_goal,
        requested_action=action if requested is None else requested,
        gated_action=flat(info.get("gated_action", action)),
        executed_action=flat(info.get("executed_action", action)),
        reward=float(reward),
        next_observation=after.observation,
        next_achieved_goal=after.achieved_goal,
        terminated=bool(terminated),
        truncated=bool(truncated),
        success=at_goal(info),
        policy_version=policy_version,
        stamp_s=float(info.get("stamp_s", 0.0)),
    )
    return Taken(step, after, bool(terminated or truncated), info)
