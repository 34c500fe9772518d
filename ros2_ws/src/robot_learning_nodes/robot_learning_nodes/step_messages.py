"""Between the message EpisodeStep and the library's Step."""

from __future__ import annotations

from robot_learning_interfaces.msg import EpisodeStep

from robot_learning.replay.step import Step
from robot_learning.replay.step_message import STEP_ARRAYS, STEP_SCALARS, step_of
from robot_learning_nodes.convert import floats, to_time


def write_step(step: Step, frame_id: str, contract_sha256: str) -> EpisodeStep:
    """A Step as a message."""
    message = EpisodeStep(contract_sha256=contract_sha256)
    message.header.stamp = to_time(step.stamp_s)
    message.header.frame_id = frame_id
    for name in STEP_SCALARS:
        setattr(message, name, getattr(step, name))
    for name in STEP_ARRAYS:
        setattr(message, name, floats(getattr(step, name)))
    message.reward = float(step.reward)
    message.observation_age_s = float(step.observation_age_s)
    return message


def read_step(message: EpisodeStep) -> Step:
    """A message as a Step."""
    return step_of(message)
