"""Grasp episodes on disk: compressed shards, each whole or not there.

What a run in process or over the graph collects, another learns from offline. A shard is a NumPy
archive without pickle; its archive's checksums tell a damaged one, which is skipped and named.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from robot_learning.files import write_atomic
from robot_learning.grasping.episode import GraspEpisode

_NAME = re.compile(r"shard-\d{6}\.npz")
_FORMAT = 2
_PARTS = ("images", "states", "actions", "requested", "rewards")


class LogError(ValueError):
    """The log was made under another contract. One line says which."""


class GraspLog:
    """Shards of episodes in a folder.

    Attributes:
        damaged: what was wrong with the shards that `episodes` skipped; a line each.
    """

    def __init__(self, folder: Path, contract_sha256: str) -> None:
        """Opens a log; the folder is made when something is written.

        Args:
            folder: of the shards.
            contract_sha256: under which its episodes are collected.
        """
        self.folder = folder
        self._sha256 = contract_sha256
        self.damaged: list[str] = []

    def numbers(self) -> list[int]:
        """Numbers of the shards that are there, damaged or not, in order."""
        return [int(path.stem.rpartition("-")[2]) for path in self._shards()]

    def write(self, episodes: Sequence[GraspEpisode], number: int | None = None) -> Path:
        """Writes one shard; the file.

        Args:
            episodes: of the shard.
            number: of it; by default the next one.

        Raises:
            OSError: the disk is full or the like; the shards before are as they were.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        if number is None:
            number = 1 + max(self.numbers(), default=-1)
        path = self._path(number)
        write_atomic(path, to_bytes(episodes, self._sha256))
        return path

    def episodes(self) -> Iterator[GraspEpisode]:
        """Every episode of every sound shard, in the order in which they were written.

        Raises:
            LogError: a shard was made under another contract.
        """
        self.damaged = []
        for path in self._shards():
            try:
                found = from_bytes(path.read_bytes(), self._sha256)
            except LogError as error:
                raise LogError(f"{path}: {error}") from None
            except UNREADABLE as error:
                self.damaged.append(f"{path}: is damaged and left out: {error or type(error)}")
                continue
            yield from found

    def count(self) -> int:
        """Episodes in the sound shards, by what these say of themselves."""
        return sum(len(self.seeds(number)) for number in self.numbers())

    def seeds(self, number: int) -> list[int]:
        """Seeds of a shard's episodes, by what it says of itself; none where it is damaged."""
        try:
            with np.load(self._path(number), allow_pickle=False) as archive:
                about = json.loads(archive["about"].tobytes())
                return [int(episode["seed"]) for episode in about["episodes"]]
        except UNREADABLE:
            return []

    def drop(self, number: int) -> None:
        """Deletes a shard, if it is there.

        Raises:
            OSError: the folder cannot be changed.
        """
        self._path(number).unlink(missing_ok=True)

    def _path(self, number: int) -> Path:
        return self.folder / f"shard-{number:06d}.npz"

    def _shards(self) -> list[Path]:
        if not self.folder.is_dir():
            return []
        return sorted(path for path in self.folder.iterdir() if _NAME.fullmatch(path.name))


UNREADABLE = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error)
"""What reading a damaged shard raises."""


def to_bytes(episodes: Sequence[GraspEpisode], contract_sha256: str) -> bytes:
    """A shard of episodes of one contract."""
    about = {
        "format": _FORMAT,
        "contract_sha256": contract_sha256,
        "episodes": [
            {
                "steps": len(episode),
                "terminated": episode.terminated,
                "success": episode.success,
                "source": episode.source,
                "seed": episode.seed,
            }
            for episode in episodes
        ],
    }
    file = io.BytesIO()
    np.savez_compressed(
        file,
        about=np.frombuffer(json.dumps(about).encode(), np.uint8),
        images=np.concatenate([episode.images for episode in episodes]),
        states=np.concatenate([episode.states for episode in episodes]),
        actions=np.concatenate([episode.actions for episode in episodes]),
        requested=np.concatenate([episode.requested for episode in episodes]),
        rewards=np.concatenate([episode.rewards for episode in episodes]),
    )
    return file.getvalue()


def from_bytes(data: bytes, contract_sha256: str) -> list[GraspEpisode]:
    """The episodes of a shard.

    Raises:
        LogError: they were collected under another contract.
        ValueError: it is damaged; or another of the errors of a damaged archive.
    """
    with np.load(io.BytesIO(data), allow_pickle=False) as archive:
        about = json.loads(archive["about"].tobytes())
        if about["format"] != _FORMAT:
            raise ValueError(f"its format is {about['format']}, known is {_FORMAT}")
        if about["contract_sha256"] != contract_sha256:
            raise LogError(
                f"was collected under contract {about['contract_sha256'][:12]}, this is "
                f"{contract_sha256[:12]}: give the robot and task that it was made with"
            )
        parts = {name: archive[name] for name in _PARTS}
    episodes, frame, step = [], 0, 0
    for row in about["episodes"]:
        steps = int(row["steps"])
        frames, acted = slice(frame, frame + steps + 1), slice(step, step + steps)
        episodes.append(
            GraspEpisode(
                parts["images"][frames],
                parts["states"][frames],
                parts["actions"][acted],
                parts["requested"][acted],
                parts["rewards"][acted],
                bool(row["terminated"]),
                bool(row["success"]),
                str(row["source"]),
                int(row["seed"]),
            )
        )
        frame, step = frames.stop, acted.stop
    return episodes
