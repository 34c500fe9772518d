"""What Fast DDS leaves in shared memory when a process of the graph is killed, and its removal.

Each participant has a segment (32 MiB with the shipped profile) and removes it when it ends. One
that is killed cannot: its segment stays in memory until the machine restarts, and some hundred of
them fill it. The holder of a segment keeps a lock on a file beside it, which the kernel lets go of
however the process ends, so that a segment without a lock is nobody's.
"""

from __future__ import annotations

import fcntl
import re
import time
from pathlib import Path

FOLDER = Path("/dev/shm")
# A participant makes its segment and the lock one after the other; and to try a lock is to hold it
# for a moment. A younger segment is left alone.
AGE_MIN_S = 10.0

_SEGMENT = re.compile(r"fastrtps_[0-9a-f]{16}")


def dead_segments(folder: Path = FOLDER, age_min_s: float = AGE_MIN_S) -> list[Path]:
    """Segments of Fast DDS whose process has ended.

    Args:
        folder: where the system keeps shared memory.
        age_min_s: segments younger than this many seconds are not looked at.
    """
    dead = []
    for segment in sorted(folder.iterdir()):
        if _SEGMENT.fullmatch(segment.name) is None:
            continue
        try:
            if time.time() - segment.stat().st_mtime < age_min_s:
                continue
            with _lock_file(segment).open("rb") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except FileNotFoundError:
            if segment.exists():  # without a lock beside it
                dead.append(segment)
        except OSError:
            continue  # held by a living process, or another user's
        else:
            dead.append(segment)
    return dead


def clear_dead_segments(folder: Path = FOLDER, age_min_s: float = AGE_MIN_S) -> int:
    """Removes the segments of ended processes; how many there were.

    Whatever cannot be removed (another user's) stays: it is no reason not to start.
    """
    if not folder.is_dir():
        return 0
    cleared = 0
    for segment in dead_segments(folder, age_min_s):
        try:
            segment.unlink()
            _lock_file(segment).unlink(missing_ok=True)
        except OSError:
            continue
        cleared += 1
    return cleared


def _lock_file(segment: Path) -> Path:
    return segment.with_name(segment.name + "_el")
