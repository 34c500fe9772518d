"""Reads contract files: strict YAML, and errors that name file, line, key and what was expected."""

from __future__ import annotations

import difflib
import os
import sys
import typing
from collections.abc import Hashable
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from robot_learning.contract.contract import Contract
from robot_learning.contract.errors import ContractError
from robot_learning.contract.robot import RobotContract
from robot_learning.contract.task import TASKS, TaskContract

Model = TypeVar("Model", bound=BaseModel)


class _StrictLoader(yaml.SafeLoader):
    """Safe YAML that refuses a key given twice (plain YAML lets the last one win in silence)."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"key {key!r} is given twice", key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep)


def config_dir() -> Path:
    """Where contract files are.

    In order: `$ROBOT_LEARNING_CONFIG`; `config/` beside the package (a checkout); the share
    folder of an installed `robot_learning_bringup`.

    Raises:
        ContractError: none of them exists.
    """
    candidates = []
    if override := os.environ.get("ROBOT_LEARNING_CONFIG"):
        candidates.append(Path(override))
    candidates.append(Path(__file__).resolve().parents[2] / "config")
    for prefix in os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep):
        candidates.append(Path(prefix) / "share" / "robot_learning_bringup" / "config")
    candidates.append(Path(sys.prefix) / "share" / "robot_learning" / "config")
    for candidate in candidates:
        if (candidate / "robots").is_dir():
            return candidate
    raise ContractError(
        "no config folder found (looked in "
        + ", ".join(str(c) for c in candidates)
        + "); set ROBOT_LEARNING_CONFIG to the folder that holds robots/ and tasks/"
    )


def load_strict(name_or_path: str | Path, folder: str, model: type[Model]) -> Model:
    """Loads `config/FOLDER/NAME.yaml`, or the file at a path that ends in .yaml.

    Raises:
        ContractError: it is missing or malformed; names file, line, key and what was expected.
    """
    return _load(_resolve(name_or_path, folder), model)


def load_robot(name_or_path: str | Path) -> RobotContract:
    """Loads `config/robots/NAME.yaml`, or the file at a path that ends in .yaml."""
    return load_strict(name_or_path, "robots", RobotContract)


def robot_file(name_or_path: str | Path) -> Path:
    """The file that `load_robot` reads, links resolved.

    Raises:
        ContractError: there is none.
    """
    return _resolve(name_or_path, "robots").resolve()


def load_task(name_or_path: str | Path) -> TaskContract:
    """Loads `config/tasks/NAME.yaml`, or the file at a path that ends in .yaml."""
    return _load_task(_resolve(name_or_path, "tasks"))


def load_contract(robot: str | Path = "panda", task: str | Path = "reach") -> Contract:
    """Loads a robot and a task and checks that they fit each other.

    Raises:
        ContractError: a file is missing or malformed, or the two do not fit.
    """
    robot_file, task_file = _resolve(robot, "robots"), _resolve(task, "tasks")
    try:
        return Contract(robot=_load(robot_file, RobotContract), task=_load_task(task_file))
    except ValidationError as error:
        raise ContractError(
            f"{robot_file} and {task_file} do not fit: {error.errors()[0]['msg']}"
        ) from None


def _resolve(name_or_path: str | Path, folder: str) -> Path:
    text = str(name_or_path)
    if text.endswith((".yaml", ".yml")):
        path = Path(text)
        if not path.is_file():
            raise ContractError(f"{path}: no such file")
        return path
    directory = config_dir() / folder
    path = directory / f"{text}.yaml"
    if not path.is_file():
        known = sorted(p.stem for p in directory.glob("*.yaml"))
        near = difflib.get_close_matches(text, known, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise ContractError(f"{path}: no such file; known: {', '.join(known)}{hint}")
    return path


def _load_task(path: Path) -> TaskContract:
    root, data = _read(path)
    if "kind" not in data:
        raise ContractError(f"{path}: kind: required, and not given; known: {', '.join(TASKS)}")
    kind = str(data["kind"])
    if kind not in TASKS:
        near = difflib.get_close_matches(kind, TASKS, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise ContractError(f"{path}: kind: {kind!r} is not one of {', '.join(TASKS)}{hint}")
    return _validated(path, root, data, TASKS[kind])


def _load(path: Path, model: type[Model]) -> Model:
    return _validated(path, *_read(path), model)


def _validated(
    path: Path, root: yaml.Node | None, data: dict[str, Any], model: type[Model]
) -> Model:
    try:
        return model.model_validate(data)
    except ValidationError as error:
        causes = _causes(model, error.errors())
        lines = [_explain(path, root, model, item) for item in causes[:5]]
        raise ContractError("\n".join(lines)) from None


def _read(path: Path) -> tuple[yaml.Node | None, dict[str, Any]]:
    """The file as YAML nodes, which know their lines, and as plain data."""
    try:
        text = path.read_text(encoding="utf-8")
        root = yaml.compose(text, Loader=_StrictLoader)
        data = yaml.load(text, Loader=_StrictLoader)
    except OSError as error:
        raise ContractError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ContractError(f"{path}: is not UTF-8 text") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        raise ContractError(f"{where}: broken YAML: {error.problem}") from None
    if data is None:
        raise ContractError(f"{path}: is empty; expected a mapping of keys")
    if not isinstance(data, dict):
        raise ContractError(f"{path}: expected a mapping of keys, found {type(data).__name__}")
    return root, data


def _causes(model: type[BaseModel], items: list[Any]) -> list[Any]:
    """Unknown keys first, and without what only follows from another error.

    A list with one bad entry is also too short, and a misspelt key also leaves one missing.
    """
    meant: set[tuple[Any, ...]] = set()
    for item in items:
        if item["type"] == "extra_forbidden":
            parent, key = item["loc"][:-1], str(item["loc"][-1])
            meant.update((*parent, name) for name in _near(key, _fields_at(model, parent)))
    return [
        item
        for item in sorted(items, key=lambda item: item["type"] != "extra_forbidden")
        if not (item["type"] == "missing" and item["loc"] in meant)
        and not (
            item["type"] in ("too_short", "tuple_too_short")
            and any(
                len(other["loc"]) > len(item["loc"])
                and other["loc"][: len(item["loc"])] == item["loc"]
                for other in items
            )
        )
    ]


def _near(key: str, known: list[str]) -> list[str]:
    return difflib.get_close_matches(key, known, n=1, cutoff=0.5)


def _explain(path: Path, root: yaml.Node | None, model: type[BaseModel], item: Any) -> str:
    location = tuple(part for part in item["loc"])
    key = ".".join(str(part) for part in location) or "(the whole file)"
    message = item["msg"].removeprefix("Value error, ")
    if item["type"] == "extra_forbidden":
        known = _fields_at(model, location[:-1])
        near = _near(str(location[-1]), known)
        message = "unknown key" + (
            f"; did you mean {near[0]}?" if near else f"; known: {', '.join(sorted(known))}"
        )
    elif item["type"] == "missing":
        message = "required, and not given"
    elif not isinstance(item["input"], dict | list | tuple):
        message = f"{message}, found {item['input']!r:.60}"
    return f"{path}:{_line(root, location)}: {key}: {message}"


def _line(node: yaml.Node | None, location: tuple[Any, ...]) -> int:
    """The line of the deepest part of a key path that the file has."""
    line = 1
    for part in location:
        if isinstance(node, yaml.MappingNode):
            match = [(k, v) for k, v in node.value if k.value == str(part)]
            if not match:
                break
            line, node = match[0][0].start_mark.line + 1, match[0][1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int):
            if part >= len(node.value):
                break
            node = node.value[part]
            line = node.start_mark.line + 1
        else:
            break
    return line


def _fields_at(model: type[BaseModel], location: tuple[Any, ...]) -> list[str]:
    """Field names of the model found by walking a key path through nested models."""
    for part in location:
        if isinstance(part, int):
            continue
        field = model.model_fields.get(str(part))
        nested = _model_in(field.annotation) if field else None
        if nested is None:
            return []
        model = nested
    return list(model.model_fields)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in typing.get_args(annotation):
        if (found := _model_in(argument)) is not None:
            return found
    return None
