"""What the launcher writes: the screen, the log files, and the caller's own view."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, TextIO

_COLOURS = (36, 33, 32, 35, 34, 96, 93, 92, 95, 94)
_ALARM = 31
_OWN_LABEL = "launch"


class Screen:
    """Prints lines of processes and the launcher's own, and keeps the launcher's in a file.

    Args:
        stream: where to print; None prints nothing.
        log_dir: the folder of `launch.log`.
        on_line: called with every line of every process: its label, the line.

    Attributes:
        broken: the stream is gone (a closed pipe or terminal); nothing more is printed.
    """

    def __init__(
        self,
        stream: TextIO | None,
        log_dir: Path,
        on_line: Callable[[str, str], None] | None = None,
    ) -> None:
        self.broken = False
        self._stream = stream
        self._on_line = on_line
        self._coloured = stream is not None and stream.isatty() and "NO_COLOR" not in os.environ
        self._colour_of: dict[str, int] = {}
        self._log = (log_dir / "launch.log").open("a", encoding="utf-8")

    def process_line(self, label: str, line: str, *, show: bool) -> None:
        """Passes on one line of a process, printed where its output says so."""
        if self._on_line is not None:
            self._on_line(label, line)
        if show:
            colour = self._colour_of.setdefault(
                label, _COLOURS[len(self._colour_of) % len(_COLOURS)]
            )
            self._print(label, line, colour)

    def quote(self, label: str, line: str) -> None:
        """Prints a line of a process that was not shown when it came."""
        self._print(label, f"| {line}", _COLOURS[0])

    def say(self, text: str, *, alarm: bool = False) -> None:
        """Prints a line of the launcher itself and logs it."""
        with contextlib.suppress(OSError):  # a full disk must not stop a robot's processes
            self._log.write(f"{time.strftime('%H:%M:%S')} {text}\n")
            self._log.flush()
        self._print(_OWN_LABEL, text, _ALARM if alarm else None)

    def mute(self) -> None:
        """Passes no more lines on to the caller, which has failed."""
        self._on_line = None

    def close(self) -> None:
        """Closes the log file."""
        with contextlib.suppress(OSError):
            self._log.close()

    def _print(self, label: str, text: str, colour: int | None) -> None:
        if self._stream is None or self.broken:
            return
        prefix = f"[{label}]"
        if self._coloured and colour is not None:
            prefix = f"\x1b[{colour}m{prefix}\x1b[0m"
        try:
            self._stream.write(f"{prefix} {text}\n")
            self._stream.flush()
        except (OSError, ValueError):  # ValueError: closed on our side
            self.broken = True


class LineReader:
    """Cuts a process's output into lines, and appends it to its log file as it comes.

    Attributes:
        log_error: why the log file could not be written, None while it could.
    """

    _LINE_BYTES_MAX = 1 << 16  # a longer one is cut, so that no process can fill the memory

    def __init__(self, log_file: Path) -> None:
        self._log: IO[bytes] = log_file.open("ab", buffering=0)
        self._rest = b""
        self.log_error: str | None = None

    def feed(self, data: bytes) -> list[str]:
        """Takes what was read and returns the lines that are whole."""
        self._append(data)
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > self._LINE_BYTES_MAX:
            lines.append(self._rest)
            self._rest = b""
        return [self._decode(line) for line in lines]

    def flush(self) -> list[str]:
        """Returns the last line where it has no end."""
        rest, self._rest = self._rest, b""
        return [self._decode(rest)] if rest else []

    def note(self, text: str) -> None:
        """Writes a line of the launcher into the log file."""
        self._append(f"--- {time.strftime('%Y-%m-%d %H:%M:%S')} {text}\n".encode())

    def close(self) -> None:
        """Closes the log file."""
        self._log.close()

    def _append(self, data: bytes) -> None:
        # A full disk must not stop a robot's processes: their output is lost, and it is said once.
        try:
            self._log.write(data)
        except OSError as error:
            self.log_error = self.log_error or f"{self._log.name}: {error.strerror}"

    @staticmethod
    def _decode(line: bytes) -> str:
        return line.rstrip(b"\r").decode("utf-8", errors="replace")
