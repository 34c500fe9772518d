"""Bags as `ros2 bag` has them: a folder with the MCAP and what it holds in `metadata.yaml`."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from robot_learning.demonstrations.bag_reader import Bag, BagError
from robot_learning.demonstrations.bag_writer import CDR, BagWriter
from robot_learning.demonstrations.episode_info import (
    BEGIN_RECORD,
    END_RECORD,
    EpisodeEnd,
    EpisodeInfo,
)
from robot_learning.demonstrations.exchange.report import ExchangeError, Report
from robot_learning.demonstrations.store import WHOLE, Store, new_episode_id

METADATA = "metadata.yaml"
VERSION = 9  # of metadata.yaml, that of Jazzy


def export_rosbag(store: Store, paths: Iterable[Path], out: Path, report: Report) -> None:
    """Writes a new folder with a bag for each episode: everything that the episode holds.

    Raises:
        ExchangeError: there are none, or the folder is there.
        BagError, OSError: one cannot be read or written.
    """
    if out.exists():
        raise ExchangeError(f"{out} exists; choose another --out")
    for path in paths:
        name = path.name.removesuffix(WHOLE)
        folder = out / name
        folder.mkdir(parents=True)
        file = folder / f"{name}_0.mcap"
        shutil.copyfile(path, file)
        labels = store.labels_file(name)
        if labels.exists():
            shutil.copyfile(labels, folder / labels.name)
        bag = Bag(file)
        counts: dict[str, int] = {}
        first_ns = last_ns = 0
        for message in bag.messages():
            counts[message.topic] = counts.get(message.topic, 0) + 1
            first_ns = min(first_ns or message.log_ns, message.log_ns)
            last_ns = max(last_ns, message.log_ns)
        text = yaml.safe_dump(_metadata(bag, file.name, counts, first_ns, last_ns), sort_keys=False)
        (folder / METADATA).write_text(text, encoding="utf-8")
        report.add(name, sum(n for t, n in counts.items() if _is_step(bag, t)))
    if not report.episodes:
        raise ExchangeError("there is no episode to export")


def _is_step(bag: Bag, topic: str) -> bool:
    return bag.streams[topic].type_name.endswith("/EpisodeStep")


def _metadata(
    bag: Bag, name: str, counts: dict[str, int], first_ns: int, last_ns: int
) -> dict[str, Any]:
    start = {"nanoseconds_since_epoch": first_ns}
    duration = {"nanoseconds": last_ns - first_ns}
    total = sum(counts.values())
    topics = [
        {
            "topic_metadata": {
                "name": topic,
                "type": stream.type_name,
                "serialization_format": CDR,
                "offered_qos_profiles": yaml.safe_load(stream.qos) or [],
                "type_description_hash": "",
            },
            "message_count": counts.get(topic, 0),
        }
        for topic, stream in bag.streams.items()
    ]
    return {
        "rosbag2_bagfile_information": {
            "version": VERSION,
            "storage_identifier": "mcap",
            "duration": duration,
            "starting_time": start,
            "message_count": total,
            "topics_with_message_count": topics,
            "compression_format": "",
            "compression_mode": "",
            "relative_file_paths": [name],
            "files": [
                {
                    "path": name,
                    "starting_time": start,
                    "duration": duration,
                    "message_count": total,
                }
            ],
            "custom_data": None,
            "ros_distro": "jazzy",
        }
    }


def import_rosbag(path: Path, store: Store, about: dict[str, Any], report: Report) -> list[Path]:
    """Takes a bag's files in, every stream as it is; ours as what they were.

    Args:
        path: a folder of `ros2 bag`, a folder of such folders, or an MCAP file.
        store: to write into.
        about: fields of `EpisodeInfo` for bags that are not ours.
        report: takes what the bag does not say.

    Raises:
        ExchangeError: there is no bag, or the store has it already.
        BagError, OSError: it cannot be read or written.
    """
    files = [path] if path.is_file() else sorted(path.rglob("*.mcap"))
    if not files:
        old = next(path.rglob("*.db3"), None)
        hint = "; convert .db3 first: ros2 bag convert, with storage_id: mcap" if old else ""
        raise ExchangeError(f"{path}: there is no MCAP{hint}")
    store.folder.mkdir(parents=True, exist_ok=True)
    return [_take_in(file, store, about, report) for file in files]


def _take_in(file: Path, store: Store, about: dict[str, Any], report: Report) -> Path:
    bag = Bag(file)
    bag.read_through()
    if not bag.streams:
        raise BagError(f"{file}: holds no messages")
    ours = BEGIN_RECORD in bag.metadata
    running = store.folder / f".{file.name}.import"
    running.unlink(missing_ok=True)
    first_ns = last_ns = 0
    with BagWriter(running) as writer:
        for stream in bag.streams.values():
            writer.add_stream(stream)
        for _, messages in bag.chunks():
            for message in messages:
                writer.add(message)
                first_ns = min(first_ns or message.log_ns, message.log_ns)
            writer.flush()
        last_ns = writer.last_ns
        info = _info(bag, about, file, first_ns)
        target = store.file(info.id)
        if target.exists():
            running.unlink()
            raise ExchangeError(f"{info.id} is in {store.folder} already")
        writer.add_metadata(BEGIN_RECORD, info.as_metadata())
        end = EpisodeEnd(ended_ns=last_ns)
        if END_RECORD in bag.metadata:
            end = EpisodeEnd.from_metadata(bag.metadata[END_RECORD])
        if bag.damages:
            note = f"the bag was not whole: {bag.damages[0]}"
            end = end.model_copy(update={"state": "repaired", "note": note})
            report.loses(f"{file.name}: {'; '.join(map(str, bag.damages))}")
        writer.add_metadata(END_RECORD, end.as_metadata())
        writer.finish()
    running.rename(target)
    labels = store.labels_file(info.id)
    if ours and (file.parent / labels.name).exists() and file.parent != store.folder:
        shutil.copyfile(file.parent / labels.name, labels)
    if not ours:
        report.loses(f"{file.name}: who did what task under which contract, and how it ended")
        if not any(_is_step(bag, topic) for topic in bag.streams):
            report.loses(f"{file.name}: aligned steps; its streams can be seen, not learned from")
    return target


def _info(bag: Bag, about: dict[str, Any], file: Path, first_ns: int) -> EpisodeInfo:
    if BEGIN_RECORD in bag.metadata:
        return EpisodeInfo.from_metadata(bag.metadata[BEGIN_RECORD])
    return EpisodeInfo(
        **about,
        id=new_episode_id(about.get("task") or "bag", first_ns),
        origin=f"bag {file.name}",
        started_ns=first_ns,
    )
