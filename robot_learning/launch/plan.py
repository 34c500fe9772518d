"""What a launch file comes to: processes with their command lines, messages, shutdowns, in time.

Nothing that happens at run time changes any of it, so a plan is whole before anything starts.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias


@dataclass(frozen=True)
class Process:
    """One process to start and how to look after it.

    Attributes:
        label: the name its output is shown under, unique in the plan: `talker-1`.
        command: the arguments, the program first.
        environment: its whole environment.
        output: log, screen, both, own_log or full.
        respawn_max_retries: negative for no limit.
        sigterm_timeout_s: from SIGINT to SIGTERM when stopping.
        sigkill_timeout_s: from SIGTERM to SIGKILL.
        required: when it ends, everything ends (`on_exit="shutdown"`).
        parameter_files: file -> YAML text; to be written before it starts.
        node: the node's full name, where the file gives it one.
        where: `file:line` of its tag.
        missing: why the program cannot be run, where that is known already.
    """

    label: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)
    where: str
    cwd: Path | None = None
    output: str = "log"
    respawn: bool = False
    respawn_delay_s: float = 0.0
    respawn_max_retries: int = -1
    sigterm_timeout_s: float = 5.0
    sigkill_timeout_s: float = 5.0
    required: bool = False
    parameter_files: Mapping[Path, str] = field(default_factory=dict)
    node: str | None = None
    namespace: str | None = None
    missing: str | None = None

    @property
    def on_screen(self) -> bool:
        """Whether its output goes to the screen besides its log file."""
        return self.output in ("screen", "both", "full")

    def program(self) -> str | None:
        """The file that would be executed, None where there is none."""
        path = self.command[0]
        if "/" in path and self.cwd is not None:
            path = str(self.cwd / path)
        return shutil.which(path, path=self.environment.get("PATH"))


@dataclass(frozen=True)
class Message:
    """A line for the user."""

    text: str


@dataclass(frozen=True)
class Shutdown:
    """The end of everything, asked for by the file."""

    reason: str


Action: TypeAlias = "Process | Message | Shutdown"


@dataclass(frozen=True)
class Step:
    """An action and when it is due.

    Attributes:
        at_s: seconds from the start.
        survives_shutdown: still due while stopping (`cancel_on_shutdown="false"`); only messages
            have an effect then.
    """

    at_s: float
    action: Action
    survives_shutdown: bool = False


@dataclass(frozen=True)
class Plan:
    """A whole launch: its steps in order of time, and what was noticed on the way."""

    file: Path
    variables: Mapping[str, str]
    steps: tuple[Step, ...]
    warnings: tuple[str, ...] = ()

    @property
    def processes(self) -> tuple[Process, ...]:
        """Every process, in order of start."""
        return tuple(step.action for step in self.steps if isinstance(step.action, Process))
