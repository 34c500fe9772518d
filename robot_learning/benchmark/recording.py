"""Whether the recorder loses anything: against a list of what was sent, and when it is killed.

This module starts processes and reads their files; it knows no ROS.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from robot_learning.benchmark.graph import BenchmarkError
from robot_learning.demonstrations.check_store import (
    check_catalogue,
    check_files,
    check_unfinished,
)
from robot_learning.demonstrations.episode_file import (
    COMPRESSED_TYPE,
    STATE_TYPE,
    EpisodeFile,
    read_episode,
)
from robot_learning.demonstrations.store import Store
from robot_learning.demonstrations.stream_facts import source_stamp_ns
from robot_learning.workspace import graph_environment, workspace_dir

STAMP_BAR_MS = 1.0
LOST_BAR_S = 1.0
START_TIMEOUT_S = 90.0
KILL_EPISODE_S = 3.0
KILL_AFTER_S = (0.5, 5.0)
RATE_SHARE = 0.98
_STREAMS = {"states": (STATE_TYPE, 100.0), "pictures": (COMPRESSED_TYPE, 30.0)}
STEP_HZ = 20.0

Say = Callable[[str], None]
Row = dict[str, Any]


@dataclass
class Bench:
    """The recorder, who manages it, and who publishes; each a process."""

    environment: Mapping[str, str]
    folder: Path
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def store(self) -> Store:
        """Where the recorder writes."""
        return Store(self.folder / "store")

    def start(self, name: str, *arguments: str) -> subprocess.Popen[bytes]:
        """Starts a node; what it says goes to a file."""
        program = workspace_dir() / "install" / "robot_learning_nodes" / "lib"
        program = program / "robot_learning_nodes" / name
        if not program.is_file():
            raise BenchmarkError(f"{program}: not built; run: make setup")
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                [str(program), *arguments],
                env=dict(self.environment),
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self.processes[name] = process
        return process

    def start_recorder(self) -> subprocess.Popen[bytes]:
        """Starts the recorder; it is not yet active."""
        out = f"out:='{self.store.folder}'"
        return self.start("recorder", "--ros-args", "-p", out, "-p", "pictures:=false")

    def log(self, name: str) -> str:
        """What a node has said."""
        path = self.folder / f"{name}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def wait(self, what: str, reached: Callable[[], bool], timeout_s: float) -> None:
        """Until something holds.

        Raises:
            BenchmarkError: it does not come to hold in time.
        """
        end_s = time.monotonic() + timeout_s
        while not reached():
            if time.monotonic() > end_s:
                logs = "\n".join(self.log(name)[-600:] for name in self.processes)
                raise BenchmarkError(f"{what}: not in {timeout_s:.0f} s\n{logs}")
            time.sleep(0.05)

    def end(self) -> None:
        """Ends every process, the recorder in its own way."""
        for process in reversed(self.processes.values()):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self.processes.values():
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextmanager
def _bench(domain: int) -> Iterator[Bench]:
    with tempfile.TemporaryDirectory(prefix="robot-learning-bench-") as folder:
        bench = Bench(graph_environment(domain), Path(folder))
        try:
            bench.start_recorder()
            bench.start("lifecycle_manager", "--ros-args", "-p", "nodes:=recorder")
            yield bench
        finally:
            bench.end()


def measure_recording(domain: int, seconds: float, say: Say) -> list[Row]:
    """Pictures at 30 Hz, states at 100 Hz and steps at 20 Hz for so long, in one episode.

    Raises:
        BenchmarkError: something did not run.
        WorkspaceError: the workspace is not built.
    """
    with _bench(domain) as bench:
        _wait_active(bench, 1)
        sent_file = bench.folder / "sent.json"
        source = bench.start("bench_streams", "--seconds", str(seconds), "--list", str(sent_file))
        before_s, began_s = _cpu_s(bench.processes["recorder"].pid), time.monotonic()
        bench.wait("bench_streams", lambda: source.poll() is not None, seconds + START_TIMEOUT_S)
        cores = (_cpu_s(bench.processes["recorder"].pid) - before_s) / (time.monotonic() - began_s)
        if source.returncode:
            raise BenchmarkError(f"bench_streams: {bench.log('bench_streams')[-300:]}")
        bench.wait("the episode's file", lambda: bool(bench.store.whole()), 60.0)
        sent = json.loads(sent_file.read_text(encoding="utf-8"))
        episode = read_episode(bench.store.whole()[0])
        size_mb = episode.path.stat().st_size / 1e6
        say(f"recorded {size_mb:.0f} MB with {100 * cores:.0f} % of a core")
        rows = _compare(episode, sent)
        rows.append(_row("recorder, of one core", f"{100 * cores:.0f} %", None))
        return rows


def _compare(episode: EpisodeFile, sent: Mapping[str, Any]) -> list[Row]:
    """What was sent between the news of beginning and end, against what is in the file."""
    limits = sent["episodes"][0]
    rows: list[Row] = []
    errors_ns, delays_ns = [0], []
    for name, (type_name, rate_hz) in _STREAMS.items():
        stamps = sent["sent"][name]
        wanted = {i for i, ns in enumerate(stamps) if _within(ns, limits)}
        topic = episode.of_type(type_name)[0]
        found: set[int] = set()
        for received in episode.bag.messages():
            if received.topic == topic:
                index = received.sequence - 1
                found.add(index)
                errors_ns.append(abs(source_stamp_ns(received.data) - stamps[index]))
                delays_ns.append(received.log_ns - received.publish_ns)
        rows += _lost_rows(name, rate_hz, len(wanted), len(wanted - found), stamps)
    steps = sent["sent"]["steps"]
    rows += _lost_rows("steps", STEP_HZ, len(steps), len(steps) - len(episode.steps), steps)
    worst_ms = max(errors_ns) * 1e-6
    p50, p99 = np.percentile(np.array(delays_ns) * 1e-6, [50, 99])
    return [
        *rows,
        _row(
            "stamps, file against source, worst",
            f"{worst_ms:.3f} ms",
            worst_ms <= STAMP_BAR_MS,
            f"<= {STAMP_BAR_MS:g} ms",
        ),
        _row("from publishing to reception, p50, p99", f"{p50:.2f}, {p99:.2f} ms", None),
    ]


def _lost_rows(name: str, wanted_hz: float, sent: int, lost: int, stamps: list[int]) -> list[Row]:
    """A source that the machine slows down would prove less than it says."""
    rate_hz = (len(stamps) - 1) * 1e9 / (stamps[-1] - stamps[0])
    enough = rate_hz >= RATE_SHARE * wanted_hz
    bar = f">= {RATE_SHARE * wanted_hz:g} Hz"
    return [
        _row(f"{name}, lost", f"{lost} of {sent}", lost == 0, "0"),
        _row(f"{name}, sent", f"{rate_hz:.1f} Hz", enough, bar),
    ]


def _within(stamp_ns: int, limits: Mapping[str, int]) -> bool:
    return limits["began_ns"] <= stamp_ns <= limits["ended_ns"]


def measure_kills(domain: int, kills: int, seed: int, say: Say) -> list[Row]:
    """Kills the recorder so many times while it records, and looks at every file it leaves.

    Raises:
        BenchmarkError: something did not run.
        WorkspaceError: the workspace is not built.
    """
    draw = random.Random(seed)
    killed_ns: list[int] = []
    with _bench(domain) as bench:
        _wait_active(bench, 1)
        sent_file = bench.folder / "sent.json"
        arguments = ["--seconds", "100000", "--episode-s", str(KILL_EPISODE_S)]
        source = bench.start("bench_streams", *arguments, "--list", str(sent_file))
        bench.wait("an episode", lambda: bool(_files(bench.store)), START_TIMEOUT_S)
        for number in range(kills):
            before = len(_files(bench.store))
            bench.wait("an episode", lambda n=before: len(_files(bench.store)) > n, 60.0)  # type: ignore[misc]
            time.sleep(draw.uniform(*KILL_AFTER_S))
            recorder = bench.processes["recorder"]
            os.kill(recorder.pid, signal.SIGKILL)
            killed_ns.append(time.time_ns())
            recorder.wait()
            bench.start_recorder()
            _wait_active(bench, number + 2)
            say(f"kill {number + 1} of {kills}")
        bench.wait("the last episode", lambda: bool(bench.store.unfinished()), 60.0)
        source.send_signal(signal.SIGTERM)
        source.wait(30)
        bench.wait("the last file", lambda: not bench.store.unfinished(), 60.0)
        return _look_at_files(bench.store, json.loads(sent_file.read_text()), killed_ns)


def _look_at_files(store: Store, sent: Mapping[str, Any], killed_ns: list[int]) -> list[Row]:
    checked, summaries = check_files(store, store.whole())
    checked += [*check_unfinished(store), check_catalogue(store, summaries)]
    bad = [f"{one.name}: {f.text}" for one in checked for f in one.findings if f.level == "error"]
    lost_s, complete_lost, complete = [], 0, 0
    for path in store.whole():
        episode = read_episode(path)
        assert episode.end is not None
        if episode.end.state == "repaired":
            kill_ns = min(ns for ns in killed_ns if ns > episode.end.ended_ns)
            lost_s.append((kill_ns - episode.end.ended_ns) * 1e-9)
        else:
            complete += 1
            limits = sent["episodes"][episode.info.episode]
            wanted = {ns for ns in sent["sent"]["states"] if _within(ns, limits)}
            topic = episode.of_type(STATE_TYPE)[0]
            found = {source_stamp_ns(r.data) for r in episode.bag.messages() if r.topic == topic}
            complete_lost += len(wanted - found)
    worst_s = max(lost_s, default=0.0)
    return [
        _row("kills with SIGKILL", f"{len(killed_ns)}", None),
        _row("files that do not verify", f"{len(bad)} of {len(checked)}", not bad, "0"),
        _row(
            f"states lost from {complete} finished episodes",
            str(complete_lost),
            complete_lost == 0,
            "0",
        ),
        _row(
            f"lost from {len(lost_s)} running episodes, worst",
            f"{worst_s:.3f} s",
            worst_s <= LOST_BAR_S,
            f"<= {LOST_BAR_S:g} s",
        ),
        _row("the same, median", f"{float(np.median(lost_s or [0.0])):.3f} s", None),
        *[_row("error", text, False) for text in bad[:5]],
    ]


def _files(store: Store) -> list[Path]:
    return [*store.whole(), *store.unfinished()] if store.folder.exists() else []


def _wait_active(bench: Bench, times: int) -> None:
    def active() -> bool:
        return bench.log("recorder").count("recording to") >= times

    bench.wait("the recorder", active, START_TIMEOUT_S)


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _row(what: str, value: str, met: bool | None, bar: str = "") -> Row:
    return {"what": what, "value": value, "met": met, "bar": bar}
