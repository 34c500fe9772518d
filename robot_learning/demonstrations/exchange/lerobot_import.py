"""Episodes out of a LeRobotDataset v3.0, of ours without loss, of others as far as they go."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from robot_learning.demonstrations.episode_info import EpisodeEnd, EpisodeInfo
from robot_learning.demonstrations.exchange import lerobot as lr
from robot_learning.demonstrations.exchange.aligned import AlignedEpisode, Picture
from robot_learning.demonstrations.exchange.columns import steps_of
from robot_learning.demonstrations.exchange.lerobot_export import picture_suffix
from robot_learning.demonstrations.exchange.report import ExchangeError, Report
from robot_learning.demonstrations.store import new_episode_id


def import_lerobot(path: Path, about: dict[str, Any], report: Report) -> Iterator[AlignedEpisode]:
    """Every episode of a data set in a folder.

    Args:
        path: the folder with `meta/info.json`.
        about: fields of `EpisodeInfo` for data sets that are not ours.
        report: takes what the data set does not say.

    Raises:
        ExchangeError: it is no data set, or not of this version.
    """
    info = _info(path)
    ours = _ours(path)
    features: dict[str, dict[str, Any]] = info["features"]
    missing = [key for key in (lr.STATE, lr.ACTION) if key not in features]
    if missing:
        raise ExchangeError(f"{path}: has no feature {', '.join(missing)}")
    if ours is None:
        _say_foreign(features, report)
    tasks = pq.read_table(path / lr.TASKS).to_pylist()
    index = next((key for key in tasks[0] if key != "task_index"), "") if tasks else ""
    names = {row["task_index"]: row.get(index, "") for row in tasks}
    for number in range(info["total_episodes"]):
        table = _rows(path, number)
        if not table.num_rows:
            report.skipped.append(f"episode {number}: it has no rows")
            continue
        if ours is not None:
            yield _our_episode(table, ours[number], number)
        else:
            task = names.get(table["task_index"][0].as_py(), "") if names else ""
            yield _foreign_episode(path, table, number, str(task), features, about)


def _info(path: Path) -> dict[str, Any]:
    try:
        info: dict[str, Any] = json.loads((path / lr.INFO).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ExchangeError(f"{path}: has no {lr.INFO}; it is no LeRobotDataset") from None
    except ValueError as error:
        raise ExchangeError(f"{path / lr.INFO}: {error}") from None
    version = str(info.get("codebase_version"))
    if not version.startswith("v3."):
        raise ExchangeError(
            f"{path}: is of version {version}; convert it to {lr.VERSION} with lerobot's own "
            "convert_dataset_v21_to_v30"
        )
    return info


def _ours(path: Path) -> list[dict[str, Any]] | None:
    file = path / lr.OURS
    if not file.is_file():
        return None
    found: list[dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"))
    return found


def _rows(path: Path, number: int) -> pa.Table:
    """An episode's rows in order, from whichever files they are in."""
    parts = []
    for file in sorted((path / "data").glob("*/*.parquet")):
        table = pq.read_table(file, filters=[("episode_index", "=", number)])
        if table.num_rows:
            parts.append(table)
    if not parts:
        return pa.table({"frame_index": pa.array([], pa.int64())})
    joined = pa.concat_tables(parts)
    return joined.take(pc.sort_indices(joined["frame_index"]))


def _array(table: pa.Table, key: str) -> NDArray[Any]:
    return np.array(table[key].to_pylist())


def _columns(table: pa.Table, sizes: dict[str, int] | None) -> dict[str, NDArray[Any]]:
    """Columns by a step's field, vectors as (n, size)."""
    n = table.num_rows
    columns: dict[str, NDArray[Any]] = {}
    for name, feature in lr.VECTOR_FEATURES.items():
        if feature in table.column_names:
            columns[name] = _array(table, feature).astype(np.float32).reshape(n, -1)
        elif sizes is not None:
            columns[name] = np.zeros((n, sizes.get(name, 0)), np.float32)
    for name, feature in lr.SCALAR_FEATURES.items():
        if feature in table.column_names:
            columns[name] = _array(table, feature).reshape(n)
    return columns


def _our_episode(table: pa.Table, part: dict[str, Any], number: int) -> AlignedEpisode:
    try:
        info = EpisodeInfo.model_validate(part["info"])
        end = EpisodeEnd.model_validate(part["end"])
    except ValueError as error:
        raise ExchangeError(f"{lr.OURS}: episode {number}: {error}") from None
    stamps = [int(ns) for ns in table[lr.STAMP].to_pylist()]
    episode = AlignedEpisode(
        info, end, steps_of(_columns(table, part["sizes"]), stamps, info), stamps
    )
    for name, camera in part["cameras"].items():
        rows = table[lr.IMAGES + name].to_pylist()
        taken = table[lr.PICTURE_STAMP + name].to_pylist()
        episode.pictures[name] = [
            Picture(int(ns), kind, row["bytes"])
            for ns, kind, row in zip(taken, camera["formats"], rows, strict=True)
        ]
        episode.topics[name] = camera["topic"]
    return episode


def _say_foreign(features: dict[str, dict[str, Any]], report: Report) -> None:
    report.loses("what was requested and what was gated: only one action is known")
    report.loses("stamps of the sources: only times since each episode's beginning are known")
    for key, feature in features.items():
        if feature["dtype"] == "video":
            report.loses(f"{key}: videos are not read; convert it to images first")
    for key in ("next.reward", "next.terminated", "next.truncated", "next.success"):
        if key not in features:
            report.loses(f"{key}: the data set does not say")


def _foreign_episode(
    path: Path,
    table: pa.Table,
    number: int,
    task: str,
    features: dict[str, dict[str, Any]],
    about: dict[str, Any],
) -> AlignedEpisode:
    # Times since the beginning of an episode; an hour apart, so that no two have one name.
    begin_ns = 1_000_000_000 * 3600 * (number + 1)
    seconds = [float(value) for value in table["timestamp"].to_pylist()]
    stamps = [begin_ns + round(s * 1e9) for s in seconds]
    info = EpisodeInfo(
        **about,
        id=new_episode_id(about.get("task") or "lerobot", begin_ns),
        instruction=task,
        origin=f"LeRobotDataset {path.name}, episode {number}",
        actor_id="imported",
        episode=number,
        started_ns=begin_ns,
    )
    columns = _columns(table, None)
    if "desired_goal" in columns:
        # Of somebody else's: where things are, not where they should be.
        around = columns.pop("desired_goal")
        columns["observation"] = np.concatenate([columns["observation"], around], axis=1)
        columns.pop("next_observation", None)
    if "next.terminated" not in features and "next.done" in features:
        # `done` does not say which: cut is the one that claims less.
        columns["truncated"] = _array(table, "next.done").reshape(-1)
    steps = steps_of(columns, stamps, info)
    success = any(step.success for step in steps)
    end = EpisodeEnd(
        outcome="success" if success else "unlabelled",
        episode_return=float(sum(step.reward for step in steps)),
        steps=len(steps),
        ended_ns=stamps[-1],
    )
    episode = AlignedEpisode(info, end, steps, stamps)
    for key, feature in features.items():
        if feature["dtype"] == "image" and key.startswith(lr.IMAGES):
            rows = table[key].to_pylist()
            episode.pictures[key.removeprefix(lr.IMAGES)] = [
                Picture(ns, f"rgb8; {picture_suffix(row['bytes'])} compressed bgr8", row["bytes"])
                for ns, row in zip(stamps, rows, strict=True)
                if row and row.get("bytes")
            ]
    return episode
