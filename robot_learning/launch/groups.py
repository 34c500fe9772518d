"""Process groups: a program together with everything it started, and how none is left behind."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path

_GUARDIAN = Path(__file__).with_name("guardian.py")


def signal_group(group: int, number: int) -> None:
    """Sends a signal to every process of a group; an empty group is fine."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def group_is_alive(group: int) -> bool:
    """Whether a group has a process that is not merely waiting to be reaped.

    Whoever should reap an orphan may be slow or absent (a container's first process often is), so
    the existence of the group alone does not tell.
    """
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal():
            continue
        with contextlib.suppress(OSError):
            # After the name in brackets, which may hold anything: state, parent, group.
            state, _, owner = (entry / "stat").read_text().rpartition(")")[2].split()[:3]
            if int(owner) == group and state not in "ZX":
                return True
    return False


class Guardian:
    """The helper process that ends registered groups when this process is killed outright.

    Args:
        grace_s: what it gives them between SIGTERM and SIGKILL.
    """

    def __init__(self, grace_s: float) -> None:
        self._grace_s = grace_s
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(_GUARDIAN), str(grace_s)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # out of reach of the terminal's signals
        )

    def add(self, group: int) -> None:
        """Registers a group that has been started."""
        self._tell(f"+{group}\n")

    def remove(self, group: int) -> None:
        """Forgets a group that is empty: its number may be used again."""
        self._tell(f"-{group}\n")

    def close(self) -> None:
        """Ends it; groups that are still registered are ended first."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        try:
            self._process.wait(self._grace_s + 5.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _tell(self, line: str) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):  # it was killed; the parent-death signal is left
            self._process.stdin.write(line.encode())
            self._process.stdin.flush()
