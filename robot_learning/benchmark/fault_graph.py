"""The graph of a physical robot beside a stand-in, as `robot-learning bench faults` runs it.

Processes, a hand in the graph, and the record of the arm's wire; no ROS is imported here.
"""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from robot_learning.benchmark.graph import BenchmarkError, executable
from robot_learning.benchmark.own_network import OwnNetwork
from robot_learning.contract import Contract
from robot_learning.safety.state_machine import SafetyMode
from robot_learning.safety.wire_record import Cycles, WireRecord
from robot_learning.workspace import workspace_dir

MANAGED = (
    "safety_monitor",
    "black_box",
    "arm_driver",
    "gripper_driver",
    "self_test",
    "arbiter",
    "bench_mover",
)
QUICK: dict[str, dict[str, float]] = {
    "arm_driver": {"monitor_timeout_s": 0.1, "report_period_s": 0.03},
    "safety_monitor": {"driver_timeout_s": 0.1, "say_period_s": 0.03},
}
"""As launch/real_robot.launch.xml has them."""
RECORD_S = 120.0
_UP_WITHIN_S, _ARMED_WITHIN_S, _MOVES_WITHIN_S = 90.0, 60.0, 30.0
_MOVES_RAD_S, _MOVES_AFTER_S = 0.05, 3.0
_ENDS_WITHIN_S = 5.0


class FaultGraph:
    """What runs; every process can be killed or frozen by its node's name."""

    def __init__(
        self,
        contract: Contract,
        environment: Mapping[str, str],
        folder: Path,
        network: OwnNetwork | None = None,
    ) -> None:
        """Nothing runs yet.

        Args:
            contract: robot and task, by the names in config/.
            environment: of the graph's processes.
            folder: for logs, incidents and the wire's record.
            network: that all of them run in, so that it can be cut; None: this process's.
        """
        self.network = network
        self.contract = contract
        self.folder = folder
        self._environment = dict(environment)
        self._within = network.enter if network else []
        self._prefix = workspace_dir() / "install" / "robot_learning_nodes"
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._hand: subprocess.Popen[str] | None = None

    def come_up(self) -> None:
        """Starts everything; nothing is armed.

        Raises:
            BenchmarkError: it does not come up.
        """
        self.start("stand_in_robot")
        for name in MANAGED:
            self.start(name)
        self.start("lifecycle_manager")
        self._hand = self._start_hand()
        end_s = time.monotonic() + _UP_WITHIN_S
        while "nodes are active" not in self.log("lifecycle_manager"):
            if time.monotonic() > end_s:
                raise BenchmarkError(f"the graph does not come up: see {self.folder}")
            time.sleep(0.1)

    # Processes.

    def start(self, name: str) -> None:
        """Starts a node, again where it was killed."""
        given: dict[str, Any] = {"robot": self.contract.robot.name, "task": self.contract.task.name}
        own: dict[str, dict[str, Any]] = {
            "stand_in_robot": {"record": str(self.folder / "wire"), "record_s": RECORD_S},
            "arm_driver": QUICK["arm_driver"],
            "safety_monitor": {
                "self_test": True,
                "out": str(self.folder),
                **QUICK["safety_monitor"],
            },
            "black_box": {"out": str(self.folder)},
            "lifecycle_manager": {"nodes": ",".join(MANAGED)},
        }
        words = ["--ros-args"]
        for key, value in (given | own.get(name, {})).items():
            words += ["-p", f"{key}:={json.dumps(value)}"]
        with (self.folder / f"{name}.log").open("ab") as log:
            self._processes[name] = subprocess.Popen(
                [*self._within, str(executable(self._prefix, name)), *words],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
            )

    def kill(self, name: str) -> None:
        """Kills a node as `kill -9` does."""
        self._processes[name].send_signal(signal.SIGKILL)
        self._processes[name].wait()

    def freeze(self, name: str) -> None:
        """Stops a node where it is; it stays listed."""
        self._processes[name].send_signal(signal.SIGSTOP)

    def thaw(self, name: str) -> None:
        """Lets a frozen node go on."""
        self._processes[name].send_signal(signal.SIGCONT)

    def pid(self, name: str) -> int:
        """Of the node's process."""
        return self._processes[name].pid

    def dead(self) -> list[str]:
        """Nodes whose process has ended by itself."""
        return [name for name, process in self._processes.items() if process.poll() is not None]

    def log(self, name: str) -> str:
        """What a node has said."""
        path = self.folder / f"{name}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def close(self) -> None:
        """Ends everything."""
        for process in self._processes.values():
            process.send_signal(signal.SIGCONT)
            process.terminate()
        if self._hand is not None and self._hand.stdin is not None:
            self._hand.stdin.close()
            _reap(self._hand)
        for process in self._processes.values():
            _reap(process)

    # The hand.

    def ask(self, verb: str, **given: Any) -> dict[str, Any]:
        """Asks the hand for something; see `bench_hand`."""
        hand = self._hand
        assert hand is not None and hand.stdin is not None and hand.stdout is not None
        hand.stdin.write(json.dumps({"verb": verb, **given}) + "\n")
        hand.stdin.flush()
        line = hand.stdout.readline()
        if not line:
            raise BenchmarkError("the hand in the graph died")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise BenchmarkError(str(answer["error"]))
        return answer

    def arm(self) -> None:
        """Resets and arms as a person would, until it is allowed.

        Raises:
            BenchmarkError: it is not allowed for a minute; with the last reason.
        """
        end_s, said = time.monotonic() + _ARMED_WITHIN_S, ""
        while time.monotonic() < end_s:
            answer = self.ask("arm")
            said = str(answer["message"])
            if answer["success"] or f"the state is {SafetyMode.ARMED.name}" in said:
                return
            if "reset first" in said:
                said = str(self.ask("reset")["message"])
            self.ask("recover")
            time.sleep(0.1)
        raise BenchmarkError(f"the arm could not be armed again: {said}")

    def move(self) -> None:
        """Arms, and waits until the arm moves.

        Raises:
            BenchmarkError: it does not.
        """
        end_s = time.monotonic() + _MOVES_WITHIN_S
        while time.monotonic() < end_s:
            self.arm()
            again_s = time.monotonic() + _MOVES_AFTER_S
            while time.monotonic() < again_s:
                time.sleep(0.05)
                speeds = speeds_rad_s(self.wire(time.monotonic() - 0.1))
                if speeds.max(initial=0.0) > _MOVES_RAD_S:
                    return
        raise BenchmarkError(f"the arm does not move: see the logs in {self.folder} (--out)")

    def wire(self, since_s: float) -> Cycles:
        """The arm's cycles from a time on the steady clock on."""
        return WireRecord.open(self.folder / "wire", len(self.contract.robot.arm.joints)).since(
            since_s
        )

    def _start_hand(self) -> subprocess.Popen[str]:
        with (self.folder / "bench_hand.log").open("ab") as log:
            hand = subprocess.Popen(
                [*self._within, str(executable(self._prefix, "bench_hand"))],
                env=self._environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert hand.stdout is not None
        if json.loads(hand.stdout.readline() or "null") != "ready":
            raise BenchmarkError(f"the hand in the graph did not start: {self.log('bench_hand')}")
        return hand


def _reap(process: subprocess.Popen[Any]) -> None:
    try:
        process.wait(_ENDS_WITHIN_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextmanager
def fault_graph(
    contract: Contract,
    environment: Mapping[str, str],
    folder: Path,
    network: OwnNetwork | None = None,
) -> Iterator[FaultGraph]:
    """The running graph, ended on every way out."""
    graph = FaultGraph(contract, environment, folder, network)
    try:
        graph.come_up()
        yield graph
    finally:
        graph.close()


def speeds_rad_s(cycles: Cycles) -> np.ndarray:
    """The fastest joint's speed from cycle to cycle, shape (n - 1,)."""
    if len(cycles.time_s) < 2:
        return np.zeros(0)
    steps = np.abs(np.diff(cycles.position_rad, axis=0)).max(axis=1)
    return np.asarray(steps / np.diff(cycles.time_s))
