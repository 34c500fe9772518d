"""Files that are whole or not there: written beside, brought to the disk, renamed."""

from __future__ import annotations

import errno
import os
from pathlib import Path

_AGAIN = "run it again, a training with --resume"


class FileWriteError(OSError):
    """A file could not be written; the one before it is untouched."""

    def __str__(self) -> str:
        return str(self.strerror)


def write_atomic(path: Path, data: bytes, *, durable: bool = True) -> None:
    """Replaces `path` by `data` in one step.

    Args:
        path: the file; its folder exists.
        data: its whole content.
        durable: bring it to the disk first; without, only readers are protected, not power cuts.

    Raises:
        FileWriteError: naming the cause and what to do; `path` is as before.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        _write(beside, data, durable)
        beside.replace(path)
        if durable:
            _sync_directory(path.parent)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise FileWriteError(error.errno, explain(path, error)) from error


def _write(path: Path, data: bytes, durable: bool) -> None:
    with path.open("wb") as file:
        file.write(data)
        if durable:
            file.flush()
            os.fsync(file.fileno())


def _sync_directory(path: Path) -> None:
    directory = os.open(path, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def explain(path: Path, error: OSError) -> str:
    """One line: what cannot be written, why, and what to do."""
    remedy = {
        errno.ENOSPC: f"the disk is full: free some space and {_AGAIN}",
        errno.EDQUOT: f"the disk quota is used up: free some space and {_AGAIN}",
        errno.EFBIG: f"the file would pass the size limit: raise `ulimit -f` and {_AGAIN}",
    }.get(error.errno or 0, error.strerror or "unknown cause")
    return f"{path} cannot be written ({remedy}); what was saved before is intact"
