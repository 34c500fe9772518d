"""A runner in a process of its own, stopped in every way: nothing may stay behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

# Whoever runs these tests under nohup hands an ignored SIGHUP on.
_RUNNER = """
import os, signal, sys
signal.signal(signal.SIGHUP, signal.SIG_DFL)
from pathlib import Path
from robot_learning.launch import run_launch
sys.exit(run_launch(Path(sys.argv[1]), {}, environment=dict(os.environ), log_dir=Path(sys.argv[2])))
"""
# Not by a file object: an interrupt that comes while one is flushed as it is collected is lost.
_READY = (
    "fd = os.open(__file__ + '.ready', os.O_WRONLY | os.O_CREAT | os.O_APPEND)\n"
    "os.write(fd, f'{os.getpid()}\\n'.encode())\n"
)
_STUBBORN = (
    "import os, signal, time\n"
    "for n in IGNORED: signal.signal(n, signal.SIG_IGN)\n" + _READY + "time.sleep(60)\n"
)


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


def wait_until(condition: Callable[[], bool], timeout_s: float = 20.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass in time"
        time.sleep(0.02)


class Runner:
    """A launcher in its own process, and the processes it says it started."""

    def __init__(self, process: subprocess.Popen[str], log_dir: Path) -> None:
        self.process = process
        self.log_dir = log_dir

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def end(self) -> tuple[int, str]:
        output, _ = self.process.communicate(timeout=25.0)
        return self.process.returncode, output

    @property
    def log(self) -> str:
        file = self.log_dir / "launch.log"
        return file.read_text() if file.exists() else ""


@pytest.fixture
def runner(launch_file: Callable[..., Path], tmp_path: Path) -> Iterator[Callable[[str], Runner]]:
    started: list[subprocess.Popen[str]] = []

    def start(content: str) -> Runner:
        process = subprocess.Popen(
            [sys.executable, "-c", _RUNNER, str(launch_file(content)), str(tmp_path / "log")],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])},
        )
        started.append(process)
        return Runner(process, tmp_path / "log")

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.fixture
def node(python_script: Callable[[str, str], str]) -> Callable[..., str]:
    """An <executable> whose script says when it is ready; ignores the given signals."""

    def write(name: str, ignored: str = "()", attributes: str = "") -> str:
        script = python_script(name, _STUBBORN.replace("IGNORED", ignored))
        return f'<executable cmd="{script}" name="{name}" {attributes}/>'

    return write


@pytest.fixture
def pid_of(tmp_path: Path) -> Callable[[str], int]:
    """Waits until a script is ready and returns its process."""

    def wait(name: str) -> int:
        file = tmp_path / f"{name}.ready"
        wait_until(lambda: file.exists() and file.read_text().endswith("\n"))
        return int(file.read_text().split()[-1])

    return wait


FAST = 'sigterm_timeout="0.3" sigkill_timeout="0.3"'


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_each_signal_to_the_launcher_stops_everything(
    runner: Callable[[str], Runner],
    node: Callable[..., str],
    pid_of: Callable[[str], int],
    number: signal.Signals,
) -> None:
    launch = runner(node("a") + node("b"))
    pids = [pid_of("a"), pid_of("b")]
    launch.signal(number)
    exit_code, output = launch.end()
    assert exit_code == 130
    assert f"stopping: {number.name} received" in output
    assert "sending" not in output
    assert not any(is_alive(pid) for pid in pids)


@pytest.mark.parametrize(
    ("ignored", "sent"),
    [("(2,)", ["SIGTERM"]), ("(2, 15)", ["SIGTERM", "SIGKILL"])],
)
def test_a_process_that_ignores_signals_gets_harder_ones(
    runner: Callable[[str], Runner],
    node: Callable[..., str],
    pid_of: Callable[[str], int],
    ignored: str,
    sent: list[str],
) -> None:
    launch = runner(node("deaf", ignored, FAST) + node("good"))
    pids = [pid_of("deaf"), pid_of("good")]
    launch.signal(signal.SIGINT)
    exit_code, output = launch.end()
    assert exit_code == 130
    for name in ("SIGTERM", "SIGKILL"):
        assert (f"deaf-1 is still there: sending {name}" in output) == (name in sent)
    assert "good-2 is still there" not in output
    assert not any(is_alive(pid) for pid in pids)


def test_further_interrupts_escalate_at_once(
    runner: Callable[[str], Runner], node: Callable[..., str], pid_of: Callable[[str], int]
) -> None:
    slow = 'sigterm_timeout="600" sigkill_timeout="600"'
    launch = runner(node("deaf", "(2, 15)", slow))
    pid = pid_of("deaf")
    launch.signal(signal.SIGINT)
    wait_until(lambda: "stopping" in launch.log)
    launch.signal(signal.SIGINT)
    wait_until(lambda: "sending SIGTERM" in launch.log)
    assert is_alive(pid)
    launch.signal(signal.SIGINT)
    exit_code, _ = launch.end()
    assert exit_code == 130
    assert not is_alive(pid)


def test_what_a_process_started_is_stopped_with_it(
    runner: Callable[[str], Runner],
    python_script: Callable[[str, str], str],
    pid_of: Callable[[str], int],
) -> None:
    child = python_script("child", _STUBBORN.replace("IGNORED", "(2,)"))
    parent = python_script(
        "parent",
        f"import os, subprocess, time\nsubprocess.Popen([{child!r}])\n{_READY}time.sleep(60)\n",
    )
    launch = runner(f'<executable cmd="{parent}" {FAST}/>')
    pids = [pid_of("parent"), pid_of("child")]
    launch.signal(signal.SIGINT)
    exit_code, output = launch.end()
    assert exit_code == 130
    assert "what parent-1 started is still there: sending SIGTERM" in output
    assert not any(is_alive(pid) for pid in pids)


def test_nothing_survives_the_kill_of_the_launcher(
    runner: Callable[[str], Runner],
    node: Callable[..., str],
    python_script: Callable[[str, str], str],
    pid_of: Callable[[str], int],
) -> None:
    child = python_script("child", _STUBBORN.replace("IGNORED", "()"))
    parent = python_script(
        "parent",
        f"import os, subprocess, time\nsubprocess.Popen([{child!r}])\n{_READY}time.sleep(60)\n",
    )
    content = (
        node("plain", attributes=FAST)
        + node("deaf", "(2, 15)", FAST)
        + f'<executable cmd="{parent}" {FAST}/>'
    )
    launch = runner(content)
    pids = [pid_of(name) for name in ("plain", "deaf", "parent", "child")]
    launch.signal(signal.SIGKILL)
    wait_until(lambda: not any(is_alive(pid) for pid in pids))


def test_the_death_signal_of_the_kernel_works_without_the_guardian(
    runner: Callable[[str], Runner], node: Callable[..., str], pid_of: Callable[[str], int]
) -> None:
    launch = runner(node("plain"))
    pid = pid_of("plain")
    guardian = _guardian_of(launch.process.pid)
    os.kill(guardian, signal.SIGKILL)
    launch.signal(signal.SIGKILL)
    wait_until(lambda: not is_alive(pid))


def test_a_launcher_in_the_background_starts_processes_that_hear_sigint(
    launch_file: Callable[..., Path],
    node: Callable[..., str],
    pid_of: Callable[[str], int],
    tmp_path: Path,
) -> None:
    """A shell starts `... &` with SIGINT ignored, and children inherit that."""
    file = launch_file(node("a"))
    process = subprocess.Popen(
        [sys.executable, "-c", _RUNNER, str(file), str(tmp_path / "log")],
        stdout=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
    )
    pid_of("a")
    process.send_signal(signal.SIGINT)
    assert process.wait(20.0) == 130
    assert "sending" not in (tmp_path / "log" / "launch.log").read_text()


def _guardian_of(launcher: int) -> int:
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                command = (entry / "cmdline").read_bytes()
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
            if parent == launcher and b"guardian.py" in command:
                return int(entry.name)
    raise AssertionError("no guardian found")
