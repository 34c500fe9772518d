"""What a message means for the recording of episodes."""

from __future__ import annotations

from rclpy.serialization import deserialize_message
from robot_learning_interfaces.msg import EpisodeEvent, EpisodeStep

from robot_learning.demonstrations.episode_info import Outcome
from robot_learning.demonstrations.recorder import Began, Discarded, Ended, News, StepCame

_OUTCOMES: dict[int, Outcome] = {
    EpisodeEvent.OUTCOME_UNLABELLED: "unlabelled",
    EpisodeEvent.OUTCOME_SUCCESS: "success",
    EpisodeEvent.OUTCOME_FAILURE: "failure",
    EpisodeEvent.OUTCOME_ABORTED: "aborted",
}


def news_of_event(data: bytes) -> News:
    """An EpisodeEvent's bytes; None for one that neither begins nor ends anything."""
    event = deserialize_message(data, EpisodeEvent)
    if event.event == EpisodeEvent.START:
        stamp = event.header.stamp
        stamp_ns = stamp.sec * 1_000_000_000 + stamp.nanosec
        return Began(event.actor_id, event.episode, event.is_evaluation, stamp_ns)
    if event.event == EpisodeEvent.END:
        return Ended(
            event.actor_id,
            event.episode,
            _OUTCOMES.get(event.outcome, "unlabelled"),
            event.episode_return,
            event.steps,
            event.note,
        )
    if event.event == EpisodeEvent.DISCARD:
        return Discarded(event.note)
    return None


def news_of_step(data: bytes) -> StepCame:
    """An EpisodeStep's bytes."""
    step = deserialize_message(data, EpisodeStep)
    return StepCame(step.actor_id, step.episode, step.step_number, step.is_intervention)
