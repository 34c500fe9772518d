"""Runs set-up's commands: output to a log, a line on the console, and none left behind."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bootstrap import disk
from bootstrap.errors import SetupError
from bootstrap.pip_commands import explain

_HEARTBEAT_S = 20.0  # a person who sees nothing for longer thinks that it hangs
_TERMINATE_S = 5.0
_TAIL_LINES = 15


@dataclass
class Console:
    """Progress lines, each with the time since set-up began."""

    start_s: float = field(default_factory=time.monotonic)

    def say(self, text: str) -> None:
        """Prints one line."""
        print(f"[{time.monotonic() - self.start_s:5.1f} s] {text}", flush=True)


@dataclass(frozen=True)
class Runner:
    """Runs commands in one environment.

    Attributes:
        env: the environment.
        cwd: the folder to run in.
        logs: the folder of the logs, one a stage.
        console: where progress goes.
        inherit: file descriptors that children keep open; the set-up's lock is one, so that a
            child that outlives set-up keeps the next one waiting.
    """

    env: Mapping[str, str]
    cwd: Path
    logs: Path
    console: Console
    inherit: tuple[int, ...] = ()

    async def run(self, stage: str, command: Sequence[str]) -> None:
        """Runs a command to its end.

        Raises:
            SetupError: it failed; the message holds the end of its output and what to do.
        """
        await self.run_first(stage, [command])

    async def run_first(self, stage: str, commands: Sequence[Sequence[str]]) -> None:
        """Runs commands in turn until one succeeds.

        Raises:
            SetupError: all failed.
        """
        self.logs.mkdir(parents=True, exist_ok=True)
        log = self.logs / f"{stage}.log"
        log.write_bytes(b"")
        status = 0
        for command in commands:
            status = await self._run_once(stage, command, log)
            if status == 0:
                return
        output = log.read_text(encoding="utf-8", errors="replace")
        # On a full disk the log ends before the line that says so.
        room = disk.warning(disk.free_mb_at(self.logs), [stage]) is None
        tail = "\n".join(f"    {line}" for line in output.splitlines()[-_TAIL_LINES:])
        raise SetupError(
            f"{stage} failed (exit status {status}); the end of {log}:\n{tail}\n"
            f"set-up: {explain(output, room=room)}"
        )

    async def _run_once(self, stage: str, command: Sequence[str], log: Path) -> int:
        with log.open("ab") as sink:
            sink.write(f"$ {' '.join(command)}\n".encode())
            sink.flush()
            try:
                process = await asyncio.create_subprocess_exec(
                    *command,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=sink,
                    stderr=sink,
                    cwd=self.cwd,
                    env=dict(self.env),
                    start_new_session=True,  # a group to end as a whole: colcon has grandchildren
                    pass_fds=self.inherit,
                )
            except OSError as error:
                raise SetupError(f"{stage}: cannot run {command[0]}: {error.strerror}") from None
            try:
                return await self._wait(stage, process, log)
            finally:
                await _end_group(process)

    async def _wait(self, stage: str, process: asyncio.subprocess.Process, log: Path) -> int:
        waiting = asyncio.ensure_future(process.wait())
        while True:
            done, _ = await asyncio.wait({waiting}, timeout=_HEARTBEAT_S)
            if done:
                return waiting.result()
            self.console.say(f"... {stage}: {_last_line(log)}")


async def _end_group(process: asyncio.subprocess.Process) -> None:
    """Ends what is left of a command's process group, politely and then for certain."""
    for number, patience_s in ((signal.SIGTERM, _TERMINATE_S), (signal.SIGKILL, _TERMINATE_S)):
        try:
            os.killpg(process.pid, number)
        except (ProcessLookupError, PermissionError):
            return
        try:
            await asyncio.wait_for(process.wait(), patience_s)
        except TimeoutError:
            continue


def _last_line(log: Path, width: int = 100) -> str:
    with log.open("rb") as source:
        source.seek(0, os.SEEK_END)
        source.seek(max(0, source.tell() - 2000))
        lines = source.read().decode("utf-8", errors="replace").split("\n")
    telling = (line.strip() for line in reversed(lines) if not line.startswith("WARNING"))
    return next((line[:width] for line in telling if line), "running")


def forward_termination(task: asyncio.Task[None]) -> None:
    """Makes SIGTERM cancel a task as SIGINT already does, so that no child is left running."""
    if sys.platform != "win32":
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
