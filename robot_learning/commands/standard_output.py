"""Standard output is for what was asked: what libraries print goes to standard error."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout


@contextmanager
def foreign_output_to_stderr() -> Iterator[None]:
    """While it is open, what code not of ours prints, also from C, goes to standard error.

    PyBullet for one prints its arguments with `printf` whenever a server is begun.
    """
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        with redirect_stdout(sys.stderr):
            yield
    finally:
        ctypes.CDLL(None).fflush(None)  # before it goes back, or C would print there later
        os.dup2(kept, 1)
        os.close(kept)
