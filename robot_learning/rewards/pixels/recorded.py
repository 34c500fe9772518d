"""Labelled pictures out of recorded episodes, made as the camera node makes them.

A failed episode shows no success. In a successful one success is seen from when it was said, less
the time for which the task wants it held; where nobody but a person at its end said so, from that
time before the end on, and what came shortly before is left out: nobody knows what it shows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from robot_learning.contract import Contract, ContractError
from robot_learning.demonstrations.bag_reader import BagError
from robot_learning.demonstrations.episode_file import COMPRESSED_TYPE, CodecError, EpisodeFile
from robot_learning.demonstrations.images import decode_image
from robot_learning.demonstrations.store import Store
from robot_learning.demonstrations.stream_facts import source_stamp_ns
from robot_learning.perception.image_pipeline import ImageError, ImagePipeline
from robot_learning.perception.task_camera import task_camera, task_pipeline
from robot_learning.replay.images import UInt8
from robot_learning.rewards.pixels.frames import FrameStore, LabelledEpisode, PictureView, view_of

_INFO_TYPE = "sensor_msgs/msg/CameraInfo"
_APART_PERIODS = 0.9  # neighbours of a faster camera look alike
_SLACK_S = 1e-3


class NotTakenError(ValueError):
    """An episode has no pictures to take. One line says why."""


class Taken(NamedTuple):
    """What came of taking pictures.

    Attributes:
        episodes: of which pictures were taken.
        pictures: how many.
        of_success: of them.
        left_out: why the others were not taken, a line each.
    """

    episodes: int
    pictures: int
    of_success: int
    left_out: list[str]


def take_frames(
    episodes: Store, folder: Path, *, unsure_s: float, on_episode: Callable[[], None]
) -> Taken:
    """Takes pictures of every recorded episode that has some, and writes them.

    All are of one view: that of the frames in the folder, or of the first episode.

    Args:
        episodes: the recorded ones.
        folder: of the labelled frames.
        unsure_s: before a success that only a person said, pictures of so long are left out.
        on_episode: called after each.

    Raises:
        FramesError: what is in the folder is damaged.
        OSError: the disk is full or the like.
    """
    there = folder.is_dir() and any(folder.glob("episode-*.npz"))
    store = FrameStore(folder, view_of(folder)) if there else None
    pictures = of_success = count = 0
    left_out: list[str] = []
    for path in episodes.whole():
        try:
            episode, summary = episodes.read(path)
            contract, view = _view(episode)
            if store is not None and (difference := store.view.difference(view)):
                raise NotTakenError(f"shows other pictures: {difference}")
            said = episodes.labels(path)
            by = said[-1].by if said else "recording"
            labelled = _labelled(episode, contract, view, summary.outcome, by, unsure_s)
        except (NotTakenError, BagError, CodecError) as error:
            left_out.append(f"{path.name}: {error}")
        else:
            store = store or FrameStore(folder, view)
            store.write(labelled)
            count += 1
            pictures, of_success = pictures + len(labelled), of_success + int(labelled.labels.sum())
        on_episode()
    return Taken(count, pictures, of_success, left_out)


def _view(episode: EpisodeFile) -> tuple[Contract, PictureView]:
    try:
        contract = episode.contract()
        if contract is None:
            raise NotTakenError("carries no contract, so nobody knows what its pictures are of")
        return contract, PictureView.of(contract)
    except NotTakenError:
        raise
    except (ContractError, ValueError) as error:
        raise NotTakenError(str(error).splitlines()[0]) from None


def _labelled(
    episode: EpisodeFile,
    contract: Contract,
    view: PictureView,
    outcome: str,
    by: str,
    unsure_s: float,
) -> LabelledEpisode:
    if outcome not in ("success", "failure"):
        raise NotTakenError(f"its outcome is {outcome}: label it, robot-learning episodes label")
    if not episode.steps:
        raise NotTakenError("has no steps")
    states_s = 1e-9 * np.append(episode.stamps_ns, episode.stamps_ns[-1])  # after each step, too
    states_s[-1] += contract.control_period_s
    images, stamps = list[UInt8](), list[float]()
    for stamp_s, image in _pictures(episode, contract, view):
        in_it = states_s[0] - _SLACK_S <= stamp_s <= states_s[-1] + _SLACK_S
        apart_s = _APART_PERIODS * contract.control_period_s
        if in_it and (not stamps or stamp_s - stamps[-1] >= apart_s):
            images.append(image)
            stamps.append(stamp_s)
    if not images:
        raise NotTakenError(f"camera {view.camera} took no picture during the episode")
    at_s = np.array(stamps)
    labels, known = np.zeros(len(at_s), bool), np.ones(len(at_s), bool)
    if outcome == "success":
        labels, known = _of_success(episode, contract, states_s, at_s, unsure_s)
    if not known.any():
        raise NotTakenError(f"is shorter than the {unsure_s} s of which nobody knows anything")
    return LabelledEpisode(episode.info.id, np.stack(images)[known], at_s[known], labels[known], by)


def _of_success(
    episode: EpisodeFile,
    contract: Contract,
    states_s: NDArray[np.float64],
    at_s: NDArray[np.float64],
    unsure_s: float,
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which pictures of a successful episode show success, and of which anything is known."""
    said = [index for index, step in enumerate(episode.steps) if step.success]
    hold_s = float(getattr(contract.task.success, "hold_s", 0.0))
    since_s = states_s[said[0] + 1 if said else -1] - hold_s - _SLACK_S
    labels = at_s >= since_s
    known = labels | (at_s < since_s - (0.0 if said else unsure_s))
    return labels, known


def _pictures(
    episode: EpisodeFile, contract: Contract, view: PictureView
) -> Iterator[tuple[float, UInt8]]:
    """Every picture of the task's camera with its stamp, s, in order, as the view has it."""
    cameras = episode.cameras()
    if view.camera not in cameras:
        there = f"it has {', '.join(cameras)}" if cameras else "it has none at all"
        raise NotTakenError(
            f"has no pictures of camera {view.camera} ({there}): record with camera:=true"
        )
    topic = cameras[view.camera]
    compressed = episode.streams[topic].type_name == COMPRESSED_TYPE
    pipeline: ImagePipeline | None = None
    for received, message in episode.messages(topic):
        try:
            rgb = decode_image(message, compressed=compressed)
            if pipeline is None:
                pipeline = _pipeline(episode, contract, view, rgb.shape)
            picture = pipeline.process(rgb)
        except (ImageError, ValueError) as error:
            raise NotTakenError(f"{topic}: {error}") from None
        yield 1e-9 * source_stamp_ns(received.data), picture


def _pipeline(
    episode: EpisodeFile, contract: Contract, view: PictureView, shape: tuple[int, ...]
) -> ImagePipeline:
    """What the camera node does, with the calibration that was recorded beside the pictures."""
    is_region = shape[:2] == (view.size_px, view.size_px)
    pipeline = task_pipeline(contract, view.size_px, is_region=is_region)
    camera = task_camera(contract).name
    for topic in episode.of_type(_INFO_TYPE):
        if camera not in topic.split("/"):
            continue
        info: Any = next((message for _, message in episode.messages(topic)), None)
        if info is not None:
            k, d = np.array(info.k, np.float64), np.array(info.d, np.float64)
            pipeline.calibrate(k.reshape(3, 3), d)
    return pipeline
