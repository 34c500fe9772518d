"""Writes values into a contract's YAML: comments stay, and what would not load is not written."""

from __future__ import annotations

import difflib
import io
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.nodes import ScalarNode
from ruamel.yaml.representer import RoundTripRepresenter

from robot_learning.contract.errors import ContractError
from robot_learning.contract.load import load_robot
from robot_learning.contract.yaml_tails import give_tail, last_key, take_tail
from robot_learning.files import write_atomic


class _Representer(RoundTripRepresenter):
    """Writes small numbers so that YAML 1.1 reads numbers: 5.0e-05, where 5e-05 is a text."""

    def plain_float(self, value: float) -> ScalarNode:
        text = repr(value)
        if "e" in text and "." not in text:
            text = text.replace("e", ".0e")
        node: ScalarNode = self.represent_scalar("tag:yaml.org,2002:float", text)
        return node


_Representer.add_representer(float, _Representer.plain_float)


def edited(text: str, values: Mapping[str, Any]) -> str:
    """A YAML text with values at dotted keys, such as `simulation.control_delay_s`.

    Keys that are missing on the way are made; a number in a key is a place in a list; a mapping
    replaces all that was under its key.

    Raises:
        ContractError: there is something else than a mapping or a list on the way.
    """
    yaml = YAML()
    yaml.Representer = _Representer
    yaml.preserve_quotes = True
    yaml.width = 100
    if not re.search(r"^- ", text, re.MULTILINE):  # lists are indented, as in config/
        yaml.indent(mapping=2, sequence=4, offset=2)
    tree = yaml.load(text)
    for dotted, value in values.items():
        *way, last = [int(part) if part.isdigit() else part for part in dotted.split(".")]
        node = tree
        try:
            for part in way:
                if isinstance(node, CommentedMap) and part not in node:
                    node[part] = CommentedMap()
                node = node[part]
            _put(node, last, value)
        except (KeyError, IndexError, TypeError, AttributeError):
            raise ContractError(f"{dotted}: there is no such place in the file") from None
    out = io.StringIO()
    yaml.dump(tree, out)
    return out.getvalue()


def edited_file(
    path: Path,
    values: Mapping[str, Any],
    load: Callable[[Path], object] = load_robot,
) -> str:
    """The text of a contract's file with values in it, as `edited`; nothing is written.

    Args:
        path: of the YAML.
        values: by dotted key.
        load: reads the edited file, and refuses it where it is none.

    Raises:
        ContractError: the edited file would not load.
        OSError: the file cannot be read.
    """
    text = edited(path.read_text(encoding="utf-8"), values)
    with TemporaryDirectory() as folder:
        trial = Path(folder) / path.name
        trial.write_text(text, encoding="utf-8")
        try:
            load(trial)
        except ContractError as error:
            raise ContractError(str(error).replace(str(trial), str(path))) from None
    return text


def set_keys(
    path: Path,
    values: Mapping[str, Any],
    load: Callable[[Path], object] = load_robot,
) -> None:
    """Edits a contract's file in one step; arguments and errors as `edited_file`.

    Raises:
        FileWriteError: it could not be written; the file is as before.
    """
    write_atomic(path, edited_file(path, values, load).encode())


def difference(before: str, after: str, path: Path) -> str:
    """What changes in the file, as `diff -u` shows it."""
    lines = difflib.unified_diff(
        before.splitlines(), after.splitlines(), str(path), f"{path} (new)", n=2, lineterm=""
    )
    return "\n".join(lines)


def _put(node: Any, key: str | int, value: Any) -> None:
    """Sets a key; what stands in the file behind it or its mapping stays behind."""
    if isinstance(node, CommentedMap) and key not in node and node:
        tail = take_tail(node, last_key(node))
    else:
        tail = take_tail(node, key) if node else ""
    node[key] = _styled(value)
    give_tail(node, key, tail)


def _styled(value: Any) -> Any:
    """Lists in one line, but for lists of lists; mappings in several."""
    if isinstance(value, Mapping):
        return CommentedMap({key: _styled(item) for key, item in value.items()})
    if isinstance(value, list | tuple):
        row = CommentedSeq([_styled(item) for item in value])
        if not any(isinstance(item, list | tuple) for item in value):
            row.fa.set_flow_style()
        return row
    return value
