"""What an episode's file says of itself: known when it began, and known when it ended."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, ValidationError

BEGIN_RECORD, END_RECORD = "robot_learning.episode", "robot_learning.episode_end"

Outcome = Literal["success", "failure", "aborted", "unlabelled", "discarded"]
OUTCOMES: tuple[str, ...] = get_args(Outcome)
Clock = Literal["real_time", "lockstep", "unknown"]
State = Literal["complete", "repaired"]


class InfoError(ValueError):
    """A file does not say of itself what an episode's file says."""


class _Record(BaseModel):
    """Goes into a bag's metadata, every value as text: words as they are, the rest as JSON."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def as_metadata(self) -> dict[str, str]:
        """Key and value pairs."""
        values = self.model_dump(mode="json")
        return {k: v if isinstance(v, str) else json.dumps(v) for k, v in values.items()}

    @classmethod
    def from_metadata(cls, values: Mapping[str, str]) -> Self:
        """Back from key and value pairs.

        Raises:
            InfoError: one is missing, unknown or not of its kind.
        """
        data: dict[str, Any] = {}
        for key, value in values.items():
            field = cls.model_fields.get(key)
            is_text = field is not None and isinstance(field.default, str)
            try:
                data[key] = value if is_text else json.loads(value)
            except ValueError:
                raise InfoError(f"{key}: {value[:40]!r} is not JSON") from None
        try:
            return cls.model_validate(data)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            raise InfoError(f"{where}: {first['msg']}") from None


class EpisodeInfo(_Record):
    """Known when an episode begins.

    Attributes:
        id: its name in the store, unique.
        task: name of the task's contract.
        robot: name of the robot's contract.
        instruction: the task in words.
        contract_sha256: of the contract; empty where none is known.
        contract: the contract itself, so that a file can be read without the software of its day.
        operator: who demonstrates.
        notes: of the operator, for all episodes of a session.
        revision: of this software.
        clock: what drives the stamps; in `lockstep` they are simulated time.
        origin: `recorded`, or what file it was imported from.
        actor_id: identity of the process that acts.
        episode: its number at this actor.
        is_evaluation: counted, never learned from.
        started_ns: nanoseconds on the system clock.
        version: of this record.
    """

    id: str = ""
    task: str = ""
    robot: str = ""
    instruction: str = ""
    contract_sha256: str = ""
    contract: dict[str, Any] | None = None
    operator: str = ""
    notes: str = ""
    revision: str = ""
    clock: Clock = "unknown"
    origin: str = "recorded"
    actor_id: str = ""
    episode: int = 0
    is_evaluation: bool = False
    started_ns: int = 0
    version: Literal[1] = 1


class EpisodeEnd(_Record):
    """Known when an episode has ended.

    Attributes:
        outcome: as the actor said; labels given later are beside the file.
        state: `repaired` when the recording was cut and made whole again.
        note: why, one line.
        episode_return: sum of rewards.
        steps: how many the actor says it took; None where it said nothing.
        dropped: messages that the recorder received and could not keep.
        ended_ns: nanoseconds on the system clock.
    """

    outcome: Outcome = "unlabelled"
    state: State = "complete"
    note: str = ""
    episode_return: float = 0.0
    steps: int | None = None
    dropped: int = 0
    ended_ns: int = 0
