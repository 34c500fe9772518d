"""Between messages and what passes between the actor and the world."""

from __future__ import annotations

import numpy as np
from robot_learning_interfaces.msg import ActionRequest, EpisodeEvent, ExecutedAction, Reward

from robot_learning.contract import Contract
from robot_learning.control.action import ActionKind
from robot_learning.replay.step import Float32
from robot_learning.training.actor_types import (
    EpisodeEnd,
    EpisodePlan,
    Judgement,
    Outcome,
    Receipt,
)
from robot_learning_nodes.convert import floats, to_time

_FLOAT32_MAX = float(np.finfo(np.float32).max)  # rclpy refuses to write more

_OUTCOMES = {
    Outcome.SUCCESS: EpisodeEvent.OUTCOME_SUCCESS,
    Outcome.FAILURE: EpisodeEvent.OUTCOME_FAILURE,
    Outcome.ABORTED: EpisodeEvent.OUTCOME_ABORTED,
}


def write_request(
    contract: Contract,
    sequence: int,
    kind: ActionKind,
    action: Float32,
    stamp_s: float,
    policy_version: int = 0,
    doubt: float = 0.0,
) -> ActionRequest:
    """What a policy asks for, made for the state with this stamp; `action` has shape (a,)."""
    message = ActionRequest(
        source="policy",
        sequence=sequence,
        kind=int(kind),
        action=floats(action),
        policy_version=policy_version,
        doubt=_FLOAT32_MAX if doubt > _FLOAT32_MAX else doubt,
        contract_sha256=contract.sha256,
    )
    message.header.stamp = to_time(stamp_s)
    message.header.frame_id = contract.robot.arm.base_frame
    return message


def read_judgement(message: Reward) -> Judgement:
    """The reward of a state."""
    return Judgement(message.reward, message.success, message.terminated)


def read_receipt(message: ExecutedAction) -> Receipt:
    """What became of a request."""
    return Receipt(
        np.asarray(message.requested, np.float32),
        np.asarray(message.gated, np.float32),
        np.asarray(message.executed, np.float32),
        message.observation_age_s,
        is_intervention=message.in_place_of != "",
        limits=tuple(message.limits),
    )


def write_start(actor_id: str, episode: int, plan: EpisodePlan, stamp_s: float) -> EpisodeEvent:
    """An episode begins."""
    event = EpisodeEvent(
        actor_id=actor_id,
        episode=episode,
        event=EpisodeEvent.START,
        is_evaluation=plan.is_evaluation,
    )
    event.header.stamp = to_time(stamp_s)
    return event


def write_mark(actor_id: str, episode: int, event: int, stamp_s: float, note: str) -> EpisodeEvent:
    """Something happened to a running episode: a person took over, gave back, or discarded it."""
    message = EpisodeEvent(actor_id=actor_id, episode=episode, event=event, note=note)
    message.header.stamp = to_time(stamp_s)
    return message


def read_label(message: EpisodeEvent) -> Outcome | None:
    """How an episode went in a person's eyes; None where the person does not say."""
    labels = {number: outcome for outcome, number in _OUTCOMES.items()}
    return labels.get(message.outcome)


def write_end(actor_id: str, end: EpisodeEnd, stamp_s: float) -> EpisodeEvent:
    """An episode is over."""
    event = EpisodeEvent(
        actor_id=actor_id,
        episode=end.episode,
        event=EpisodeEvent.END,
        outcome=_OUTCOMES[end.outcome],
        episode_return=end.episode_return,
        steps=end.steps,
        is_evaluation=end.is_evaluation,
        note=end.note,
    )
    event.header.stamp = to_time(stamp_s)
    return event
