"""Puts a camera's calibration into a robot's YAML file, and leaves every other line as it is."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any

import yaml

from robot_learning.contract.calibration import CameraCalibration
from robot_learning.contract.errors import ContractError
from robot_learning.contract.load import config_dir, load_robot
from robot_learning.contract.robot import RobotContract

_KEY = "calibration"


def robot_path(name_or_path: str | Path) -> Path:
    """The file that `load_robot` reads, links resolved.

    Raises:
        ContractError: there is none.
    """
    text = str(name_or_path)
    load_robot(text)  # says what is wrong with it, and where
    if text.endswith((".yaml", ".yml")):
        return Path(text).resolve()
    return (config_dir() / "robots" / f"{text}.yaml").resolve()


def with_calibration(text: str, camera: str, calibration: CameraCalibration) -> str:
    """The text of a robot's file with a camera's calibration in it, in place of one before.

    Comments, order and layout of everything else stay.

    Args:
        text: of the file.
        camera: name of the camera.
        calibration: what was measured.

    Raises:
        ContractError: the camera is not in it, or its layout does not allow to add a key.
    """
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    found = _camera_node(root, camera)
    if found.flow_style:
        raise ContractError(
            f"camera {camera} is written in braces: give it one key a line, indented, and try again"
        )
    lines = text.splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    indent = found.value[0][0].start_mark.column
    block = _block(calibration, indent)
    there = [(key, value) for key, value in found.value if key.value == _KEY]
    if there:
        key, value = there[0]
        first, last = key.start_mark.line, _last_line(value)
    else:
        first = _last_line(found) + 1
        last = first - 1
    new = "".join([*lines[:first], *block, *lines[last + 1 :]])
    _require_only_that_changed(text, new, camera, calibration)
    return new


def difference(before: str, after: str, path: Path) -> str:
    """What changes in the file, as `diff -u` shows it."""
    lines = difflib.unified_diff(
        before.splitlines(), after.splitlines(), str(path), f"{path} (new)", n=2, lineterm=""
    )
    return "\n".join(lines)


def _block(calibration: CameraCalibration, indent: int) -> list[str]:
    """The lines of the key; short lists in brackets, as in the files by hand."""
    plain: dict[str, Any] = calibration.model_dump(exclude_none=True)
    text = yaml.dump(
        {_KEY: _lists(plain)}, Dumper=_Dumper, sort_keys=False, default_flow_style=False, width=100
    )
    return [" " * indent + line for line in text.splitlines(keepends=True)]


class _Dumper(yaml.SafeDumper):
    """Writes lists in brackets."""


_Dumper.add_representer(
    list,
    lambda dumper, value: dumper.represent_sequence(
        "tag:yaml.org,2002:seq", value, flow_style=True
    ),
)


def _lists(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _lists(part) for key, part in value.items()}
    return list(value) if isinstance(value, tuple) else value


def _camera_node(root: yaml.Node | None, name: str) -> yaml.MappingNode:
    cameras = _value(root, "cameras")
    names = []
    if isinstance(cameras, yaml.SequenceNode):
        for node in cameras.value:
            found = _value(node, "name")
            if isinstance(node, yaml.MappingNode) and isinstance(found, yaml.ScalarNode):
                names.append(found.value)
                if found.value == name:
                    return node
    raise ContractError(f"no camera {name!r}; known: {', '.join(names) or 'none'}")


def _value(node: yaml.Node | None, key: str) -> yaml.Node | None:
    if isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            if name.value == key:
                found: yaml.Node = value
                return found
    return None


def _last_line(node: yaml.Node) -> int:
    """Where a node's last value ends; a block's own end is where the next one begins."""
    if isinstance(node, yaml.MappingNode) and not node.flow_style:
        return max(_last_line(part) for pair in node.value for part in pair)
    if isinstance(node, yaml.SequenceNode) and not node.flow_style:
        return max(_last_line(part) for part in node.value)
    return int(node.end_mark.line)


def _require_only_that_changed(
    before: str, after: str, camera: str, calibration: CameraCalibration
) -> None:
    wanted = yaml.safe_load(before)
    for row in wanted["cameras"]:
        if row["name"] == camera:
            row[_KEY] = _lists(calibration.model_dump(exclude_none=True))
    try:
        found = yaml.safe_load(after)
        RobotContract.model_validate(found)
    except (yaml.YAMLError, ValueError) as error:
        raise ContractError(
            f"the calibration of camera {camera} does not fit in: {str(error).splitlines()[0]}"
        ) from None
    if found != wanted:
        raise ContractError(
            f"the layout of camera {camera} does not allow to add a key: give it one key a line"
        )
