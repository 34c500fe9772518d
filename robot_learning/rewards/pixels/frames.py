"""Labelled pictures on disk: a file an episode, whole or not there, and who said what of them.

```
DIR/episode-NAME.npz   pictures, stamps and labels of one episode; a NumPy archive without pickle
DIR/audit.jsonl        every change of a label afterwards: when, who, why, from what to what
```
"""

from __future__ import annotations

import io
import json
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from robot_learning.contract import Contract, ContractError
from robot_learning.contract.contract import flatten
from robot_learning.files import write_atomic
from robot_learning.perception.task_camera import task_camera, task_picture
from robot_learning.replay.images import UInt8

AUDIT_FILE = "audit.jsonl"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
_FORMAT = 2
_UNREADABLE = (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile, zlib.error)


class FramesError(ValueError):
    """Frames or a label cannot be taken. One line says which and why."""


@dataclass(frozen=True, slots=True)
class PictureView:
    """What a picture is of, and what success in it means; a classifier judges no other.

    Attributes:
        task: name of the task.
        robot: name of the robot.
        camera: name of the camera.
        size_px: side of the square picture.
        crop_centre: see `ImageContract`.
        crop_side: see `ImageContract`.
        facts: what else pictures and labels follow from, by the contract's dotted key: pose and
            lens of the camera, the object, the condition of success.
    """

    task: str
    robot: str
    camera: str
    size_px: int
    crop_centre: tuple[float, float]
    crop_side: float
    facts: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, contract: Contract) -> Self:
        """That of a contract's pictures of success.

        Raises:
            ContractError: its task names no picture.
        """
        task, robot, image = contract.task, contract.robot, task_picture(contract)
        if image is None:
            raise ContractError(f"task {task.name} names no picture: give it success_image")
        pose = {"vertical_fov_rad", "position_m", "look_at_m"}
        plain = {
            "camera": task_camera(contract).model_dump(mode="json", include=pose),
            **task.model_dump(mode="json", include={"success", "object"}),
        }
        facts = tuple((key, json.dumps(value)) for key, value in flatten(plain))
        return cls(
            *(task.name, robot.name, image.camera),
            *(image.size_px, image.crop_centre, image.crop_side),
            facts,
        )

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Self:
        """From what `dataclasses.asdict` made, read from JSON.

        Raises:
            ValueError, KeyError, TypeError: it is none.
        """
        u, v = (float(part) for part in plain["crop_centre"])
        return cls(
            *(str(plain["task"]), str(plain["robot"]), str(plain["camera"])),
            *(int(plain["size_px"]), (u, v), float(plain["crop_side"])),
            tuple((str(key), str(value)) for key, value in plain["facts"]),
        )

    def difference(self, other: PictureView) -> str:
        """In what the other differs, one line; empty where in nothing."""
        mine, theirs = self._flat(), other._flat()
        return ", ".join(
            f"{key} {mine.get(key)} here and {theirs.get(key)} there"
            for key in (*mine, *(theirs.keys() - mine.keys()))
            if mine.get(key) != theirs.get(key)
        )

    def _flat(self) -> dict[str, Any]:
        plain = asdict(self)
        return plain | dict(plain.pop("facts"))


@dataclass(frozen=True, slots=True, eq=False)
class LabelledEpisode:
    """Pictures of one episode, and of each whether it shows success.

    Attributes:
        name: of the episode; letters, digits and `_.-`.
        images: RGB, shape (n, size, size, 3), uint8.
        stamps_s: when they were taken, shape (n,), seconds on their source's clock.
        labels: shape (n,), bool.
        by: who labelled them: `simulator`, or a person's name.
    """

    name: str
    images: UInt8
    stamps_s: NDArray[np.float64]
    labels: NDArray[np.bool_]
    by: str

    def __len__(self) -> int:
        return len(self.labels)


class FrameStore:
    """Episodes of labelled pictures of one view in a folder.

    Attributes:
        folder: where they are.
        view: of every picture.
        damaged: what was wrong with the files that `episodes` left out; a line each.
    """

    def __init__(self, folder: Path, view: PictureView) -> None:
        """Opens a store; the folder is made when something is written."""
        self.folder, self.view = folder, view
        self.damaged: list[str] = []

    def write(self, episode: LabelledEpisode) -> Path:
        """Writes an episode; the file. One of the same name is replaced.

        Raises:
            FramesError: its parts do not fit together, or its pictures are of another size.
            OSError: the disk is full or the like; what was there is as it was.
        """
        self._require_fitting(episode)
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self._path(episode.name)
        about = {"format": _FORMAT, "name": episode.name, "by": episode.by}
        text = json.dumps(about | {"view": asdict(self.view)})
        file = io.BytesIO()
        np.savez_compressed(
            file,
            about=np.frombuffer(text.encode(), np.uint8),
            images=episode.images,
            stamps_s=episode.stamps_s,
            labels=episode.labels,
        )
        write_atomic(path, file.getvalue())
        return path

    def episodes(self) -> Iterator[LabelledEpisode]:
        """Every sound episode, by name.

        Raises:
            FramesError: one is of another view.
        """
        self.damaged = []
        for path in self._files():
            try:
                yield self._read(path)
            except FramesError:
                raise
            except _UNREADABLE as error:
                reason = str(error) or type(error).__name__
                self.damaged.append(f"{path}: is damaged and left out: {reason}")

    def relabel(
        self, name: str, label: bool, by: str, why: str, first: int = 0, last: int | None = None
    ) -> int:
        """Changes labels of an episode, and writes down who did and why; how many changed.

        Args:
            name: of the episode.
            label: whether these pictures show success.
            by: who says so.
            why: in a few words.
            first: the first picture.
            last: the last picture; by default the episode's.

        Raises:
            FramesError: there is no such episode or picture.
            OSError: the disk is full or the like.
        """
        path = self._path(name)
        if not path.is_file():
            known = ", ".join(file.stem.removeprefix("episode-") for file in self._files()[:5])
            raise FramesError(f"{self.folder}: has no episode {name!r}; it has {known or 'none'}")
        try:
            episode = self._read(path)
        except _UNREADABLE as error:
            raise FramesError(f"{path}: is damaged: {error}") from None
        end = len(episode) - 1 if last is None else last
        if not 0 <= first <= end < len(episode):
            raise FramesError(f"{name}: pictures {first} to {end}; it has 0 to {len(episode) - 1}")
        labels = episode.labels.copy()
        labels[first : end + 1] = label
        changed = int((labels != episode.labels).sum())
        # The word first: a label never changes without one.
        line = {
            "time": datetime.now(UTC).isoformat(timespec="seconds"),
            "episode": name,
            "first": first,
            "last": end,
            "label": label,
            "changed": changed,
            "by": by,
            "why": why,
        }
        with (self.folder / AUDIT_FILE).open("a") as audit:
            audit.write(json.dumps(line) + "\n")
        self.write(replace(episode, labels=labels, by=by))
        return changed

    def _read(self, path: Path) -> LabelledEpisode:
        with np.load(path, allow_pickle=False) as archive:
            about = _about(archive)
            if difference := self.view.difference(PictureView.from_plain(about["view"])):
                raise FramesError(f"{path}: is of another view: {difference}")
            episode = LabelledEpisode(
                str(about["name"]),
                archive["images"],
                archive["stamps_s"],
                archive["labels"],
                str(about["by"]),
            )
        self._require_fitting(episode)
        return episode

    def _require_fitting(self, episode: LabelledEpisode) -> None:
        size, n = self.view.size_px, len(episode.labels)
        if not _NAME.fullmatch(episode.name):
            raise FramesError(f"{episode.name!r} is no name: letters, digits and _.- only")
        if not n or episode.images.shape != (n, size, size, 3) or episode.stamps_s.shape != (n,):
            raise FramesError(
                f"{episode.name}: {n} labels, {episode.stamps_s.shape} stamps and pictures of "
                f"shape {episode.images.shape}; expected ({n}, {size}, {size}, 3)"
            )
        if episode.images.dtype != np.uint8 or episode.labels.dtype != np.bool_:
            raise FramesError(f"{episode.name}: pictures are not uint8, or labels not bool")

    def _path(self, name: str) -> Path:
        return self.folder / f"episode-{name}.npz"

    def _files(self) -> list[Path]:
        return sorted(self.folder.glob("episode-*.npz")) if self.folder.is_dir() else []


def view_of(folder: Path) -> PictureView:
    """The view of the frames in a folder.

    Raises:
        FramesError: there are none, or the first is damaged.
    """
    files = sorted(folder.glob("episode-*.npz")) if folder.is_dir() else []
    if not files:
        raise FramesError(f"{folder}: holds no labelled frames; collect some first")
    try:
        with np.load(files[0], allow_pickle=False) as archive:
            return PictureView.from_plain(_about(archive)["view"])
    except _UNREADABLE as error:
        raise FramesError(f"{files[0]}: is damaged: {error}") from None


def _about(archive: Mapping[str, Any]) -> dict[str, Any]:
    about: dict[str, Any] = json.loads(archive["about"].tobytes())
    if about["format"] != _FORMAT:
        raise ValueError(f"its format is {about['format']}, known is {_FORMAT}; collect it anew")
    return about
