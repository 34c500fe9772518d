"""One numbered transition of an episode, as it travels from the actor to the learner."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]


class StepError(ValueError):
    """A step cannot be learned from: not finite, or of the wrong size."""


@dataclass(frozen=True, slots=True)
class Step:
    """One transition (o, a, r, o'), the same facts as the message `EpisodeStep`.

    Arrays are float32 and one-dimensional; actions are in the environment's units. Goals are
    empty for tasks without goals.

    Attributes:
        actor_id: identity of the actor process; a new one for every start of it.
        step_number: counts up by one for each step of this actor, across episodes, from 0.
        episode: number of the episode of this actor, from 0.
        episode_step: number of the step within its episode, from 0.
        is_evaluation: counted, never learned from.
        is_intervention: a person chose the action.
        observation: o.
        achieved_goal: what the goal would have had to be at o.
        desired_goal: the goal of this episode.
        requested_action: what the policy or person asked for.
        gated_action: what the safety gate allowed.
        executed_action: what was done; learning uses this one.
        reward: of o'.
        next_observation: o'.
        next_achieved_goal: the achieved goal at o'.
        terminated: the task itself ended here; o' has no value beyond its reward.
        truncated: the episode was cut here; the value of o' is still to be estimated.
        success: the task's success condition held at o' (before any hold time is counted).
        policy_version: weights that chose the action; 0 when no policy did.
        stamp_s: source stamp of o.
        observation_age_s: how old o was when the action was commanded.
    """

    actor_id: str
    step_number: int
    episode: int
    episode_step: int
    is_evaluation: bool
    is_intervention: bool
    observation: Float32
    achieved_goal: Float32
    desired_goal: Float32
    requested_action: Float32
    gated_action: Float32
    executed_action: Float32
    reward: float
    next_observation: Float32
    next_achieved_goal: Float32
    terminated: bool
    truncated: bool
    success: bool
    policy_version: int = 0
    stamp_s: float = 0.0
    observation_age_s: float = 0.0


def check_step(step: Step, observation_size: int, goal_size: int, action_size: int) -> None:
    """Refuses what would poison the replay.

    Raises:
        StepError: naming actor, step number and field.
    """
    expected = {
        "observation": observation_size,
        "achieved_goal": goal_size,
        "desired_goal": goal_size,
        "requested_action": action_size,
        "gated_action": action_size,
        "executed_action": action_size,
        "next_observation": observation_size,
        "next_achieved_goal": goal_size,
    }
    for name, size in expected.items():
        value = getattr(step, name)
        if value.shape != (size,):
            raise StepError(
                f"step {step.step_number} of {step.actor_id}: {name} has shape {value.shape}, "
                f"expected ({size},); the actor serves another contract"
            )
        # One sum instead of np.isfinite().all(): finite inputs cannot overflow a float64 sum.
        if not np.isfinite(value.sum(dtype=np.float64)):
            raise StepError(
                f"step {step.step_number} of {step.actor_id}: {name} is not finite "
                f"({value.tolist()}); the step is refused, mend its source"
            )
    for name in ("reward", "stamp_s", "observation_age_s"):
        if not np.isfinite(getattr(step, name)):
            raise StepError(
                f"step {step.step_number} of {step.actor_id}: {name} is "
                f"{getattr(step, name)}; the step is refused, mend its source"
            )


def interventions(steps: Sequence[Step]) -> list[slice]:
    """The pieces of consecutive steps of an episode that a person chose."""
    edges = np.diff([False, *(step.is_intervention for step in steps), False])
    starts, ends = np.flatnonzero(edges)[::2], np.flatnonzero(edges)[1::2]
    return [slice(int(start), int(end)) for start, end in zip(starts, ends, strict=True)]
