"""Installs the repository's launch/ and config/ into this package's share folder."""

import os
from pathlib import Path

from setuptools import setup

NAME = "robot_learning_bringup"
HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[2]


def share(folder: str) -> list[tuple[str, list[str]]]:
    """Data files of one top-level folder, keeping its tree; paths relative to this file."""
    files: dict[str, list[str]] = {}
    for path in sorted((REPOSITORY / folder).rglob("*")):
        if path.is_file():
            target = Path("share", NAME, path.relative_to(REPOSITORY).parent)
            files.setdefault(str(target), []).append(os.path.relpath(path, HERE))
    return list(files.items())


setup(
    name=NAME,
    version="0.1.0",
    packages=[],
    data_files=[
        ("share/ament_index/resource_index/packages", [f"resource/{NAME}"]),
        (f"share/{NAME}", ["package.xml"]),
        *share("launch"),
        *share("config"),
    ],
)
