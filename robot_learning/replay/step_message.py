"""Between a Step and anything with the fields of the message EpisodeStep."""

from __future__ import annotations

from typing import Any

import numpy as np

from robot_learning.replay.step import Step

STEP_ARRAYS = (
    "observation",
    "achieved_goal",
    "desired_goal",
    "requested_action",
    "gated_action",
    "executed_action",
    "next_observation",
    "next_achieved_goal",
)
STEP_SCALARS = (
    "actor_id",
    "step_number",
    "episode",
    "episode_step",
    "is_evaluation",
    "is_intervention",
    "terminated",
    "truncated",
    "success",
    "policy_version",
)


def step_of(message: Any) -> Step:
    """A message's fields as a Step."""
    stamp = message.header.stamp
    fields: dict[str, Any] = {name: getattr(message, name) for name in STEP_SCALARS}
    for name in STEP_ARRAYS:
        fields[name] = np.asarray(getattr(message, name), np.float32)
    return Step(
        **fields,
        reward=message.reward,
        stamp_s=float(stamp.sec) + float(stamp.nanosec) * 1e-9,
        observation_age_s=message.observation_age_s,
    )
