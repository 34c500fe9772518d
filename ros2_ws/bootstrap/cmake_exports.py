"""Repairs the CMake files inside the installed ROS wheels.

The files name the machine that the wheels were built on: its Python headers and its
site-packages, under `/opt/python/cpXY-cpXY/`. CMake stops at the first header folder that does
not exist, so both are replaced by this environment's.
"""

from __future__ import annotations

import re
from pathlib import Path

_INCLUDE = re.compile(r"/opt/python/cp\d+-cp\d+/include/python3\.\d+")
_SITE_PACKAGES = re.compile(r"/opt/python/cp\d+-cp\d+/lib/python3\.\d+/site-packages")


def repair_text(text: str, include: Path, site_packages: Path) -> str:
    """One file's text with the build machine's folders replaced; repairing twice changes nothing.

    Args:
        text: a CMake file.
        include: folder of this interpreter's Python.h.
        site_packages: where this environment's packages are.
    """
    text = _SITE_PACKAGES.sub(lambda _: str(site_packages), text)
    return _INCLUDE.sub(lambda _: str(include), text)


def repair(prefix: Path, include: Path, site_packages: Path) -> int:
    """Repairs every CMake file under `prefix/share/*/cmake/`.

    Returns:
        How many files were changed.
    """
    changed = 0
    for path in sorted(prefix.glob("share/*/cmake/*.cmake")):
        before = path.read_text(encoding="utf-8", errors="surrogateescape")
        after = repair_text(before, include, site_packages)
        if after != before:
            path.write_text(after, encoding="utf-8", errors="surrogateescape")
            changed += 1
    return changed
