"""Who writes a file holds its lock; a killed process gives it up, whatever else it leaves."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path


class BusyError(RuntimeError):
    """Another process is writing the file."""


def lock(file: int, path: Path | None = None) -> None:
    """Takes the lock of an open file, until it is closed.

    Raises:
        BusyError: another process has it.
    """
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise BusyError(f"{path or 'the file'} is being written by another process") from None


def is_busy(path: Path) -> bool:
    """Whether a process is writing the file at this moment."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        lock(file, path)
    except BusyError:
        return True
    finally:
        os.close(file)
    return False
