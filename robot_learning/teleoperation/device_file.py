"""Files that devices speak through: read without waiting, missed when gone, opened again."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import select
import stat
import termios
from pathlib import Path

AGAIN_S = 1.0
_CHUNK_BYTES = 4096
_READS_MAX = 256


class DeviceFile:
    """A device node, or a pipe in its place.

    Attributes:
        connected: the device is there: the file is open, and of a pipe the other end too.
        problem: why it is not; one line.
    """

    def __init__(self, path: Path) -> None:
        """Opens nothing yet."""
        self.path = path
        self.connected = False
        self.problem = f"{path}: not opened yet"
        self._file: int | None = None
        self._again_s = 0.0

    def read(self, now_s: float) -> list[bytes]:
        """What came since the last call, one entry a read; opens the file where it is not open."""
        if self._file is None:
            if now_s < self._again_s:
                return []
            self._again_s = now_s + AGAIN_S
            if not self._open():
                return []
        chunks: list[bytes] = []
        assert self._file is not None
        for _ in range(_READS_MAX):
            try:
                data = os.read(self._file, _CHUNK_BYTES)
            except BlockingIOError:
                self.connected = True
                break
            except OSError as error:  # ENODEV: it was unplugged
                self._lose(f"{self.path}: {error.strerror}: is it plugged in?")
                break
            if not data:  # of a pipe: nobody writes
                self.connected = False
                self.problem = f"{self.path}: the other end is closed"
                break
            chunks.append(data)
        return chunks

    def close(self) -> None:
        """Closes the file; safe to call twice."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
        self.connected = False

    def _open(self) -> bool:
        try:
            self._file = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            hint = "may this user read it?" if error.errno == errno.EACCES else "is it plugged in?"
            self.problem = f"{self.path}: {error.strerror}: {hint}"
            return False
        return True

    def _lose(self, problem: str) -> None:
        self.close()
        self.problem = problem


class Terminal:
    """A terminal whose keys come one by one and are not shown; Ctrl-C stays what it was.

    Attributes:
        connected: it has not been closed.
    """

    def __init__(self, path: Path) -> None:
        """Opens it and takes its line editing away.

        Raises:
            OSError: it is not there, may not be opened, or is no terminal.
        """
        self.path = path
        self.connected = True
        flags = os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC
        self._file = os.open(path, flags)
        if os.getsid(0) != os.getpid():
            # A launch runs this in the background of its own terminal, which would stop a process
            # that reads there; one that has left the terminal it does not.
            with contextlib.suppress(OSError):
                fcntl.ioctl(self._file, termios.TIOCNOTTY)
        try:
            self._before = termios.tcgetattr(self._file)
        except termios.error as error:
            os.close(self._file)
            raise OSError(errno.ENOTTY, f"is no terminal ({error.args[1]})", str(path)) from None
        changed = termios.tcgetattr(self._file)
        changed[3] &= ~(termios.ICANON | termios.ECHO)
        changed[0] &= ~termios.ICRNL
        changed[6][termios.VMIN], changed[6][termios.VTIME] = 0, 0
        termios.tcsetattr(self._file, termios.TCSANOW, changed)
        self._poll = select.poll()
        self._poll.register(self._file, select.POLLIN)

    def read(self) -> bytes:
        """Keys since the last call."""
        if not self.connected:
            return b""
        try:
            data = os.read(self._file, _CHUNK_BYTES)
        except BlockingIOError:
            return b""
        except OSError:
            self.connected = False
            return b""
        # A terminal that was closed reads like one without keys.
        gone = select.POLLHUP | select.POLLERR | select.POLLNVAL
        if not data and any(event & gone for _, event in self._poll.poll(0)):
            self.connected = False
        return data

    def write(self, text: str) -> None:
        """Shows a text; a terminal that does not take it just now misses it."""
        if not self.connected:
            return
        try:
            os.write(self._file, text.encode())
        except OSError:
            return

    def close(self) -> None:
        """Gives the terminal back as it was."""
        try:
            termios.tcsetattr(self._file, termios.TCSANOW, self._before)
        except termios.error:
            self.connected = False
        os.close(self._file)


def terminal_of_parents(proc: Path = Path("/proc")) -> Path | None:
    """The terminal that this process was started from, however many processes lie between."""
    pid = os.getpid()
    while pid > 1:
        try:
            target = (proc / str(pid) / "fd" / "0").readlink()
            if str(target).startswith(("/dev/pts/", "/dev/tty")) and _is_terminal(target):
                return target
            # The fields behind the program's name, which may hold anything.
            fields = (proc / str(pid) / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            return None
        pid = int(fields[1])
    return None


def _is_terminal(path: Path) -> bool:
    try:
        return stat.S_ISCHR(path.stat().st_mode)
    except OSError:
        return False
