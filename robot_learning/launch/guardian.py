"""A small process that outlives the launcher by a moment, to stop what it left behind.

The kernel's parent-death signal reaches only direct children and only once. When the launcher is
killed outright, this process sees its pipe close and ends every process group still registered:
SIGTERM, then SIGKILL. While the launcher lives it does nothing.

Run by path as `python -I -S guardian.py GRACE_S` with lines `+PGID` and `-PGID` on standard input.
It imports nothing of this package.
"""

from __future__ import annotations

import os
import signal
import sys
import time


def main(grace_s: float) -> None:
    """Follows the register until the launcher is gone, then ends what is left."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    groups: set[int] = set()
    for line in sys.stdin:
        if line.startswith("+"):
            groups.add(int(line))
        else:
            groups.discard(-int(line))
    groups = _signal(groups, signal.SIGTERM)
    deadline = time.monotonic() + grace_s
    while groups and time.monotonic() < deadline:
        time.sleep(0.05)
        groups = _signal(groups, 0)
    _signal(groups, signal.SIGKILL)


def _signal(groups: set[int], number: int) -> set[int]:
    """Sends a signal to groups and returns those that exist (0 only looks)."""
    left = set()
    for group in groups:
        try:
            os.killpg(group, number)
        except ProcessLookupError:
            continue
        except PermissionError:
            pass
        left.add(group)
    return left


if __name__ == "__main__":
    main(float(sys.argv[1]))
