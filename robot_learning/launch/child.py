"""One process of the plan while it runs: starting, reading, signalling, ending."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import deque
from enum import Enum, auto
from pathlib import Path
from typing import IO

from robot_learning.launch.groups import group_is_alive, signal_group
from robot_learning.launch.plan import Process
from robot_learning.launch.screen import LineReader

_ENTRY = Path(__file__).with_name("entry.py")
_CHUNK_BYTES = 1 << 16
_CHUNKS_MAX = 64  # read at most this much of what an ended process left in the pipe
_TAIL_LINES = 10


class State(Enum):
    """Where a child is in its life."""

    RUNNING = auto()
    LINGERING = auto()  # it has ended, and something it started has not
    WAITING = auto()  # for its respawn
    ENDED = auto()


class Child:
    """A process of the plan, through all its respawns.

    Attributes:
        state: where it is in its life.
        pid: of the program, and the number of its process group.
        pid_fd: readable when the program has ended, None while none runs.
        exit_code: of the last end, 128 + number for a signal; None while it never ended.
        ended_how: the last end in words.
        starts: how often it was started.
        quick_ends: how many ends in a row came soon after the start.
        tail: the last lines of its output.
        respawn_at_s: when a waiting one is started again (monotonic clock).
        respawns: its last end is followed by a respawn.
        signals: what it will be sent, and when (monotonic clock), earliest first.
        kill_sent: it was sent SIGKILL since its last start.
    """

    def __init__(self, process: Process, log_dir: Path) -> None:
        self.process = process
        self.label = process.label
        self.state = State.ENDED
        self.pid = 0
        self.pid_fd: int | None = None
        self.exit_code: int | None = None
        self.ended_how = "never started"
        self.starts = 0
        self.quick_ends = 0
        self.tail: deque[str] = deque(maxlen=_TAIL_LINES)
        self.respawn_at_s = 0.0
        self.respawns = False
        self.signals: list[tuple[float, signal.Signals]] = []
        self.kill_sent = False
        self.log_file = log_dir / f"{process.label.replace('/', '_')}.log"
        self.reader = LineReader(self.log_file)
        self._popen: subprocess.Popen[bytes] | None = None
        self._started_s = 0.0

    @property
    def uptime_s(self) -> float:
        """Seconds since its last start."""
        return time.monotonic() - self._started_s

    @property
    def is_live(self) -> bool:
        """Whether anything of it is running."""
        return self.state in (State.RUNNING, State.LINGERING)

    @property
    def output(self) -> IO[bytes] | None:
        """The pipe of its output, None once closed."""
        stream = self._popen.stdout if self._popen is not None else None
        return stream if stream is not None and not stream.closed else None

    def start(self) -> None:
        """Starts it in a process group of its own.

        Raises:
            OSError: the system starts no process, or its folder is gone.
        """
        self.starts += 1
        self._started_s = time.monotonic()
        self.signals.clear()
        self.kill_sent = False
        self.tail.clear()
        self._popen = subprocess.Popen(
            [sys.executable, "-I", "-S", str(_ENTRY), str(os.getpid()), *self.process.command],
            cwd=self.process.cwd,
            env=dict(self.process.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,  # one pipe keeps the order of the lines
            bufsize=0,
            process_group=0,
        )
        self.pid = self._popen.pid
        self.state = State.RUNNING
        assert self._popen.stdout is not None
        try:
            self.pid_fd = os.pidfd_open(self.pid)
        except OSError:  # too many open files: what cannot be watched must not run
            self.signal(signal.SIGKILL)
            self._popen.wait()
            self._popen.stdout.close()
            self.state = State.ENDED
            raise
        os.set_blocking(self._popen.stdout.fileno(), False)
        self.reader.note(f"started, pid {self.pid}: {' '.join(self.process.command)}")

    def read(self) -> list[str] | None:
        """The lines that have come, None at the end of the output."""
        assert self.output is not None
        try:
            data = os.read(self.output.fileno(), _CHUNK_BYTES)
        except BlockingIOError:
            return []
        if not data:
            return None
        return self._remember(self.reader.feed(data))

    def read_rest(self) -> list[str]:
        """The lines that are still in the pipe after the program's end."""
        lines: list[str] = []
        for _ in range(_CHUNKS_MAX if self.output is not None else 0):
            if not (more := self.read()):
                break
            lines += more
        return lines + self._remember(self.reader.flush())

    def reap(self) -> None:
        """Takes note of the program's end."""
        assert self._popen is not None
        code = self._popen.wait()
        if self.pid_fd is not None:
            os.close(self.pid_fd)
            self.pid_fd = None
        if code < 0:
            self.exit_code = 128 - code
            self.ended_how = f"was killed by {_signal_name(-code)}"
        else:
            self.exit_code = code
            self.ended_how = f"ended with exit code {code}"
        self.reader.note(f"{self.ended_how} after {self.uptime_s:.1f} s")
        self.state = State.LINGERING

    def cannot_start(self, error: OSError) -> None:
        """Takes note that it could not be started."""
        self.exit_code = 127
        self.ended_how = f"could not be started: {error.strerror or error}"
        self.reader.note(self.ended_how)

    def has_left_something(self) -> bool:
        """Whether the group of an ended program still has a process."""
        return group_is_alive(self.pid)

    def signal(self, number: signal.Signals) -> None:
        """Sends a signal to the whole group."""
        signal_group(self.pid, number)

    def close_output(self) -> None:
        """Closes the pipe; the log file stays open for a respawn."""
        if self.output is not None:
            self.output.close()

    def _remember(self, lines: list[str]) -> list[str]:
        self.tail.extend(lines)
        return lines


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
