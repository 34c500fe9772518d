"""Episodes as a LeRobotDataset v3.0."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from robot_learning.demonstrations.exchange import lerobot as lr
from robot_learning.demonstrations.exchange.aligned import AlignedEpisode
from robot_learning.demonstrations.exchange.columns import SCALARS, columns_of
from robot_learning.demonstrations.exchange.report import ExchangeError, Report
from robot_learning.demonstrations.exchange.statistics import (
    Stats,
    column_stats,
    decode,
    merged,
    picture_stats,
)

_IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def export_lerobot(episodes: Iterable[AlignedEpisode], out: Path, report: Report) -> None:
    """Writes a new data set; one Parquet file an episode.

    Args:
        episodes: of one contract, with the same cameras.
        out: folder, which must not exist.
        report: takes what was written and what is lost.

    Raises:
        ExchangeError: there are none, the folder is there, or they do not go together.
        OSError: it cannot be written.
    """
    if out.exists():
        raise ExchangeError(f"{out} exists; choose another --out")
    writer = _Writer(out, report)
    for episode in episodes:
        writer.add(episode)
    writer.finish()


class _Writer:
    """The data set as it grows."""

    def __init__(self, out: Path, report: Report) -> None:
        self._out, self._report = out, report
        self._features: dict[str, dict[str, Any]] = {}
        self._fps = 0.0
        self._robot = ""
        self._tasks: list[str] = []
        self._rows: list[dict[str, Any]] = []
        self._stats: list[dict[str, Stats]] = []
        self._ours: list[dict[str, Any]] = []
        self._frames = 0

    def add(self, episode: AlignedEpisode) -> None:
        """Writes one episode's rows."""
        columns, pictures = _table_columns(episode)
        features = _features(episode, columns)
        if not self._features:
            self._features, self._fps = features, _fps(episode)
            self._robot = episode.info.robot
        elif features != self._features:
            differ = sorted(
                key
                for key in features.keys() | self._features.keys()
                if features.get(key) != self._features.get(key)
            )
            raise ExchangeError(
                f"{episode.info.id} does not go with those before it: {', '.join(differ)}"
            )
        number, n = len(self._rows), len(episode.steps)
        task = episode.info.instruction or episode.info.task or "unknown"
        if task not in self._tasks:
            self._tasks.append(task)
        stamps = np.array(episode.stamps_ns)
        own: dict[str, NDArray[Any]] = {
            "timestamp": ((stamps - stamps[0]) * 1e-9).astype(np.float32),
            "frame_index": np.arange(n),
            "episode_index": np.full(n, number),
            "index": np.arange(self._frames, self._frames + n),
            "task_index": np.full(n, self._tasks.index(task)),
        }
        place = {"chunk": number // lr.CHUNK_FILES, "file": number % lr.CHUNK_FILES}
        path = self._out / lr.DATA.format(**place)
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(_arrow(columns | own, pictures), path)
        stats = {key: column_stats(values) for key, values in (columns | own).items()}
        for name in episode.pictures:
            stats[lr.IMAGES + name] = picture_stats(episode.pictures[name][:n])
        self._stats.append(stats)
        self._rows.append(
            {
                "episode_index": number,
                "tasks": [task],
                "length": n,
                "data/chunk_index": place["chunk"],
                "data/file_index": place["file"],
                "dataset_from_index": self._frames,
                "dataset_to_index": self._frames + n,
                "meta/episodes/chunk_index": 0,
                "meta/episodes/file_index": 0,
                **{
                    f"stats/{key}/{name}": value.tolist()
                    for key, values in stats.items()
                    for name, value in values.items()
                },
            }
        )
        self._ours.append(_our_part(episode))
        self._frames += n
        self._report.add(episode.info.id, n)
        for name in episode.pictures:
            self._report.loses(f"the picture after the last step, of camera {name}")

    def finish(self) -> None:
        """Writes what is known of all."""
        if not self._rows:
            raise ExchangeError("there is no episode to export")
        path = self._out / lr.EPISODES.format(chunk=0, file=0)
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.Table.from_pylist(self._rows), path)
        _write_tasks(self._out / lr.TASKS, self._tasks)
        info = {
            "codebase_version": lr.VERSION,
            "robot_type": self._robot or None,
            "total_episodes": len(self._rows),
            "total_frames": self._frames,
            "total_tasks": len(self._tasks),
            "chunks_size": lr.CHUNK_FILES,
            "data_files_size_in_mb": lr.DATA_FILE_MB,
            "video_files_size_in_mb": lr.VIDEO_FILE_MB,
            "fps": round(self._fps),
            "splits": {"train": f"0:{len(self._rows)}"},
            "data_path": lr.DATA_PATTERN,
            "video_path": None,
            "features": self._features,
        }
        self._report.loses(
            f"the rate of each episode: the format has one for all ({info['fps']} per second); "
            "timestamps are the real ones"
        )
        stats = {
            key: {
                name: value.tolist()
                for name, value in merged([one[key] for one in self._stats]).items()
            }
            for key in self._stats[0]
        }
        for name, content in ((lr.INFO, info), (lr.STATS, stats), (lr.OURS, self._ours)):
            text = json.dumps(content, indent=1)
            (self._out / name).write_text(text, encoding="utf-8")


def _table_columns(
    episode: AlignedEpisode,
) -> tuple[dict[str, NDArray[Any]], dict[str, list[dict[str, Any]]]]:
    """Features by name: numbers, and pictures as the format holds them."""
    n = len(episode.steps)
    found = columns_of(episode.steps)
    columns = {
        feature: found[name] for name, feature in lr.VECTOR_FEATURES.items() if found[name].size
    }
    columns |= {feature: found[name] for name, feature in lr.SCALAR_FEATURES.items()}
    columns[lr.DONE] = found["terminated"] | found["truncated"]
    columns[lr.STAMP] = np.array(episode.stamps_ns, np.int64)
    pictures = {}
    for name, kept in episode.pictures.items():
        stamps = [picture.stamp_ns for picture in kept[:n]]
        columns[lr.PICTURE_STAMP + name] = np.array(stamps, np.int64)
        pictures[lr.IMAGES + name] = [
            {"bytes": picture.data, "path": f"frame-{i:06d}.{picture_suffix(picture.data)}"}
            for i, picture in enumerate(kept[:n])
        ]
    return columns, pictures


def picture_suffix(data: bytes) -> str:
    """By a compressed picture's first bytes."""
    return "png" if data.startswith(b"\x89PNG") else "jpg"


def _features(
    episode: AlignedEpisode, columns: Mapping[str, NDArray[Any]]
) -> dict[str, dict[str, Any]]:
    names = [
        f"{field}.{i}" if part.stop - part.start > 1 else field
        for field, part in episode.fields().items()
        for i in range(part.stop - part.start)
    ]
    features: dict[str, dict[str, Any]] = {}
    for key, values in columns.items():
        size = values.shape[1] if values.ndim == 2 else 1
        states = key in (lr.STATE, lr.VECTOR_FEATURES["next_observation"])
        labels = names if states and len(names) == size else None
        features[key] = {"dtype": str(values.dtype), "shape": [size], "names": labels}
    for name, pictures in episode.pictures.items():
        shape = list(decode(pictures[0]).shape)
        axes = ["height", "width", "channels"]
        features[lr.IMAGES + name] = {"dtype": "image", "shape": shape, "names": axes}
    for key, dtype in lr.OWN_FEATURES.items():
        features[key] = {"dtype": dtype, "shape": [1], "names": None}
    return features


def _fps(episode: AlignedEpisode) -> float:
    """The contract's rate, or that of the steps."""
    task = (episode.info.contract or {}).get("task", {})
    if "control_hz" in task:
        return float(task["control_hz"])
    gaps = np.diff(episode.stamps_ns)
    return float(1e9 / np.median(gaps)) if gaps.size else 10.0


def _arrow(
    columns: Mapping[str, NDArray[Any]], pictures: Mapping[str, list[dict[str, Any]]]
) -> pa.Table:
    arrays: dict[str, Any] = {}
    for key, values in columns.items():
        kind = pa.from_numpy_dtype(values.dtype)
        if values.ndim == 1:
            arrays[key] = pa.array(values, kind)
        elif values.shape[1] == 1:
            arrays[key] = pa.array(values[:, 0], kind)
        else:
            flat = pa.array(values.reshape(-1), kind)
            arrays[key] = pa.FixedSizeListArray.from_arrays(flat, values.shape[1])
    for key, rows in pictures.items():
        arrays[key] = pa.array(rows, _IMAGE)
    return pa.table(arrays)


def _write_tasks(path: Path, tasks: list[str]) -> None:
    """A table whose index is the task's text: pandas keeps that in the file's own metadata."""
    index = "__index_level_0__"
    text, number = "unicode", "int64"
    table = pa.table({"task_index": list(range(len(tasks))), index: tasks})
    names = ((None, index, text, "object"), ("task_index", "task_index", number, number))
    about = {
        "index_columns": [index],
        "column_indexes": [],
        "columns": [
            {
                "name": name,
                "field_name": field,
                "pandas_type": kind,
                "numpy_type": numpy_kind,
                "metadata": None,
            }
            for name, field, kind, numpy_kind in names
        ],
        "creator": {"library": "pyarrow", "version": pa.__version__},
        "pandas_version": "2.0.0",
    }
    pq.write_table(table.replace_schema_metadata({"pandas": json.dumps(about)}), path)


def _our_part(episode: AlignedEpisode) -> dict[str, Any]:
    return {
        "info": episode.info.model_dump(mode="json"),
        "end": episode.end.model_dump(mode="json"),
        "sizes": {name: int(v.shape[1]) for name, v in _vectors(episode).items()},
        "cameras": {
            name: {
                "topic": episode.topics.get(name, ""),
                "formats": [picture.format for picture in pictures[: len(episode.steps)]],
            }
            for name, pictures in episode.pictures.items()
        },
    }


def _vectors(episode: AlignedEpisode) -> dict[str, NDArray[Any]]:
    return {k: v for k, v in columns_of(episode.steps).items() if k not in SCALARS}
