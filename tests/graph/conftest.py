"""Real nodes in real processes on real Fast DDS, each test in a ROS domain of its own."""

from __future__ import annotations

import ctypes
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from domains import claimed_domain

from robot_learning.workspace import WorkspaceError, graph_environment

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
NODES = REPOSITORY / "ros2_ws" / "install" / "robot_learning_nodes" / "lib" / "robot_learning_nodes"
_open: set[Graph] = set()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """A failed test shows what the nodes said."""
    outcome = yield
    report = outcome.get_result()  # type: ignore[attr-defined]
    if report.failed:
        for graph in _open:
            report.sections.append(("nodes", graph.logs()))


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


class Client:
    """Speaks to `client_process.py`, which runs behind the words of `within`."""

    def __init__(
        self, environment: dict[str, str], name: str = "test_client", within: Sequence[str] = ()
    ) -> None:
        self.process = subprocess.Popen(
            [*within, sys.executable, str(HERE / "client_process.py")],
            env=environment | {"CLIENT_NAME": name},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=_die_with_parent,
        )
        assert self._read() == "ready"

    def call_once(self, service: str) -> Any:
        """One try of a trigger; a dict with `error` when there was no answer."""
        try:
            return self.call(service=service, type="std_srvs/Trigger", fields={}, timeout_s=3)
        except AssertionError as error:
            return {"error": str(error)}

    def __getattr__(self, verb: str) -> Callable[..., Any]:
        def do(**arguments: Any) -> Any:
            assert self.process.stdin
            self.process.stdin.write(json.dumps({"do": verb, **arguments}) + "\n")
            self.process.stdin.flush()
            answer = self._read()
            assert not (isinstance(answer, dict) and "error" in answer), answer["error"]
            return answer

        return do

    def wait(
        self, topic: str, condition: Callable[[dict[str, Any]], bool], timeout_s: float = 15.0
    ) -> dict[str, Any]:
        """The first message on a listened topic that meets the condition."""
        seen: list[dict[str, Any]] = []
        end = time.monotonic() + timeout_s
        while time.monotonic() < end:
            for message in self.take(topic=topic):
                if condition(message):
                    return message
                seen.append(message)
            time.sleep(0.02)
        last = seen[-1] if seen else "nothing"
        raise AssertionError(
            f"{topic}: not seen in {timeout_s} s; {len(seen)} others, last: {last}"
        )

    def _read(self) -> Any:
        assert self.process.stdout
        for line in self.process.stdout:
            if not line.startswith("\x1b"):  # DDS prints its errors here, in colours
                return json.loads(line)
        raise AssertionError("the test's client process died")


class Graph:
    """Starts nodes, logs them, and reaps them."""

    def __init__(self, tmp_path: Path) -> None:
        self._claims = ExitStack()
        self.domain_id = self._claims.enter_context(claimed_domain())
        self.environment = graph_environment(self.domain_id)
        # These tests are about the graph; one core is enough for its arithmetic.
        self.environment["OMP_NUM_THREADS"] = "1"
        self.folder = tmp_path
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        _open.add(self)

    def node(
        self, name: str, *, label: str | None = None, **parameters: Any
    ) -> subprocess.Popen[bytes]:
        """Starts one node's process, under another name where asked; parameters as name=value."""
        arguments = ["--ros-args"]
        if label is not None:
            arguments += ["-r", f"__node:={label}"]
        for key, value in parameters.items():
            text = json.dumps(value) if not isinstance(value, str) else f"'{value}'"
            arguments += ["-p", f"{key}:={text}"]
        return self.start(name, *arguments, label=label)

    def start(
        self, name: str, *arguments: str, label: str | None = None
    ) -> subprocess.Popen[bytes]:
        """Starts one program of the nodes' package; its log and process go by the label."""
        label = label or name
        log = (self.folder / f"{label}.log").open("ab")
        process = subprocess.Popen(
            [str(NODES / name), *arguments],
            env=self.environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            preexec_fn=_die_with_parent,
            cwd=self.folder,
        )
        self.processes[label] = process
        return process

    def client(self, name: str = "test_client") -> Client:
        client = Client(self.environment, name)
        self.processes[name] = client.process  # type: ignore[assignment]
        return client

    def log(self, name: str) -> str:
        path = self.folder / f"{name}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def wait_for_log(self, name: str, text: str, timeout_s: float = 30.0) -> None:
        end = time.monotonic() + timeout_s
        while text not in self.log(name):
            assert time.monotonic() < end, f"{name} did not say {text!r}:\n{self.logs()}"
            time.sleep(0.05)

    def logs(self) -> str:
        return "\n".join(f"--- {p.stem}\n{p.read_text()}" for p in self.folder.glob("*.log"))

    def close(self) -> None:
        _open.discard(self)
        for process in self.processes.values():
            if process.poll() is None and process.stdin:
                process.stdin.close()  # a client, which ends with its commands
            elif process.poll() is None:
                process.send_signal(signal.SIGTERM)
        end = time.monotonic() + 6
        for process in self.processes.values():
            try:
                process.wait(max(0.1, end - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._claims.close()


@pytest.fixture
def graph(tmp_path: Path) -> Iterator[Graph]:
    """A graph in a domain of its own; every child is gone afterwards."""
    try:
        graph = Graph(tmp_path)
    except WorkspaceError as error:
        pytest.fail(str(error))
    try:
        yield graph
    finally:
        graph.close()
