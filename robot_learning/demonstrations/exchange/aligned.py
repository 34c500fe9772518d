"""An episode as the table that others want: one row a step, pictures joined to it."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

from robot_learning.contract import Contract
from robot_learning.demonstrations.episode_file import COMPRESSED_TYPE, EpisodeFile
from robot_learning.demonstrations.episode_info import EpisodeEnd, EpisodeInfo
from robot_learning.demonstrations.exchange.report import ExchangeError, Report
from robot_learning.demonstrations.images import decode_image
from robot_learning.demonstrations.stream_facts import source_stamp_ns
from robot_learning.envs.observation import field_slices
from robot_learning.replay.step import Step


@dataclass(frozen=True, slots=True)
class Picture:
    """A compressed picture with its source's stamp (ns) and what the camera says of its format."""

    stamp_ns: int
    format: str
    data: bytes


@dataclass(slots=True)
class AlignedEpisode:
    """One row a step.

    Attributes:
        info: of its beginning.
        end: of its end; the outcome is the newest label's.
        steps: in order.
        stamps_ns: of each step's observation.
        pictures: by camera: at each observation the newest that was there, and one more at the
            end, or one fewer where a format has none of the last.
        topics: where each camera's pictures were said.
    """

    info: EpisodeInfo
    end: EpisodeEnd
    steps: list[Step]
    stamps_ns: list[int]
    pictures: dict[str, list[Picture]] = field(default_factory=dict)
    topics: dict[str, str] = field(default_factory=dict)

    def fields(self) -> dict[str, slice]:
        """Where each of the contract's fields is in the observation; one without a contract."""
        if self.info.contract is not None:
            try:
                text = json.dumps(self.info.contract)
                return field_slices(Contract.model_validate_json(text))
            except ValueError:
                pass  # of another version of this software: its fields are not known here
        return {"state": slice(0, self.steps[0].observation.size)}


def align(
    episode: EpisodeFile, outcome: str, cameras: Sequence[str] | None, report: Report
) -> AlignedEpisode:
    """Joins pictures to steps: at each observation the newest picture that is not after it.

    Args:
        episode: with steps.
        outcome: the newest label's.
        cameras: names of those wanted; all when None.
        report: takes what the table cannot hold.

    Raises:
        ExchangeError: a camera is missing, or the episode has no steps.
        CodecError: a picture's message cannot be decoded.
    """
    if not episode.steps:
        raise ExchangeError("it has no aligned steps")
    end = episode.end or EpisodeEnd()
    aligned = AlignedEpisode(
        episode.info,
        end.model_copy(update={"outcome": outcome}),
        episode.steps,
        episode.stamps_ns,
    )
    there = episode.cameras()
    missing = [name for name in cameras or () if name not in there]
    if missing:
        raise ExchangeError(f"it has no pictures of camera {', '.join(missing)}")
    moments = [*episode.stamps_ns, _end_ns(episode)]
    used = 0
    for name in there if cameras is None else cameras:
        pictures = _pictures(episode, there[name])
        aligned.pictures[name] = [_newest(pictures, moment) for moment in moments]
        aligned.topics[name] = there[name]
        used = len({picture.stamp_ns for picture in aligned.pictures[name]})
        if unused := len(pictures) - used:
            report.loses(f"pictures between steps: {unused} of {len(pictures)} of camera {name}")
    _say_streams(episode, report)
    return aligned


def _end_ns(episode: EpisodeFile) -> int:
    """When the last step's action was over: one step after it began."""
    stamps = episode.stamps_ns
    period_ns = int(np.median(np.diff(stamps))) if len(stamps) > 1 else 50_000_000
    return stamps[-1] + period_ns


def _pictures(episode: EpisodeFile, topic: str) -> list[Picture]:
    compressed = episode.streams[topic].type_name == COMPRESSED_TYPE
    found = []
    for received, message in episode.messages(topic):
        if compressed:
            data, kind = bytes(message.data), message.format
        else:
            rgb = decode_image(message, compressed=False)
            data = cv2.imencode(".png", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))[1].tobytes()
            kind = f"{message.encoding}; png compressed bgr8"
        found.append(Picture(source_stamp_ns(received.data), kind, data))
    found.sort(key=lambda picture: picture.stamp_ns)
    return found


def _newest(pictures: list[Picture], moment_ns: int) -> Picture:
    """The newest that is not after a moment; the first where there is none yet."""
    index = bisect_right(pictures, moment_ns, key=lambda picture: picture.stamp_ns)
    return pictures[max(0, index - 1)]


def _say_streams(episode: EpisodeFile, report: Report) -> None:
    """Streams at their own rates are not rows of steps."""
    pictures = set(episode.cameras().values())
    for topic, facts in sorted(episode.facts.items()):
        if facts.messages and topic not in pictures and facts.type_name.endswith("EpisodeStep"):
            continue
        if facts.messages and topic not in pictures:
            report.loses(
                f"stream {topic} ({facts.type_name}) at its own rate: a row a step holds only what "
                "the step observed"
            )
