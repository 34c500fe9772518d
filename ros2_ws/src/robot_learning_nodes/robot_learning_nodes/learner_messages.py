"""What learners say, as messages: how far they are, and what they have learned."""

from __future__ import annotations

from array import array

from robot_learning_interfaces.msg import LearnerStatus as LearnerStatusMessage
from robot_learning_interfaces.msg import PolicyParameters

from robot_learning.training.learner_types import LearnerStatus, Phase
from robot_learning_nodes.convert import MessageError, to_time

_SCALARS = (
    "steps",
    "steps_goal",
    "episodes",
    "updates",
    "updates_per_s",
    "steps_per_s",
    "success_rate",
    "success_window",
    "policy_version",
    "evaluation_episodes_goal",
    "evaluation_episodes",
    "duplicates",
)
_SEQUENCES = ("success_wilson95", "actor_ids", "acknowledged_steps")


def write_status(status: LearnerStatus) -> LearnerStatusMessage:
    """A status as a message."""
    return LearnerStatusMessage(
        phase=int(status.phase),
        **{name: getattr(status, name) for name in _SCALARS},
        **{name: list(getattr(status, name)) for name in _SEQUENCES},
    )


def read_status(message: LearnerStatusMessage) -> LearnerStatus:
    """A message as a status.

    Raises:
        MessageError: the phase is unknown.
    """
    try:
        phase = Phase(message.phase)
    except ValueError as error:
        raise MessageError(f"learner/status: {error}") from None
    return LearnerStatus(
        phase=phase,
        **{name: getattr(message, name) for name in _SCALARS},
        **{name: tuple(getattr(message, name)) for name in _SEQUENCES},
    )


def write_weights(
    data: bytes, version: int, algorithm: str, contract_sha256: str, stamp_s: float
) -> PolicyParameters:
    """A policy's file as a message."""
    message = PolicyParameters(
        version=version, algorithm=algorithm, contract_sha256=contract_sha256
    )
    message.header.stamp = to_time(stamp_s)
    message.safetensors = array("B", data)
    return message
