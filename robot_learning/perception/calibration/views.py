"""A folder of pictures of the board, and the joint positions that belong to them.

```
FOLDER/*.png, *.jpg ...   the pictures; in the order of their names
FOLDER/joints.jsonl       a line a picture: {"image": "view-0001.png", "joints": {JOINT: 0.1, ...}}
FOLDER/joints.csv         or a table instead: image,panda_joint1,panda_joint2,...
```
Angles are in radians; joints are named as in the robot's contract, in any order.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from robot_learning.contract.robot import ArmContract
from robot_learning.files import write_atomic
from robot_learning.perception.calibration.detection import CalibrationError

UInt8 = NDArray[np.uint8]
Array = NDArray[np.float64]

JOINTS_LINES, JOINTS_TABLE = "joints.jsonl", "joints.csv"
_PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp")


def pictures_in(folder: Path) -> list[Path]:
    """The pictures of a folder, by name.

    Raises:
        CalibrationError: there is no such folder.
    """
    if not folder.is_dir():
        raise CalibrationError(f"{folder}: no such folder")
    return sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in _PICTURES and not path.name.startswith(".")
    )


def read_picture(path: Path) -> UInt8:
    """A picture in colour, BGR, (height, width, 3).

    Raises:
        CalibrationError: it is none, or torn.
    """
    try:
        data = np.frombuffer(path.read_bytes(), np.uint8)
    except OSError as error:
        raise CalibrationError(f"cannot be read: {error.strerror}") from None
    picture = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    if picture is None:
        raise CalibrationError("is no picture that can be read: damaged, or half written?")
    return np.asarray(picture, np.uint8)


def read_joints(folder: Path, arm: ArmContract) -> dict[str, Array]:
    """Joint positions by picture's name, each (7,) rad in the contract's order.

    Raises:
        CalibrationError: there is no such file, or a line of it makes no sense.
    """
    lines, table = folder / JOINTS_LINES, folder / JOINTS_TABLE
    if lines.is_file():
        rows = list(_lines(lines))
    elif table.is_file():
        rows = list(_table(table))
    else:
        raise CalibrationError(
            f"{folder}: holds neither {JOINTS_LINES} nor {JOINTS_TABLE}: the joint positions "
            "belong beside the pictures"
        )
    return {image: _positions(where, joints, arm) for where, image, joints in rows}


def joints_line(image: str, names: tuple[str, ...], position_rad: Array, stamp_s: float) -> str:
    """A line of `joints.jsonl`."""
    joints = dict(zip(names, (float(value) for value in position_rad), strict=True))
    return json.dumps({"image": image, "stamp_s": stamp_s, "joints": joints}) + "\n"


def _lines(path: Path) -> list[tuple[str, str, Mapping[str, Any]]]:
    rows: list[tuple[str, str, Mapping[str, Any]]] = []
    text = _text(path)
    for number, line in enumerate(text.splitlines(keepends=True), start=1):
        if not line.strip():
            continue
        where = f"{path}:{number}"
        try:
            row = json.loads(line)
            rows.append((where, str(row["image"]), dict(row["joints"])))
        except (ValueError, KeyError, TypeError):
            if not line.endswith("\n"):
                continue  # still being written
            raise CalibrationError(
                f'{where}: expected {{"image": NAME, "joints": {{JOINT: rad, ...}}}}'
            ) from None
    return rows


def _table(path: Path) -> list[tuple[str, str, Mapping[str, Any]]]:
    reader = csv.DictReader(_text(path).splitlines())
    if "image" not in (reader.fieldnames or ()):
        raise CalibrationError(f"{path}:1: expected a column `image` and one for each joint")
    return [
        (f"{path}:{number}", str(row.pop("image")), row)
        for number, row in enumerate(reader, start=2)
    ]


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise CalibrationError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise CalibrationError(f"{path}: is not UTF-8 text") from None


def _positions(where: str, joints: Mapping[str, Any], arm: ArmContract) -> Array:
    position = np.zeros(len(arm.joints))
    for index, joint in enumerate(arm.joints):
        if joint.name not in joints:
            raise CalibrationError(
                f"{where}: no joint {joint.name}; it has {', '.join(map(str, joints)) or 'none'}"
            )
        try:
            value = float(joints[joint.name])
        except (TypeError, ValueError):
            value = math.nan
        if not joint.position_min_rad - 0.1 <= value <= joint.position_max_rad + 0.1:
            raise CalibrationError(
                f"{where}: {joint.name} is {joints[joint.name]!r}, beyond {joint.position_min_rad} "
                f"to {joint.position_max_rad}: radians are expected"
            )
        position[index] = value
    return position


class ViewFolder:
    """A folder that pictures with joint positions are added to.

    Attributes:
        count: of the pictures in it.
    """

    def __init__(self, folder: Path, names: tuple[str, ...]) -> None:
        """Goes on with what is there.

        Args:
            folder: is made.
            names: of the joints, in the order of the positions.

        Raises:
            OSError: it cannot be made.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._names = folder, names
        self.count = len(pictures_in(folder))

    def add(self, data: bytes, kind: str, position_rad: Array, stamp_s: float) -> Path:
        """Adds a line, then its picture, so that a picture always has one; the picture's path.

        Args:
            data: the encoded picture.
            kind: how it is encoded: jpg or png.
            position_rad: shape (7,).
            stamp_s: when it was taken.

        Raises:
            OSError: the disk is full, or the like.
        """
        number = self.count + 1
        while (path := self._folder / f"view-{number:04d}.{kind}").exists():
            number += 1
        with (self._folder / JOINTS_LINES).open("a", encoding="utf-8") as file:
            file.write(joints_line(path.name, self._names, position_rad, stamp_s))
        write_atomic(path, data)
        self.count += 1
        return path
