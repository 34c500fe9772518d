"""Finds packages and their executables the way ament does: through AMENT_PREFIX_PATH."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from robot_learning.launch.errors import LaunchError

_INDEX = Path("share") / "ament_index" / "resource_index" / "packages"


class Packages:
    """Looks packages up in an environment.

    Args:
        environment: its AMENT_PREFIX_PATH lists the install prefixes, first match wins.
        source_tree: a folder that holds package sources; it answers for share folders alone, and
            only where no prefix has the package (launch files can then be read before the build).
    """

    def __init__(self, environment: Mapping[str, str], source_tree: Path | None = None) -> None:
        self._prefixes = [
            Path(prefix)
            for prefix in environment.get("AMENT_PREFIX_PATH", "").split(os.pathsep)
            if prefix
        ]
        self._source_tree = source_tree

    def share(self, package: str) -> Path:
        """The share folder of a package.

        Raises:
            LaunchError: no prefix and no source tree has it.
        """
        prefix = self._prefix(package)
        if prefix is not None:
            return prefix / "share" / package
        if self._source_tree is not None and (self._source_tree / package).is_dir():
            return self._source_tree / package
        raise LaunchError(self._not_found(package))

    def executable(self, package: str, name: str) -> Path:
        """The file of a package's executable, `PREFIX/lib/PACKAGE/NAME`.

        Raises:
            LaunchError: the package is not built, or has no such executable.
        """
        prefix = self._prefix(package)
        if prefix is None:
            raise LaunchError(self._not_found(package) + f" (it should hold {name!r})")
        folder = prefix / "lib" / package
        file = folder / name
        if file.is_file() and os.access(file, os.X_OK):
            return file
        known = sorted(entry.name for entry in folder.iterdir()) if folder.is_dir() else []
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]}? " if near else ""
        listing = f"it has: {', '.join(known)}" if known else "it has no executables"
        raise LaunchError(
            f"package {package!r} in {prefix} has no executable {name!r}; {hint}{listing}; "
            "if it is new, build it: make setup"
        )

    def _prefix(self, package: str) -> Path | None:
        if not package or "/" in package:
            return None
        return next((p for p in self._prefixes if (p / _INDEX / package).is_file()), None)

    def _names(self) -> Iterator[str]:
        for prefix in self._prefixes:
            if (prefix / _INDEX).is_dir():
                yield from (entry.name for entry in (prefix / _INDEX).iterdir())

    def _not_found(self, package: str) -> str:
        near = difflib.get_close_matches(package, list(self._names()), n=1)
        hint = f"did you mean {near[0]}? " if near else ""
        looked = ", ".join(str(p) for p in self._prefixes) or "AMENT_PREFIX_PATH is empty"
        return (
            f"package {package!r} not found; {hint}build the workspace first: make setup "
            f"(looked in: {looked})"
        )


def repository_packages() -> Path | None:
    """The folder of package sources of the checkout this library runs from, if it is one."""
    folder = Path(__file__).resolve().parents[2] / "ros2_ws" / "src"
    return folder if folder.is_dir() else None
