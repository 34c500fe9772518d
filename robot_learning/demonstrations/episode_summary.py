"""One line of the catalogue, made from an episode's file and its labels alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from robot_learning.demonstrations.episode_info import EpisodeEnd, EpisodeInfo
from robot_learning.demonstrations.labels import Label
from robot_learning.demonstrations.stream_facts import StreamFacts


@dataclass(frozen=True, slots=True)
class StreamSummary:
    """A stream of an episode: messages, rate achieved (Hz), longest gap (s), messages lost."""

    topic: str
    type_name: str
    messages: int
    rate_hz: float
    longest_gap_s: float
    lost: int


@dataclass(frozen=True, slots=True)
class EpisodeSummary:
    """What the catalogue knows of an episode.

    Attributes:
        id: unique.
        file: its name in the store's folder.
        bytes: its size.
        state: `complete` or `repaired`.
        task: name of the task's contract.
        robot: name of the robot's contract.
        contract_sha256: of both.
        operator: who demonstrated.
        outcome: the newest label, or what the actor said.
        started_utc: ISO 8601.
        duration_s: from beginning to end, on the system clock.
        steps: aligned steps in the file.
        interventions: of them with a person's action.
        episode_return: sum of rewards.
        is_evaluation: counted, never learned from.
        lost: messages that were published and are not in the file.
        origin: `recorded`, or what it was imported from.
        revision: of the software that recorded it.
        notes: of the operator, the actor and the newest label.
        streams: one a topic.
    """

    id: str
    file: str
    bytes: int
    state: str
    task: str
    robot: str
    contract_sha256: str
    operator: str
    outcome: str
    started_utc: str
    duration_s: float
    steps: int
    interventions: int
    episode_return: float
    is_evaluation: bool
    lost: int
    origin: str
    revision: str
    notes: str
    streams: tuple[StreamSummary, ...]


def summarise(
    file: Path,
    info: EpisodeInfo,
    end: EpisodeEnd,
    facts: Sequence[StreamFacts],
    labels: Sequence[Label],
    *,
    steps: int,
    interventions: int,
) -> EpisodeSummary:
    """The summary of a whole file."""
    lost = sum(fact.lost for fact in facts) + end.dropped
    notes = [info.notes, end.note, labels[-1].note if labels else ""]
    return EpisodeSummary(
        id=info.id,
        file=file.name,
        bytes=file.stat().st_size,
        state=end.state,
        task=info.task,
        robot=info.robot,
        contract_sha256=info.contract_sha256,
        operator=info.operator,
        outcome=labels[-1].outcome if labels else end.outcome,
        started_utc=utc(info.started_ns),
        duration_s=round(max(0, end.ended_ns - info.started_ns) * 1e-9, 3),
        steps=steps,
        interventions=interventions,
        episode_return=end.episode_return,
        is_evaluation=info.is_evaluation,
        lost=lost,
        origin=info.origin,
        revision=info.revision,
        notes="; ".join(note for note in notes if note),
        streams=tuple(
            StreamSummary(
                topic=fact.topic,
                type_name=fact.type_name,
                messages=fact.messages,
                rate_hz=round(fact.rate_hz, 3),
                longest_gap_s=round(fact.longest_gap_ns * 1e-9, 6),
                lost=fact.lost,
            )
            for fact in sorted(facts, key=lambda fact: fact.topic)
            if fact.messages
        ),
    )


def utc(time_ns: int) -> str:
    """Nanoseconds on the system clock as ISO 8601, to the millisecond."""
    moment = datetime.fromtimestamp(time_ns // 1_000_000 / 1e3, UTC)
    return moment.isoformat(timespec="milliseconds")
