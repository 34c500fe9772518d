"""The signals that ask the launcher itself to stop, as something a selector can wait for."""

from __future__ import annotations

import signal
import socket
from types import FrameType

_ASKED_TO_STOP = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopSignals:
    """Catches SIGINT, SIGTERM and SIGHUP between `install` and `remove`; main thread only.

    SIGHUP stays ignored where it was (nohup).
    """

    def __init__(self) -> None:
        self._previous: dict[signal.Signals, signal._HANDLER] = {}
        self._previous_fd = -1
        self._installed = False

    def fileno(self) -> int:
        """Readable when a signal has come."""
        return self._reader.fileno()

    def install(self) -> None:
        """Starts catching."""
        self._reader, self._writer = socket.socketpair()
        self._reader.setblocking(False)
        self._writer.setblocking(False)
        self._installed = True
        for number in _ASKED_TO_STOP:
            previous = signal.getsignal(number)
            if number is signal.SIGHUP and previous is signal.SIG_IGN:
                continue
            self._previous[number] = previous
            signal.signal(number, _caught)
        self._previous_fd = signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)

    def take(self) -> list[signal.Signals]:
        """The signals that have come since the last call."""
        try:
            numbers = self._reader.recv(64)
        except BlockingIOError:
            return []
        return [signal.Signals(n) for n in numbers if n in _ASKED_TO_STOP]

    def remove(self) -> None:
        """Puts back what was there before."""
        if not self._installed:
            return
        self._installed = False
        signal.set_wakeup_fd(self._previous_fd)
        for number, previous in self._previous.items():
            signal.signal(number, previous)
        self._previous.clear()
        self._reader.close()
        self._writer.close()


def _caught(_number: int, _frame: FrameType | None) -> None:
    """Nothing: the number has been written to the wake-up socket before this is called."""
