"""Grasping over the graph in lockstep: bad pictures stop the arm, and kills lose no episode."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Client
from domains import claimed_domain
from typer.testing import CliRunner

from robot_learning.cli import app
from robot_learning.contract import config_dir, load_contract
from robot_learning.grasping.episode import GraspEpisode
from robot_learning.grasping.log import GraspLog, from_bytes
from robot_learning.grasping.policy import read_grasp_policy
from robot_learning.launch import LaunchSession
from robot_learning.workspace import graph_environment

REPOSITORY = Path(__file__).resolve().parents[2]
EPISODES, STEPS = 30, 8
OVERRIDES = {
    "cem_samples": 8,
    "cem_elites": 2,
    "batch_size": 16,
    "labels_per_step": 1.0,
    "updates_per_step": 0.05,
}

pytestmark = [pytest.mark.graph, pytest.mark.timeout(300)]


class Run:
    """A training launch that tests poke at."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.out = folder / "run"
        self.task = folder / "short.yaml"  # episodes too short to grasp in, and quick
        text = (config_dir() / "tasks" / "bin_grasp.yaml").read_text()
        self.task.write_text(re.sub(r"episode_steps: \d+", f"episode_steps: {STEPS}", text))
        self.sha256 = load_contract("panda", self.task).sha256
        self.environment = environment
        self.lines: list[str] = []
        self.acknowledged: dict[int, GraspEpisode] = {}
        self.session = LaunchSession(
            REPOSITORY / "launch" / "sim_grasp.launch.xml",
            {
                "task": str(self.task),
                "episodes": str(EPISODES),
                "scripted_episodes": "4",
                "out": str(self.out),
                "overrides": json.dumps(OVERRIDES),
            },
            environment=self.environment,
            log_dir=self.out / "log_of_nodes",
            on_line=lambda label, line: self.lines.append(f"[{label}] {line}"),
            quiet=True,
        )

    def log(self, name: str) -> GraspLog:
        return GraspLog(self.out / name, self.sha256)

    def on_disk(self) -> int:
        """Episodes that were taken; what is in the inbox may have been acknowledged."""
        for path in (self.out / "inbox").glob("shard-*.npz"):
            seed = int(path.stem.rpartition("-")[2])
            if seed not in self.acknowledged:
                with suppress(FileNotFoundError):  # it has just gone to the log
                    (self.acknowledged[seed],) = from_bytes(path.read_bytes(), self.sha256)
        return len(self.acknowledged)

    def poll_until(self, condition: Callable[[], Any], timeout_s: float = 90.0) -> Any:
        end = time.monotonic() + timeout_s
        while not (found := condition()):
            assert self.session.poll(0.1) is None, "the launch ended early:\n" + self.text()
            assert time.monotonic() < end, "not in time:\n" + self.text()
        return found

    def poll_to_the_end(self, timeout_s: float = 150.0) -> int:
        end = time.monotonic() + timeout_s
        while (code := self.session.poll(0.2)) is None:
            self.on_disk()
            assert time.monotonic() < end, "no end in time:\n" + self.text()
        return code

    def send(self, name: str, number: signal.Signals) -> None:
        child = next(p for p in self.session.processes if name in p.label)
        assert child.pid is not None
        os.kill(child.pid, number)

    def text(self) -> str:
        return "\n".join(self.lines[-80:])


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    with claimed_domain() as domain:
        run = Run(tmp_path_factory.mktemp("grasp"), graph_environment(domain))
        with run.session:
            run.session.start()
            yield run


@pytest.fixture
def client(run: Run) -> Iterator[Client]:
    client = Client(run.environment)
    yield client
    assert client.process.stdin
    client.process.stdin.close()
    client.process.wait(10)


def picture(level: int, side: int = 64, encoding: str = "rgb8") -> dict[str, Any]:
    return {
        "height": side,
        "width": side,
        "encoding": encoding,
        "step": 3 * side,
        "data": [level] * (3 * side * side),
    }


BAD = {
    "bgr8": picture(99, encoding="bgr8"),
    "has shape (32, 32, 3)": picture(99, side=32),
    "black": picture(0),
}


@pytest.mark.slow
def test_a_picture_that_cannot_be_used_ends_the_episode_and_the_run_goes_on(
    run: Run, client: Client
) -> None:
    client.listen(topic="episode_event", type="robot_learning_interfaces/EpisodeEvent")
    run.poll_until(lambda: run.on_disk() >= 1)
    for why, fields in BAD.items():

        def given_up(why: str = why, fields: dict[str, Any] = fields) -> bool:
            client.publish(topic="camera/observation", type="sensor_msgs/Image", fields=fields)
            time.sleep(0.2)
            return any(why in event["note"] for event in client.take(topic="episode_event"))

        run.poll_until(given_up)
    before = run.on_disk()
    run.poll_until(lambda: run.on_disk() > before)


def test_without_a_camera_the_arm_holds_and_says_why_until_it_is_back(
    run: Run, client: Client
) -> None:
    run.poll_until(lambda: run.on_disk() >= 1)
    client.listen(topic="/diagnostics", type="diagnostic_msgs/DiagnosticArray")
    client.listen(topic="joint_states", type="sensor_msgs/JointState", best_effort=True)
    run.send("camera", signal.SIGSTOP)

    def said() -> bool:
        statuses = [s for m in client.take(topic="/diagnostics") for s in m["status"]]
        of_policy = [s for s in statuses if s["name"] == "policy" and s["level"] == 2]
        return any("no picture from camera" in status["message"] for status in of_policy)

    def holds() -> bool:
        client.take(topic="joint_states")
        time.sleep(1.0)
        states = client.take(topic="joint_states")
        moved = np.ptp([state["position"][:7] for state in states], axis=0) if states else [1.0]
        return max(moved) < 1e-4

    try:
        run.poll_until(said)
        run.poll_until(holds)  # it was in the middle of a move and comes to rest by its limits
        before = run.on_disk()
    finally:
        run.send("camera", signal.SIGCONT)
    run.poll_until(lambda: run.on_disk() > before)


@pytest.mark.slow  # a minute, of the fifteen that all tests may take
def test_kill_9_of_policy_and_learner_loses_no_acknowledged_episode_and_takes_none_twice(
    run: Run, tmp_path: Path
) -> None:
    run.poll_until(lambda: run.on_disk() >= 1)
    for name in ("grasp_policy", "grasp_learner"):
        before = run.on_disk()
        run.send(name, signal.SIGKILL)
        run.poll_until(lambda before=before: run.on_disk() >= min(before + 2, EPISODES))
    assert run.poll_to_the_end() == 0, run.text()
    episodes = {episode.seed: episode for episode in run.log("log").episodes()}
    assert run.log("log").count() == EPISODES and sorted(episodes) == list(range(EPISODES))
    for seed, taken in run.acknowledged.items():
        np.testing.assert_array_equal(episodes[seed].actions, taken.actions)
        np.testing.assert_array_equal(episodes[seed].images, taken.images)
    assert run.log("inbox").numbers() == []
    assert read_grasp_policy(run.out).spaces.sha256 == run.sha256

    arguments = ["grasp", "train", "--task", str(run.task), "--offline", str(run.out / "log")]
    more = ["--episodes", "0", "--out", str(tmp_path / "offline")]
    settings = [part for k, v in OVERRIDES.items() for part in ("--set", f"{k}={v}")]
    result = CliRunner().invoke(app, [*arguments, *more, *settings])
    assert result.exit_code == 0, result.output
