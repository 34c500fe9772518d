"""Writes a table of steps as an episode's file: steps and pictures as the graph would say them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from robot_learning.demonstrations.bag_writer import BagWriter, Received, Stream
from robot_learning.demonstrations.episode_file import COMPRESSED_TYPE, STEP_TYPE
from robot_learning.demonstrations.episode_info import BEGIN_RECORD, END_RECORD, EpisodeInfo
from robot_learning.demonstrations.exchange.aligned import AlignedEpisode
from robot_learning.demonstrations.exchange.report import ExchangeError
from robot_learning.demonstrations.message_codec import encode
from robot_learning.demonstrations.message_definitions import message_definition
from robot_learning.demonstrations.store import Store
from robot_learning.replay.step import Step
from robot_learning.replay.step_message import STEP_ARRAYS, STEP_SCALARS

CHUNK_MESSAGES = 64


@dataclass(frozen=True, slots=True)
class TopicNames:
    """Where the graph says what an imported file holds.

    Attributes:
        steps: aligned steps.
        pictures: a camera's pictures, with `{camera}` for its name.
    """

    steps: str
    pictures: str


def write_episode(
    store: Store, episode: AlignedEpisode, names: TopicNames, prefixes: Sequence[Path]
) -> Path:
    """Writes a whole episode into a store; its file.

    Raises:
        ExchangeError: the store has it already.
        DefinitionError: a message's definition is in none of the prefixes.
        OSError: it cannot be written.
    """
    target = store.file(episode.info.id)
    if target.exists():
        raise ExchangeError(f"{episode.info.id} is in {store.folder} already")
    store.folder.mkdir(parents=True, exist_ok=True)
    running = store.running_file(episode.info.id)
    running.unlink(missing_ok=True)
    steps = Stream(names.steps, STEP_TYPE, message_definition(STEP_TYPE, prefixes))
    image = message_definition(COMPRESSED_TYPE, prefixes)
    streams = {name: _image_stream(episode, name, names, image) for name in episode.pictures}
    messages = []
    for step, ns in zip(episode.steps, episode.stamps_ns, strict=True):
        data = encode(STEP_TYPE, steps.definition, _fields(step, ns, episode.info))
        messages.append(Received(steps.topic, ns, ns, 0, data))
    for name, stream in streams.items():
        for picture in {p.stamp_ns: p for p in episode.pictures[name]}.values():
            fields = {
                "header": _header(picture.stamp_ns, name),
                "format": picture.format,
                "data": picture.data,
            }
            ns = picture.stamp_ns
            data = encode(COMPRESSED_TYPE, image, fields)
            messages.append(Received(stream.topic, ns, ns, 0, data))
    messages.sort(key=lambda message: message.log_ns)
    with BagWriter(running) as writer:
        writer.add_metadata(BEGIN_RECORD, episode.info.as_metadata())
        for stream in (steps, *streams.values()):
            writer.add_stream(stream)
        for index, message in enumerate(messages):
            writer.add(message)
            if index % CHUNK_MESSAGES == CHUNK_MESSAGES - 1:
                writer.flush()
        writer.add_metadata(END_RECORD, episode.end.as_metadata())
        writer.finish()
    running.rename(target)
    return target


def _image_stream(episode: AlignedEpisode, name: str, names: TopicNames, definition: str) -> Stream:
    topic = episode.topics.get(name) or names.pictures.format(camera=name)
    return Stream(topic, COMPRESSED_TYPE, definition)


def _header(stamp_ns: int, frame: str) -> dict[str, Any]:
    sec, nanosec = divmod(stamp_ns, 1_000_000_000)
    return {"stamp": {"sec": sec, "nanosec": nanosec}, "frame_id": frame}


def _fields(step: Step, stamp_ns: int, info: EpisodeInfo) -> dict[str, Any]:
    robot = (info.contract or {}).get("robot", {})
    fields: dict[str, Any] = {name: getattr(step, name) for name in STEP_SCALARS}
    for name in STEP_ARRAYS:
        fields[name] = getattr(step, name).tolist()
    return fields | {
        "header": _header(stamp_ns, robot.get("arm", {}).get("base_frame", "")),
        "reward": step.reward,
        "observation_age_s": step.observation_age_s,
        "contract_sha256": info.contract_sha256,
    }
