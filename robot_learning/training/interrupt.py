"""Ctrl-C and SIGTERM as a request, so that a run ends between two steps and not inside one."""

from __future__ import annotations

import signal
from types import FrameType, TracebackType
from typing import Any, Self


class Interrupted(Exception):  # noqa: N818 (not an error: somebody asked for it)
    """A run was asked to end."""


class StopRequest:
    """While entered, the first SIGINT or SIGTERM is remembered and the second takes effect.

    Only the main thread can enter it. Who handles the signals elsewhere calls `request` instead.
    """

    def __init__(self) -> None:
        self._requested = False
        self._before: dict[signal.Signals, Any] = {}

    def request(self) -> None:
        """Asks the run to end, as a signal would."""
        self._requested = True

    def raise_if_requested(self) -> None:
        """Ends the run here if it was asked to end.

        Raises:
            Interrupted: it was.
        """
        if self._requested:
            raise Interrupted

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._remember)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._restore()

    def _remember(self, number: int, frame: FrameType | None) -> None:
        self._requested = True
        self._restore()

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}
