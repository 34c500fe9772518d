"""Message definitions as text, so that a recording can be read where no ROS is installed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

_SIZES = (8, 16, 32, 64)
_BUILT_IN = frozenset(
    ["bool", "byte", "char", "float32", "float64", "string", "wstring"]
    + [f"int{size}" for size in _SIZES]
    + [f"uint{size}" for size in _SIZES]
)
_FIELD = re.compile(r"^\s*([A-Za-z][\w/]*)(?:<=\d+)?(?:\[[^\]]*\])?\s+[A-Za-z]\w*")
_RULE = "=" * 80
HEADER = "std_msgs/Header"


class DefinitionError(LookupError):
    """The definition of a message is nowhere to be found."""


def message_definition(type_name: str, prefixes: Sequence[Path]) -> str:
    """A message's definition with those of everything in it: MCAP's encoding `ros2msg`.

    Args:
        type_name: `package/msg/Name`.
        prefixes: installation folders with `share/package/msg/Name.msg`, the first wins.

    Raises:
        DefinitionError: a definition is in none of the folders.
    """
    return _definition(type_name, tuple(prefixes))


def is_stamped(definition: str) -> bool:
    """Whether a message begins with a header, and so with its source's stamp."""
    fields = _field_types(definition.partition(_RULE)[0])
    return bool(fields) and fields[0] in (HEADER, "std_msgs/msg/Header")


@lru_cache(maxsize=256)
def _definition(type_name: str, prefixes: tuple[Path, ...]) -> str:
    texts = {type_name: _text(type_name, prefixes)}
    waiting = [type_name]
    while waiting:
        outer = waiting.pop()
        package = outer.partition("/")[0]
        for kind in _field_types(texts[outer]):
            inner = _full_name(kind, package)
            if inner is not None and inner not in texts:
                texts[inner] = _text(inner, prefixes)
                waiting.append(inner)
    parts = [texts.pop(type_name)]
    for name, text in texts.items():
        package, _, short = name.replace("/msg/", "/").partition("/")
        parts.append(f"{_RULE}\nMSG: {package}/{short}\n{text}")
    return "\n".join(part.rstrip("\n") for part in parts) + "\n"


def _text(type_name: str, prefixes: tuple[Path, ...]) -> str:
    package, _, name = type_name.partition("/msg/")
    for prefix in prefixes:
        file = prefix / "share" / package / "msg" / f"{name}.msg"
        if file.is_file():
            return file.read_text(encoding="utf-8")
    looked = ", ".join(map(str, prefixes)) or "(nowhere)"
    raise DefinitionError(f"no definition of {type_name} under {looked}; is its package installed?")


def _field_types(text: str) -> list[str]:
    """Types of the fields, in order; constants and comments are none."""
    kinds = []
    for line in text.splitlines():
        bare = line.partition("#")[0]
        found = _FIELD.match(bare)
        if found and "=" not in bare[found.end() :].partition('"')[0].replace("<=", ""):
            kinds.append(found[1])
    return kinds


def _full_name(kind: str, package: str) -> str | None:
    """`package/msg/Name` of a field's type; None for what the language has itself."""
    if kind in _BUILT_IN:
        return None
    parts = kind.split("/")
    if len(parts) == 1:
        # `Header` alone is an old short form.
        return "std_msgs/msg/Header" if kind == "Header" else f"{package}/msg/{kind}"
    return f"{parts[0]}/msg/{parts[-1]}"
