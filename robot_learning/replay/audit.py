"""Counts what a run's journal really holds: the proof that no step is there twice or missing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from robot_learning.replay.journal_format import read_steps


@dataclass(frozen=True)
class JournalAudit:
    """What a journal holds.

    Attributes:
        training_steps: steps to learn from.
        evaluation_steps: steps of evaluation.
        repeated: steps that are there more than once.
        missing: numbers below an actor's highest that are not there.
        actors: number of steps of each actor.
    """

    training_steps: int
    evaluation_steps: int
    repeated: int
    missing: int
    actors: dict[str, int]


def audit_journal(checkpoint: Path) -> JournalAudit:
    """Reads the journal in a run's checkpoint folder.

    Raises:
        JournalError: the file is no journal.
        OSError: it cannot be read.
    """
    numbers: dict[str, set[int]] = {}
    training = evaluation = 0
    for _, step in read_steps(checkpoint / "steps.journal"):
        numbers.setdefault(step.actor_id, set()).add(step.step_number)
        evaluation += step.is_evaluation
        training += not step.is_evaluation
    unique = sum(len(seen) for seen in numbers.values())
    return JournalAudit(
        training_steps=training,
        evaluation_steps=evaluation,
        repeated=training + evaluation - unique,
        missing=sum(max(seen) + 1 - len(seen) for seen in numbers.values()),
        actors={actor: len(seen) for actor, seen in numbers.items()},
    )
