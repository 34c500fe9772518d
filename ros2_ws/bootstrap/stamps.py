"""Remembers which stage of the set-up was finished with which inputs."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

# Raised when a stage comes to do something else for the same inputs.
FORMAT = "1"


def digest(facts: Iterable[str], paths: Iterable[Path], root: Path) -> str:
    """SHA-256 over facts and file contents; folders count with every file in them.

    Args:
        facts: strings that the stage depends on, such as the keys of the stages before it.
        paths: files and folders that it reads; one that is missing counts as missing.
        root: paths enter by their name relative to this folder.
    """
    sha = hashlib.sha256(FORMAT.encode())
    for fact in facts:
        sha.update(b"\0fact\0" + fact.encode())
    for path in sorted(_files(paths)):
        sha.update(b"\0file\0" + os.fsencode(path.relative_to(root)) + b"\0")
        sha.update(hashlib.sha256(path.read_bytes()).digest() if path.is_file() else b"missing")
    return sha.hexdigest()


def _files(paths: Iterable[Path]) -> Iterable[Path]:
    for path in paths:
        if path.is_dir():
            yield from (p for p in path.rglob("*") if p.is_file() and "__pycache__" not in p.parts)
        else:
            yield path


class Stamps:
    """One small file a stage, in a folder; a stage without its file is not finished."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def matches(self, stage: str, key: str) -> bool:
        """Whether the stage was finished with exactly these inputs."""
        try:
            return (self._folder / stage).read_text(encoding="ascii") == key
        except (OSError, UnicodeDecodeError):
            return False

    def begin(self, stage: str) -> None:
        """Forgets the stage: until `finish`, it is half done."""
        (self._folder / stage).unlink(missing_ok=True)

    def finish(self, stage: str, key: str) -> None:
        """Records the stage, in one step that cannot be seen half done."""
        self._folder.mkdir(parents=True, exist_ok=True)
        beside = self._folder / f".{stage}.new"
        beside.write_text(key, encoding="ascii")
        beside.replace(self._folder / stage)
