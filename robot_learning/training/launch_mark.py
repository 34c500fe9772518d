"""Which launch began a run: a process that is started again within it goes on by itself."""

from __future__ import annotations

import os
from pathlib import Path

from robot_learning.files import write_atomic
from robot_learning.training.run_directory import RunDirectory

_FILE = "launch_id"


def mark_launch(directory: RunDirectory) -> None:
    """Writes down that this launch began the run, or goes on with it.

    Raises:
        FileWriteError: the folder cannot be written.
    """
    write_atomic(directory.path / _FILE, _launch_id().encode())


def begun_by_this_launch(directory: RunDirectory) -> bool:
    """True when this process replaces one that was killed within the same launch."""
    path = directory.path / _FILE
    return path.exists() and path.read_text(encoding="utf-8") == _launch_id()


def _launch_id() -> str:
    """Identity of whatever started this process: its pid and start time.

    The supervisor stays the same while it starts a killed node again.
    """
    pid = os.getppid()
    start = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[19]
    return f"{pid} {start}"
