"""How fast the ROS 2 graph is, beside processes that only pass a message on.

This module starts processes and reads their files; it knows no ROS. The yardstick is
`bench_chain` of robot_learning_nodes: plain nodes on rclpy's default executor.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from robot_learning.launch import LaunchSession
from robot_learning.training.tasks import make_task_environment
from robot_learning.workspace import graph_environment, workspace_dir

# Lockstep passes through policy, arbiter, driver, simulator and reward monitor.
LOCKSTEP_HOPS = 5
# In real time a state goes from the simulator through policy and arbiter to the driver.
LATENCY_PROCESSES = 4
LAUNCH_FILE = Path("launch") / "sim_train.launch.xml"

Say = Callable[[str], None]


@dataclass(frozen=True)
class _Where:
    """What every measurement needs: folders, and the environment of the graph."""

    repository: Path
    prefix: Path
    environment: Mapping[str, str]
    out: Path


def measure_graph(domain: int, seconds: float, rounds: int, say: Say) -> list[dict[str, Any]]:
    """Everything that `robot-learning bench graph` reports, medians over the rounds.

    Raises:
        BenchmarkError: the graph or the bare processes did not run.
        WorkspaceError: the workspace is not built.
    """
    environment = graph_environment(domain)
    repository = workspace_dir().parent
    prefix = workspace_dir() / "install" / "robot_learning_nodes"
    seen: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory(prefix="robot-learning-bench-") as folder:
        for index in range(rounds):
            where = _Where(repository, prefix, environment, Path(folder) / str(index))
            for name, measure in MEASUREMENTS.items():
                figures = measure(where, seconds)
                shown = ", ".join(f"{key} {value:.2f}" for key, value in figures.items())
                say(f"round {index + 1} of {rounds}, {name}: {shown}")
                for key, value in figures.items():
                    seen.setdefault(key, []).append(value)
    return _rows(seen)


def _rows(seen: Mapping[str, list[float]]) -> list[dict[str, Any]]:
    m = {key: float(np.median(values)) for key, values in seen.items()}

    def rate(what: str, key: str, bar: float | None) -> dict[str, Any]:
        ratio, figures = _compared(seen[key], seen[f"{key}_ring"])
        return figures | {
            "what": what,
            "value": f"{m[key]:.0f} steps/s",
            "against": f"bare ring of {LOCKSTEP_HOPS}: {m[f'{key}_ring']:.0f} rounds/s",
            "bar": "" if bar is None else f">= {bar}",
            "met": None if bar is None else ratio >= bar,
        }

    def latency(what: str, quantile: str, bar: float | None) -> dict[str, Any]:
        mine, line = f"real_{quantile}_ms", f"line_{quantile}_ms"
        ratio, figures = _compared(seen[mine], seen[line])
        return figures | {
            "what": what,
            "value": f"{m[mine]:.2f} ms",
            "against": f"bare line of {LATENCY_PROCESSES}: {m[line]:.2f} ms",
            "bar": "" if bar is None else f"<= {bar}",
            "met": None if bar is None else ratio <= bar,
        }

    return [
        rate("lockstep, before updates", "collect", 0.35),
        rate("lockstep, while learning", "learn", 0.15),
        rate("in process, no learning", "in_process", None),
        latency("real time, observation to command, p50", "p50", 1.5),
        latency("the same, p99", "p99", None),
        {
            "what": "real time, rates",
            "value": f"{m['real_actions_per_s']:.1f} actions/s, "
            f"{m['real_commands_per_s']:.0f} commands/s",
            "met": None,
        },
    ]


def _compared(ours: list[float], bare: list[float]) -> tuple[float, dict[str, Any]]:
    """The median ratio, each round against its own yardstick: the machine's speed drifts."""
    ratios = np.array(ours) / np.array(bare)
    median = float(np.median(ratios))
    return median, {"ratio": median, "spread": f"{ratios.min():.2f} to {ratios.max():.2f}"}


def _beside_ring(key: str, where: _Where, measure: Callable[[], float]) -> dict[str, float]:
    """A rate, and that of the bare ring: the mean of one run before and one after."""
    before = ring_rate(where.prefix, where.environment)
    value = measure()
    after = ring_rate(where.prefix, where.environment)
    return {key: value, f"{key}_ring": (before + after) / 2.0}


def _lockstep(key: str, where: _Where, seconds: float, *, learning: bool) -> dict[str, float]:
    return _beside_ring(
        key,
        where,
        lambda: lockstep_rate(
            where.repository, where.environment, where.out / key, learning=learning, seconds=seconds
        ),
    )


def _real_time(where: _Where, seconds: float) -> dict[str, float]:
    """Latencies and rates, and the latencies of the bare line: the mean of before and after."""
    before = line_latency(where.prefix, where.environment, seconds)
    ours = real_time_latency(
        where.repository, where.prefix, where.environment, where.out / "c", 2 * seconds
    )
    after = line_latency(where.prefix, where.environment, seconds)
    bare = {f"line_{key}": (before[key] + after[key]) / 2.0 for key in ("p50_ms", "p99_ms")}
    return {f"real_{key}": value for key, value in ours.items()} | bare


MEASUREMENTS: dict[str, Callable[[_Where, float], Mapping[str, float]]] = {
    "lockstep, before updates": lambda w, s: _lockstep("collect", w, s, learning=False),
    "lockstep, while learning": lambda w, s: _lockstep("learn", w, s, learning=True),
    "in process": lambda w, s: _beside_ring("in_process", w, in_process_rate),
    "real time": _real_time,
}


def in_process_rate(seconds: float = 5.0) -> float:
    """Steps per second of the same task in one process, with random actions."""
    environment, _ = make_task_environment("reach", "panda")
    environment.reset(seed=0)
    actions = np.random.default_rng(0).uniform(-1, 1, (1000, 3)).astype(np.float32)
    steps, begun_s = 0, time.monotonic()
    while time.monotonic() - begun_s < seconds:
        _, _, terminated, truncated, _ = environment.step(actions[steps % 1000])
        steps += 1
        if terminated or truncated:
            environment.reset()
    rate = steps / (time.monotonic() - begun_s)
    environment.close()
    return rate


class BenchmarkError(RuntimeError):
    """Something that was to be measured did not run."""


def ring_rate(prefix: Path, environment: Mapping[str, str], seconds: float = 8.0) -> float:
    """Rounds per second of one message through as many bare processes as lockstep has hops."""
    return float(_chain("ring", LOCKSTEP_HOPS, 0, prefix, environment, seconds)["loops_per_s"])


def line_latency(
    prefix: Path, environment: Mapping[str, str], seconds: float = 15.0
) -> dict[str, float]:
    """Age of a message after as many bare processes as lie between state and command."""
    return _chain("line", LATENCY_PROCESSES, LATENCY_PROCESSES - 1, prefix, environment, seconds)


def lockstep_rate(
    repository: Path,
    environment: Mapping[str, str],
    out: Path,
    *,
    learning: bool,
    seconds: float = 15.0,
) -> float:
    """Environment steps per second of the running graph, before or while the learner updates."""
    warmup_steps = 500 if learning else 1_000_000
    with _graph(repository, environment, out, "lockstep", warmup_steps) as session:
        _wait_for_steps(session, out, 1500 if learning else 300)
        first = _steps(out)
        begun_s = time.monotonic()
        _wait(session, seconds)
        return (_steps(out) - first) / (time.monotonic() - begun_s)


def real_time_latency(
    repository: Path,
    prefix: Path,
    environment: Mapping[str, str],
    out: Path,
    seconds: float = 30.0,
) -> dict[str, float]:
    """Age of the observation when its command goes out, and the rates, in real time."""
    with _graph(repository, environment, out, "real_time", 1_000_000) as session:
        _wait_for_steps(session, out, 50)
        probe = subprocess.Popen(
            [str(executable(prefix, "bench_probe")), "--seconds", str(seconds)],
            env=dict(environment),
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            while probe.poll() is None:
                _wait(session, 0.5)
        finally:
            probe.kill()
        result: dict[str, float] = json.loads(probe.communicate()[0].splitlines()[-1])
        return result


def executable(prefix: Path, name: str) -> Path:
    """A program of the nodes' package.

    Raises:
        BenchmarkError: it is not built.
    """
    path = prefix / "lib" / "robot_learning_nodes" / name
    if not path.is_file():
        raise BenchmarkError(f"{path}: not built; run: make setup")
    return path


def _chain(
    kind: str,
    size: int,
    measuring: int,
    prefix: Path,
    environment: Mapping[str, str],
    seconds: float,
) -> dict[str, float]:
    command = [str(executable(prefix, "bench_chain")), kind, "--size", str(size)]
    processes = [
        subprocess.Popen(
            [*command, "--index", str(index), "--seconds", str(seconds)],
            env=dict(environment),
            stdout=subprocess.PIPE,
            text=True,
        )
        for index in range(size)
    ]
    try:
        output, _ = processes[measuring].communicate(timeout=seconds + 30)
    except subprocess.TimeoutExpired:
        raise BenchmarkError(f"the bare {kind} did not finish in {seconds + 30:.0f} s") from None
    finally:
        for process in processes:
            process.kill()
            process.wait()
    result: dict[str, float] = json.loads(output.splitlines()[-1])
    return result


@contextmanager
def _graph(
    repository: Path, environment: Mapping[str, str], out: Path, mode: str, warmup_steps: int
) -> Iterator[LaunchSession]:
    arguments = {
        "out": str(out),
        "steps": "1000000",
        "mode": mode,
        "overrides": json.dumps({"warmup_steps": warmup_steps}),
    }
    session = LaunchSession(
        repository / LAUNCH_FILE,
        arguments,
        environment=environment,
        log_dir=out / "log",
        quiet=True,
    )
    session.start()
    try:
        yield session
    finally:
        session.stop()


def _steps(out: Path) -> int:
    try:
        status: dict[str, Any] = json.loads((out / "status.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return 0
    return int(status.get("steps", 0))


def _wait(session: LaunchSession, seconds: float) -> None:
    end_s = time.monotonic() + seconds
    while (left_s := end_s - time.monotonic()) > 0:
        if session.poll(left_s) is not None:
            raise BenchmarkError("the graph ended while it was measured; see its log folder")


def _wait_for_steps(session: LaunchSession, out: Path, steps: int, timeout_s: float = 120) -> None:
    end_s = time.monotonic() + timeout_s
    while _steps(out) < steps:
        if time.monotonic() > end_s:
            raise BenchmarkError(f"the graph made {_steps(out)} of {steps} steps in {timeout_s} s")
        _wait(session, 0.2)
