"""An episode's file, read: what it says of itself, its streams, its aligned steps, its pictures."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from robot_learning.contract import Contract
from robot_learning.demonstrations.bag_reader import Bag, BagError
from robot_learning.demonstrations.bag_writer import Received, Stream
from robot_learning.demonstrations.episode_info import (
    BEGIN_RECORD,
    END_RECORD,
    EpisodeEnd,
    EpisodeInfo,
    InfoError,
)
from robot_learning.demonstrations.message_codec import CodecError, Decoder
from robot_learning.demonstrations.stream_facts import StreamFacts, source_stamp_ns
from robot_learning.replay.step import Step
from robot_learning.replay.step_message import step_of

STEP_TYPE = "robot_learning_interfaces/msg/EpisodeStep"
STATE_TYPE = "sensor_msgs/msg/JointState"
COMPRESSED_TYPE, IMAGE_TYPE = "sensor_msgs/msg/CompressedImage", "sensor_msgs/msg/Image"
# Ends of image topics that say nothing of which camera it is.
_OF_EVERY_CAMERA = frozenset({"compressed", "image_raw", "image_rect", "image", "color", "rgb"})


@dataclass(slots=True)
class EpisodeFile:
    """One episode as its file has it.

    Attributes:
        bag: the file.
        info: what is known of its beginning.
        end: what is known of its end; None where the recording was cut.
        facts: of its streams, by topic.
        steps: aligned steps in order, each once.
        stamps_ns: source stamp of each step's observation.
        step_contracts: contracts (SHA-256) under which the steps were made.
        repeated: steps that the actor sent more than once.
    """

    bag: Bag
    info: EpisodeInfo
    end: EpisodeEnd | None = None
    facts: dict[str, StreamFacts] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    stamps_ns: list[int] = field(default_factory=list)
    step_contracts: set[str] = field(default_factory=set)
    repeated: int = 0

    @property
    def path(self) -> Path:
        """Of the file."""
        return self.bag.path

    @property
    def streams(self) -> Mapping[str, Stream]:
        """By topic."""
        return self.bag.streams

    @property
    def interventions(self) -> int:
        """Steps with a person's action."""
        return sum(step.is_intervention for step in self.steps)

    def contract(self) -> Contract | None:
        """The contract that the file carries; None where it carries none.

        Raises:
            ValueError: it carries one that this software does not read.
        """
        if self.info.contract is None:
            return None
        return Contract.model_validate_json(json.dumps(self.info.contract))

    def cameras(self) -> dict[str, str]:
        """Topics of pictures by the camera's name; compressed where there are both."""
        found: dict[str, str] = {}
        for kind in (IMAGE_TYPE, COMPRESSED_TYPE):
            for topic, stream in self.streams.items():
                if stream.type_name == kind and self.facts[topic].messages:
                    found[camera_name(topic)] = topic
        return dict(sorted(found.items()))

    def of_type(self, type_name: str) -> list[str]:
        """Topics of a type."""
        return sorted(t for t, s in self.streams.items() if s.type_name == type_name)

    def messages(self, topic: str) -> Iterator[tuple[Received, Any]]:
        """Each message of a topic, as received and decoded.

        Raises:
            CodecError: one cannot be decoded.
        """
        decoder = Decoder()
        for received in self.bag.messages():
            if received.topic == topic:
                yield received, decoder.decode(self.streams[topic], received.data)


def camera_name(topic: str) -> str:
    """A camera's name from its topic: without what every camera's topic has."""
    parts = [part for part in topic.split("/") if part]
    while len(parts) > 1 and parts[-1] in _OF_EVERY_CAMERA:
        parts.pop()
    return "_".join(parts)


def read_episode(path: Path) -> EpisodeFile:
    """Reads a file, but for its pictures.

    Raises:
        BagError: it is no MCAP, or no episode of this software.
        CodecError: a step cannot be decoded.
        OSError: it cannot be read.
    """
    bag = Bag(path)
    episode = EpisodeFile(bag, EpisodeInfo())
    decoder = Decoder()
    seen: set[tuple[str, int]] = set()
    found: list[tuple[int, Step]] = []
    for received in bag.messages():
        stream = bag.streams[received.topic]
        facts = episode.facts.get(received.topic)
        if facts is None:
            facts = episode.facts[received.topic] = StreamFacts.of(stream)
        facts.add(received)
        if stream.type_name == STEP_TYPE:
            message = decoder.decode(stream, received.data)
            step = step_of(message)
            if (step.actor_id, step.step_number) in seen:
                episode.repeated += 1
                continue
            seen.add((step.actor_id, step.step_number))
            found.append((source_stamp_ns(received.data), step))
            episode.step_contracts.add(message.contract_sha256)
    for topic, stream in bag.streams.items():
        episode.facts.setdefault(topic, StreamFacts.of(stream))
    found.sort(key=lambda pair: pair[1].episode_step)
    episode.stamps_ns = [stamp for stamp, _ in found]
    episode.steps = [step for _, step in found]
    _read_info(episode)
    return episode


def _read_info(episode: EpisodeFile) -> None:
    records = episode.bag.metadata
    if BEGIN_RECORD not in records:
        raise BagError(
            f"{episode.path}: is a bag, but no episode of this software; take it in with "
            "robot-learning episodes import"
        )
    try:
        episode.info = EpisodeInfo.from_metadata(records[BEGIN_RECORD])
        if END_RECORD in records:
            episode.end = EpisodeEnd.from_metadata(records[END_RECORD])
    except InfoError as error:
        raise BagError(f"{episode.path}: what it says of itself cannot be read: {error}") from None


__all__ = ["CodecError", "EpisodeFile", "camera_name", "read_episode"]
