"""Runs seeds of rows in processes side by side, each on one core, and shows how far they are."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from robot_learning.training.interrupt import StopRequest
from robot_learning.verification.grasping import GraspRow, GraspSeedRun
from robot_learning.verification.gymnasium_seed import GymnasiumSeedRun
from robot_learning.verification.outcome import Outcome, judge
from robot_learning.verification.row import Row
from robot_learning.verification.seed_run import SeedResult, SeedRun, VerificationError
from robot_learning.verification.tabletop import TabletopRow, TabletopSeedRun

_LOOK_EVERY_S = 0.2
_STOP_WITHIN_S = 30.0
_LOG, _EVALUATION = "log.txt", "evaluation.json"
# One thread each: networks this small are no faster on more, and seeds run side by side.
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def run_rows(
    rows: Sequence[Row], out: Path, *, seeds: int | None = None, processes: int = 1
) -> list[Outcome]:
    """Runs what is not finished yet and judges every row.

    Args:
        rows: which.
        out: folder; a seed that is finished there is not run again, a stopped one goes on.
        seeds: of each row, instead of what it says.
        processes: cores that are kept busy.

    Raises:
        Interrupted: somebody asked for the end; what ran has left checkpoints.
        VerificationError: the folder holds seeds of rows that have changed since, or what rows
            learn from could not be made.
        OSError: the folder cannot be written.
    """
    runs = {
        row.name: [
            seed_run(row, seed, out / row.name / f"seed-{seed}")
            for seed in range(seeds or row.seeds)
        ]
        for row in rows
    }
    everything = [run for of_row in runs.values() for run in of_row]
    results = {run.directory: done for run in everything if (done := run.finished())}
    waiting = [run for run in everything if run.directory not in results]
    _prepare(waiting)
    results |= _run_side_by_side(waiting, processes)
    outcomes: dict[str, Outcome] = {}
    for row in rows:
        found = [results[run.directory] for run in runs[row.name]]
        outcomes[row.name] = judge(row, found, [run.curve() for run in runs[row.name]])
    return [outcome.compared(outcomes) for outcome in outcomes.values()]


def seed_run(row: Row, seed: int, directory: Path) -> SeedRun:
    """How a seed of this kind of row is run."""
    match row:
        case GraspRow():
            return GraspSeedRun(row, seed, directory)
        case TabletopRow():
            return TabletopSeedRun(row, seed, directory)
    return GymnasiumSeedRun(row, seed, directory)


def _prepare(runs: Sequence[SeedRun]) -> None:
    """Makes what several seeds need, in turn; every command goes on where it was stopped."""
    done: list[list[str]] = []
    with StopRequest() as stop:
        for command in (command for run in runs for command in run.preparations()):
            if command in done:
                continue
            done.append(command)
            process = _start(command, sys.stderr.fileno(), None)
            try:
                while process.poll() is None:
                    stop.raise_if_requested()
                    time.sleep(_LOOK_EVERY_S)
            finally:
                _end(process)
            if process.returncode:
                raise VerificationError(
                    f"what rows learn from was not made (exit {process.returncode}); to see why: "
                    + " ".join(command[2:])
                )


def _run_side_by_side(runs: Sequence[SeedRun], processes: int) -> dict[Path, SeedResult]:
    waiting, active = deque(runs), list[_Active]()
    results: dict[Path, SeedResult] = {}
    with StopRequest() as stop, _View(len(runs)) as view:
        try:
            while waiting or active:
                stop.raise_if_requested()
                while waiting and (not active or _fits(waiting[0], active, processes)):
                    active.append(_Active(waiting.popleft()))
                time.sleep(_LOOK_EVERY_S)
                for job in list(active):
                    if result := job.look():
                        active.remove(job)
                        results[job.run.directory] = result
                    view.show(job.run, result)
        finally:
            for job in active:
                job.stop()
    return results


def _fits(run: SeedRun, active: Sequence[_Active], processes: int) -> bool:
    return run.row.cores + sum(job.run.row.cores for job in active) <= processes


class _Active:
    """A seed whose commands are being run one after the other."""

    def __init__(self, run: SeedRun) -> None:
        self.run = run
        self._seconds = 0.0
        run.directory.mkdir(parents=True, exist_ok=True)
        self._log = run.directory / _LOG
        self._log.write_text("")
        self._commands = deque(run.commands())
        self._begin()

    def look(self) -> SeedResult | None:
        """Goes on with the next command when one has ended; the result after the last."""
        code = self._process.poll()
        if code is None:
            return None
        if code:
            lines = self._log.read_text().splitlines() or [f"ended with code {code}"]
            return SeedResult(self.run.seed, None, self._seconds, error=lines[-1])
        if self._commands:
            self._seconds = time.monotonic() - self._began_s  # of training, the last but one
            self._begin()
            return None
        evaluation = json.loads((self.run.directory / _EVALUATION).read_text())
        return self.run.finish(evaluation, self._seconds)

    def stop(self) -> None:
        """Asks it to end, which leaves a checkpoint; it goes on from there the next time."""
        _end(self._process)

    def _begin(self) -> None:
        command = self._commands.popleft()
        output = Path(os.devnull) if self._commands else self.run.directory / _EVALUATION
        self._began_s = time.monotonic()
        with output.open("w") as out, self._log.open("a") as log:
            self._process = _start(command, out.fileno(), log.fileno())


def _start(command: list[str], out: int, log: int | None) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=out,
        stderr=log,
        env=os.environ | _ONE_THREAD,
        start_new_session=True,  # a Ctrl-C reaches it once, through `_end`
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    """Asks it to end, which leaves what it has made, and waits for that."""
    process.terminate()
    try:
        process.wait(_STOP_WITHIN_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


class _View:
    """A bar for each seed that runs, and a line for each that ended; on standard error."""

    def __init__(self, total: int) -> None:
        self._console = Console(file=sys.stderr)
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %"),
            TimeElapsedColumn(),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        self._tasks: dict[Path, TaskID] = {}
        self._total, self._done = total, 0

    def show(self, run: SeedRun, result: SeedResult | None) -> None:
        label = f"{run.row.name} seed {run.seed}"
        if run.directory not in self._tasks:
            self._tasks[run.directory] = self._progress.add_task(label, total=1.0)
        if result is None:
            self._progress.update(self._tasks[run.directory], completed=run.progress())
            return
        self._done += 1
        self._progress.remove_task(self._tasks[run.directory])
        value = result.value(run.row.measure)
        said = result.error if value is None else f"{run.row.measure} {value:.3g}"
        self._console.print(
            f"[{self._done}/{self._total}] {label}: {said} ({result.seconds:.0f} s)",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )

    def __enter__(self) -> _View:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()
