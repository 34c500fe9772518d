"""Runs launch files: the interface for other code, and for the command line."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from selectors import EVENT_READ
from types import TracebackType
from typing import Self, TextIO

from robot_learning.launch.errors import LaunchError
from robot_learning.launch.expand import expand
from robot_learning.launch.packages import repository_packages
from robot_learning.launch.plan import Plan
from robot_learning.launch.screen import Screen
from robot_learning.launch.signals import StopSignals
from robot_learning.launch.supervisor import Supervisor

INTERRUPTED = 130


@dataclass(frozen=True)
class ProcessReport:
    """How one process is doing.

    Attributes:
        label: its name, such as `learner-3`.
        pid: its process, None while it does not run.
        respawns: how often it was started again.
        exit_code: of its last end (128 + number for a signal), None while it never ended.
    """

    label: str
    pid: int | None
    respawns: int
    exit_code: int | None


class LaunchSession:
    """A launch file that runs while its caller does something else in between.

        with LaunchSession(file, {}, environment=environment, log_dir=log_dir) as session:
            session.start()
            while (exit_code := session.poll(0.1)) is None:
                redraw(session.processes)

    All of it belongs to the main thread. Leaving the `with` block, in whatever way, stops what runs
    (SIGINT, then SIGTERM, then SIGKILL), and so does an exception out of `on_line`. Between `start`
    and the end SIGINT, SIGTERM and SIGHUP of this process stop the launch, and each further one
    sends its processes the next harder signal.

    Args:
        file: the launch file.
        arguments: values for its arguments.
        environment: the whole environment of the processes.
        log_dir: gets `launch.log`, one `LABEL.log` a process, and `params/`; made if missing.
        on_line: called with every line of every process: label, line.
        quiet: print nothing.
        stream: where to print, standard output by default.

    Raises:
        LaunchError: the file or an argument is wrong, or something it names is missing. Nothing
            has been started then.
    """

    def __init__(
        self,
        file: Path,
        arguments: Mapping[str, str],
        *,
        environment: Mapping[str, str],
        log_dir: Path,
        on_line: Callable[[str, str], None] | None = None,
        quiet: bool = False,
        stream: TextIO | None = None,
    ) -> None:
        self.log_dir = log_dir.absolute()
        self.plan: Plan = expand(
            file,
            arguments,
            environment=process_environment(environment, self.log_dir),
            parameters_dir=self.log_dir / "params",
            source_tree=repository_packages(),
        )
        self.exit_code: int | None = None
        self._on_line = on_line
        self._stream = None if quiet else (stream or sys.stdout)
        self._interrupted = False
        self._supervisor: Supervisor | None = None
        self._screen: Screen | None = None
        self._signals = StopSignals()

    @property
    def processes(self) -> list[ProcessReport]:
        """How each process that was started so far is doing."""
        children = self._supervisor.children if self._supervisor is not None else []
        return [
            ProcessReport(
                child.label,
                child.pid if child.pid_fd is not None else None,
                max(0, child.starts - 1),
                child.exit_code,
            )
            for child in children
        ]

    @property
    def failure(self) -> tuple[str, int] | None:
        """The first process that failed, with its exit code."""
        return self._supervisor.failure if self._supervisor is not None else None

    @property
    def duration_s(self) -> float:
        """Seconds since the start."""
        return self._supervisor.duration_s if self._supervisor is not None else 0.0

    def start(self) -> None:
        """Starts what is due at once.

        Raises:
            RuntimeError: called from another thread than the main one, or a second time.
            LaunchError: the log folder cannot be written.
        """
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError("a launch belongs to the main thread: children end with the thread")
        if self._supervisor is not None:
            raise RuntimeError("this launch has been started before")
        try:
            self.log_dir.mkdir(parents=True, exist_ok=True)
            self._write_parameter_files()
            self._screen = Screen(self._stream, self.log_dir, self._on_line)
        except OSError as error:
            raise LaunchError(f"cannot write to {error.filename}: {error.strerror}") from None
        self._supervisor = Supervisor(self.plan, self.log_dir, self._screen)
        with self._ended_on_error():
            self._signals.install()
            self._supervisor.selector.register(self._signals, EVENT_READ, self._signalled)
            for warning in self.plan.warnings:
                self._screen.say(f"warning: {warning}", alarm=True)
            self._supervisor.turn(time.monotonic())

    def poll(self, timeout_s: float | None = None) -> int | None:
        """Looks after the processes for a while.

        Args:
            timeout_s: for how long, None until everything has ended.

        Returns:
            The exit code once everything has ended, None before.
        """
        supervisor = self._running()
        until_s = None if timeout_s is None else time.monotonic() + timeout_s
        with self._ended_on_error():
            while self.exit_code is None:
                supervisor.turn(until_s)
                if supervisor.finished:
                    self._finish()
                elif until_s is not None and time.monotonic() >= until_s:
                    break
        return self.exit_code

    def request_stop(self, reason: str = "asked to") -> None:
        """Begins to stop; go on calling `poll`."""
        if self.exit_code is None:
            self._running().stop(reason)

    def stop(self, reason: str = "asked to") -> int:
        """Stops everything and waits for it; does nothing where all has ended.

        Returns:
            The exit code.
        """
        self.request_stop(reason)
        exit_code = self.poll()
        assert exit_code is not None
        return exit_code

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        if self._supervisor is not None and self.exit_code is None:
            self.stop("its caller has ended" if kind is None else f"its caller: {kind.__name__}")

    def _write_parameter_files(self) -> None:
        for process in self.plan.processes:
            for file, text in process.parameter_files.items():
                file.parent.mkdir(exist_ok=True)
                file.write_text(text, encoding="utf-8")

    def _running(self) -> Supervisor:
        if self._supervisor is None:
            raise RuntimeError("this launch has not been started")
        return self._supervisor

    def _signalled(self) -> None:
        supervisor = self._running()
        for number in self._signals.take():
            if supervisor.stopping is None:
                self._interrupted = True
                supervisor.stop(f"{number.name} received")
            else:
                supervisor.escalate()

    def _finish(self) -> None:
        supervisor = self._running()
        code, because = 0, ""
        if self._interrupted:
            code = INTERRUPTED
        elif supervisor.failure is not None:
            label, code = supervisor.failure
            because = f" ({label})"
        self._say_end(f"exit code {code}{because}")
        self._let_go(code)

    def _say_end(self, how: str) -> None:
        supervisor = self._running()
        assert self._screen is not None
        self._screen.say(
            f"end after {supervisor.duration_s:.1f} s: {len(supervisor.children)} process(es), "
            f"{supervisor.restarts} respawn(s), {how}; logs: {self.log_dir}"
        )

    @contextlib.contextmanager
    def _ended_on_error(self) -> Iterator[None]:
        """Stops everything when what is inside raises, however that goes."""
        try:
            yield
        except BaseException as error:
            supervisor = self._running()
            assert self._screen is not None
            self._screen.mute()
            try:
                supervisor.stop(f"{type(error).__name__}: {error}")
                while not supervisor.finished:
                    supervisor.turn(None)
            finally:
                self._let_go(1)
            raise

    def _let_go(self, exit_code: int) -> None:
        assert self._screen is not None
        self.exit_code = exit_code
        self._running().close()
        self._signals.remove()
        self._screen.close()


def process_environment(base: Mapping[str, str], log_dir: Path) -> dict[str, str]:
    """What every process gets besides its environment, unless that says otherwise.

    Python's output unbuffered, so that lines are seen when they are written; and the log files of
    ROS 2 itself in the folder of this launch instead of the home folder.
    """
    return {"PYTHONUNBUFFERED": "1", "ROS_LOG_DIR": str(log_dir / "ros"), **base}


def run_launch(
    file: Path,
    arguments: Mapping[str, str],
    *,
    environment: Mapping[str, str],
    log_dir: Path,
    on_line: Callable[[str, str], None] | None = None,
    quiet: bool = False,
) -> int:
    """Runs a launch file to its end; main thread only. The arguments are `LaunchSession`'s.

    Returns:
        0 when all ended well or the end was asked for by the file; the exit code of the first
        process that failed (128 + number for a signal) when it was not respawned; 130 when a signal
        stopped the launch.

    Raises:
        LaunchError: the file or an argument is wrong; nothing has been started then.
    """
    with LaunchSession(
        file, arguments, environment=environment, log_dir=log_dir, on_line=on_line, quiet=quiet
    ) as session:
        session.start()
        exit_code = session.poll()
    assert exit_code is not None
    return exit_code
