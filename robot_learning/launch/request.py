"""What the words of `launch ...` ask for: a file, by path or by package, and its arguments."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from robot_learning.launch.errors import LaunchError
from robot_learning.launch.packages import Packages, repository_packages

_GIVES = ":="
_EXTENSIONS = (".launch.xml", ".xml", ".launch")


@dataclass(frozen=True)
class Request:
    """A launch file and the values given for its arguments."""

    file: Path
    arguments: dict[str, str]


def parse_request(words: Sequence[str], environment: Mapping[str, str]) -> Request:
    """Understands `FILE [name:=value ...]` and `PACKAGE FILE [name:=value ...]`.

    As with `ros2 launch`, a path that exists comes first, a package's file is found anywhere below
    its share folder, and of two values for a name the last counts.

    Raises:
        LaunchError: there is no such file or package, or a word is no `name:=value`.
    """
    if not words:
        raise LaunchError("name a launch file, or a package and a launch file")
    first, *rest = words
    if Path(first).is_file():
        return Request(Path(first), parse_arguments(rest))
    if rest and _GIVES not in rest[0]:
        return Request(_file_of_package(first, rest[0], environment), parse_arguments(rest[1:]))
    raise LaunchError(f"{first}: no such launch file{_near_file(first)}")


def parse_arguments(words: Sequence[str]) -> dict[str, str]:
    """Reads `name:=value` words.

    Raises:
        LaunchError: a word has no `:=`, no name or no value.
    """
    arguments: dict[str, str] = {}
    for word in words:
        name, gives, value = word.partition(_GIVES)
        if not gives or not name or not value:
            raise LaunchError(f"{word!r} is not of the form name:=value")
        arguments[name] = value
    return arguments


def _file_of_package(package: str, name: str, environment: Mapping[str, str]) -> Path:
    share = Packages(environment, repository_packages()).share(package)
    found = sorted(path for path in share.rglob(name) if path.is_file()) if name else []
    if len(found) == 1:
        return found[0]
    if found:
        listing = ", ".join(str(path) for path in found)
        raise LaunchError(f"package {package!r} has more than one {name!r}: {listing}")
    known = sorted({path.name for path in share.rglob("*") if path.name.endswith(_EXTENSIONS)})
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    listing = f"it has: {', '.join(known)}" if known else "it has none"
    raise LaunchError(
        f"package {package!r} in {share} has no launch file {name!r}; {hint}{listing}"
    )


def _near_file(name: str) -> str:
    """A hint at launch files beside the path, or in the `launch/` folder of this checkout."""
    folders = [Path(name).parent, Path(__file__).resolve().parents[2] / "launch"]
    known = {
        path.name: path
        for folder in reversed(folders)
        if folder.is_dir()
        for path in folder.glob("*.launch.xml")
    }
    near = difflib.get_close_matches(Path(name).name, list(known), n=1, cutoff=0.5)
    return f"; did you mean {known[near[0]]}?" if near else ""
