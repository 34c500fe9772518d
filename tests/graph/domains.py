"""ROS domains for tests: each is claimed on this machine, so that tests side by side never meet."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_FIRST, _COUNT = 1, 89  # 0 is people's, 97 the benchmarks'
_next = os.getpid() * 7


@contextmanager
def claimed_domain() -> Iterator[int]:
    """A domain that no other test, of whatever run, is in; the claim dies with the process.

    Raises:
        RuntimeError: all are taken.
    """
    global _next
    folder = Path(tempfile.gettempdir()) / f"robot_learning_domains_{os.getuid()}"
    folder.mkdir(exist_ok=True)
    for _ in range(_COUNT):
        _next += 1  # never one that was just left: DDS remembers who was in it
        domain = _FIRST + _next % _COUNT
        with (folder / str(domain)).open("w") as claim:
            try:
                fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            yield domain
            return
    raise RuntimeError(f"all {_COUNT} ROS domains for tests are taken: see {folder}")
