"""robomimic's HDF5 (ARISE-Initiative/robomimic): episodes out to it, and back.

Pictures are arrays of pixels there. Beside what robomimic reads, each demonstration keeps our own
columns and facts; its readers pass over them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import cv2
import h5py
import numpy as np
from numpy.typing import NDArray

from robot_learning.demonstrations.episode_info import EpisodeEnd, EpisodeInfo
from robot_learning.demonstrations.exchange.aligned import AlignedEpisode, Picture
from robot_learning.demonstrations.exchange.columns import columns_of, steps_of
from robot_learning.demonstrations.exchange.report import ExchangeError, Report
from robot_learning.demonstrations.exchange.statistics import decode
from robot_learning.demonstrations.store import new_episode_id

GYM_TYPE = 2  # robomimic's number for environments of Gymnasium
OURS = "robot_learning"
_IMAGE = "_image"
_GOALS = ("achieved_goal", "desired_goal")


def export_robomimic(episodes: Iterable[AlignedEpisode], out: Path, report: Report) -> None:
    """Writes a new HDF5 file.

    Args:
        episodes: of one contract, with the same cameras.
        out: file, which must not exist.
        report: takes what was written and what is lost.

    Raises:
        ExchangeError: there are none, or the file is there.
        OSError: it cannot be written.
    """
    if out.exists():
        raise ExchangeError(f"{out} exists; choose another --out")
    out.parent.mkdir(parents=True, exist_ok=True)
    beside = out.with_name(f".{out.name}.part")
    beside.unlink(missing_ok=True)
    masks: dict[str, list[str]] = {}
    total = 0
    with h5py.File(beside, "w") as file:
        data = file.create_group("data")
        for number, episode in enumerate(episodes):
            if number == 0:
                data.attrs["env_args"] = json.dumps(_environment(episode.info))
            name = f"demo_{number}"
            _write_demo(data.create_group(name), episode)
            masks.setdefault(episode.end.outcome, []).append(name)
            total += len(episode.steps)
            report.add(episode.info.id, len(episode.steps))
            if episode.pictures:
                report.loses("the cameras' own compressed bytes: pixels are kept")
        data.attrs["total"] = total
        for outcome, names in masks.items():
            file.create_dataset(f"mask/{outcome}", data=np.array(names, dtype="S"))
    if not total:
        beside.unlink()
        raise ExchangeError("there is no episode to export")
    beside.replace(out)


def _environment(info: EpisodeInfo) -> dict[str, Any]:
    return {
        "env_name": f"robot_learning/{info.task}",
        "env_type": GYM_TYPE,
        "type": GYM_TYPE,
        "env_kwargs": {"robot": info.robot, "task": info.task},
    }


def _write_demo(group: h5py.Group, episode: AlignedEpisode) -> None:
    steps, n = episode.steps, len(episode.steps)
    columns = columns_of(steps)
    group.attrs["num_samples"] = n
    about = {
        "info": episode.info.model_dump(mode="json"),
        "end": episode.end.model_dump(mode="json"),
        "topics": episode.topics,
        "formats": {k: [p.format for p in v] for k, v in episode.pictures.items()},
    }
    group.attrs[OURS] = json.dumps(about)
    done = columns["terminated"] | columns["truncated"]
    group.create_dataset("actions", data=columns["executed_action"])
    group.create_dataset("rewards", data=columns["reward"])
    group.create_dataset("dones", data=done.astype(np.int64))
    group.create_dataset("states", data=columns["observation"])
    for prefix, where in (("", "obs"), ("next_", "next_obs")):
        inner = group.create_group(where)
        for field, part in episode.fields().items():
            inner.create_dataset(field, data=columns[f"{prefix}observation"][:, part])
        achieved, desired = columns[f"{prefix}achieved_goal"], columns["desired_goal"]
        for goal, values in zip(_GOALS, (achieved, desired), strict=True):
            if values.shape[1]:
                inner.create_dataset(goal, data=values)
    for camera, pictures in episode.pictures.items():
        pixels = _pixels(pictures)
        last = pixels[-1:] if len(pixels) == n else pixels[n : n + 1]
        after = np.concatenate([pixels[1:n], last])
        for where, values in (("obs", pixels[:n]), ("next_obs", after)):
            group[where].create_dataset(
                camera + _IMAGE, data=values, chunks=(1, *values.shape[1:]), compression="gzip",
                compression_opts=1,
            )  # fmt: skip
    ours = group.create_group(OURS)
    for name, values in columns.items():
        ours.create_dataset(name, data=values)
    ours.create_dataset("stamps_ns", data=np.array(episode.stamps_ns, np.int64))
    for camera, pictures in episode.pictures.items():
        stamps = np.array([picture.stamp_ns for picture in pictures], np.int64)
        ours.create_dataset(f"picture_stamps_ns/{camera}", data=stamps)


def _pixels(pictures: list[Picture]) -> NDArray[np.uint8]:
    """(n, height, width, 3); the same picture is decoded once."""
    known: dict[int, NDArray[np.uint8]] = {}
    for picture in pictures:
        if picture.stamp_ns not in known:
            known[picture.stamp_ns] = decode(picture)
    return np.stack([known[picture.stamp_ns] for picture in pictures])


def import_robomimic(path: Path, about: dict[str, Any], report: Report) -> Iterator[AlignedEpisode]:
    """Every demonstration of a file.

    Args:
        path: of the file.
        about: fields of `EpisodeInfo` for files that are not ours.
        report: takes what the file does not say.

    Raises:
        ExchangeError: it is no such file.
    """
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise ExchangeError(f"{path}: is no HDF5 file, or a truncated one: {error}") from None
    with file:
        if "data" not in file:
            raise ExchangeError(f"{path}: has no group `data`; it is no file of robomimic")
        names = sorted(file["data"], key=lambda name: int(name.rpartition("_")[2]))
        for number, name in enumerate(names):
            demo = file["data"][name]
            if OURS in demo:
                yield _our_demo(demo, report)
            elif "actions" not in demo or "obs" not in demo:
                report.skipped.append(f"{name}: has no actions or no obs")
            else:
                yield _foreign_demo(path, demo, number, about, report)


def _our_demo(demo: h5py.Group, report: Report) -> AlignedEpisode:
    facts = json.loads(demo.attrs[OURS])
    info = EpisodeInfo.model_validate(facts["info"])
    ours = demo[OURS]
    columns = {name: ours[name][:] for name in ours if isinstance(ours[name], h5py.Dataset)}
    stamps = [int(ns) for ns in columns.pop("stamps_ns")]
    end = EpisodeEnd.model_validate(facts["end"])
    episode = AlignedEpisode(info, end, steps_of(columns, stamps, info), stamps)
    for camera, formats in facts["formats"].items():
        taken = ours[f"picture_stamps_ns/{camera}"][:]
        pixels = demo[f"obs/{camera}{_IMAGE}"][:]
        last = demo[f"next_obs/{camera}{_IMAGE}"][-1:]
        pixels = np.concatenate([pixels, last])[: len(formats)]
        episode.pictures[camera] = [
            Picture(int(ns), "rgb8; png compressed bgr8", _png(rgb))
            for ns, rgb in zip(taken, pixels, strict=True)
        ]
        episode.topics[camera] = facts["topics"].get(camera, "")
        report.loses("the cameras' own compressed bytes: pixels are kept")
    return episode


def _foreign_demo(
    path: Path, demo: h5py.Group, number: int, about: dict[str, Any], report: Report
) -> AlignedEpisode:
    """One of somebody else's: times are made up of the rate that was given."""
    report.loses("what was requested and what was gated: only one action is known")
    report.loses("stamps: the file has none; those written are a count of steps")
    report.loses("whether an episode was terminated or cut: `dones` does not say")
    n = len(demo["actions"])
    begin_ns = 1_000_000_000 * 3600 * (number + 1)
    period_ns = round(1e9 / float(about.get("fps", 20.0)))
    stamps = [begin_ns + i * period_ns for i in range(n)]
    info = EpisodeInfo(
        **{key: value for key, value in about.items() if key != "fps"},
        id=new_episode_id(about.get("task") or "robomimic", begin_ns),
        origin=f"robomimic {path.name}, {demo.name.rpartition('/')[2]}",
        actor_id="imported",
        episode=number,
        started_ns=begin_ns,
    )
    columns = {
        "observation": _low_dimensional(demo["obs"], n),
        "executed_action": demo["actions"][:].astype(np.float32),
    }
    if "next_obs" in demo:
        columns["next_observation"] = _low_dimensional(demo["next_obs"], n)
    if "rewards" in demo:
        columns["reward"] = demo["rewards"][:].astype(np.float32)
    if "dones" in demo:
        # Only the last step can end an episode; what robomimic calls done may be set before.
        columns["truncated"] = np.arange(n) == n - 1
    end = EpisodeEnd(
        episode_return=float(np.sum(columns.get("reward", 0.0))), steps=n, ended_ns=stamps[-1]
    )
    episode = AlignedEpisode(info, end, steps_of(columns, stamps, info), stamps)
    for key in demo["obs"]:
        values = demo["obs"][key]
        if values.ndim == 4 and values.shape[-1] == 3 and values.dtype == np.uint8:
            episode.pictures[key.removesuffix(_IMAGE)] = [
                Picture(ns, "rgb8; png compressed bgr8", _png(rgb))
                for ns, rgb in zip(stamps, values[:], strict=True)
            ]
    return episode


def _low_dimensional(group: h5py.Group, n: int) -> NDArray[np.float32]:
    """Every observation that is a vector, one after the other by name."""
    vectors = [group[key][:].reshape(n, -1) for key in sorted(group) if group[key].ndim <= 2]
    if not vectors:
        raise ExchangeError(f"{group.name}: has no observation that is a vector")
    return np.concatenate(vectors, axis=1).astype(np.float32)


def _png(rgb: NDArray[np.uint8]) -> bytes:
    return cv2.imencode(".png", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))[1].tobytes()
