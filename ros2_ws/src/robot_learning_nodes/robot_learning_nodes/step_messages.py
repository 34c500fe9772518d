"""Between the message EpisodeStep and the library's Step."""

from __future__ import annotations

import numpy as np
from robot_learning_interfaces.msg import EpisodeStep

from robot_learning.replay.step import Step
from robot_learning_nodes.convert import floats, to_seconds, to_time

_ARRAYS = (
    "observation",
    "achieved_goal",
    "desired_goal",
    "requested_action",
    "gated_action",
    "executed_action",
    "next_observation",
    "next_achieved_goal",
)
_SCALARS = (
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


def write_step(step: Step, frame_id: str, contract_sha256: str) -> EpisodeStep:
    """A Step as a message."""
    message = EpisodeStep(contract_sha256=contract_sha256)
    message.header.stamp = to_time(step.stamp_s)
    message.header.frame_id = frame_id
    for name in _SCALARS:
        setattr(message, name, getattr(step, name))
    for name in _ARRAYS:
        setattr(message, name, floats(getattr(step, name)))
    message.reward = float(step.reward)
    message.observation_age_s = float(step.observation_age_s)
    return message


def read_step(message: EpisodeStep) -> Step:
    """A message as a Step."""
    return Step(
        **{name: getattr(message, name) for name in _SCALARS},
        **{name: np.asarray(getattr(message, name), dtype=np.float32) for name in _ARRAYS},
        reward=message.reward,
        stamp_s=to_seconds(message.header.stamp),
        observation_age_s=message.observation_age_s,
    )
