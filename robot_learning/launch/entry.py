"""The first thing that runs in a child: ties it to the launcher's life, then becomes the program.

Run by path as `python -I -S entry.py LAUNCHER_PID PROGRAM ARGUMENT ...`, so that nothing runs
between the launcher's fork and this file (the launcher may have threads, and Python code between
fork and exec could deadlock). It imports nothing of this package.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1
_NOT_FOUND, _NOT_EXECUTABLE = 127, 126  # as shells report it


def main(arguments: list[str]) -> int:
    """Becomes the program; returns only where that fails."""
    # Python ignores some signals at its start, and a launcher started with `&` ignores SIGINT:
    # the program must inherit neither.
    for number in (signal.SIGINT, signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    launcher, program = int(arguments[0]), arguments[1:]
    # The kernel sends SIGTERM when the launcher's thread that started this process ends.
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0) != 0:
        print("cannot tie this process to the launcher's life", file=sys.stderr)
        return _NOT_EXECUTABLE
    if os.getppid() != launcher:
        return 128 + signal.SIGTERM  # it died before prctl could see it
    try:
        os.execvp(program[0], program)
    except FileNotFoundError:
        code, reason = _NOT_FOUND, "not found (or its interpreter is not)"
    except OSError as error:
        code, reason = _NOT_EXECUTABLE, error.strerror or str(error)
    print(f"cannot run {program[0]}: {reason}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
