"""An arm excited through driver and gate, recorded, and identified from the recording.

A stand-in robot with hidden parameters and the simulator go through the same excitation, each as a
user starts it. Their states as they were heard and as they were recorded mean the same by their
joints, and the fit finds what was hidden.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import REPOSITORY, Client, Graph

from robot_learning.contract import config_dir, load_contract
from robot_learning.contract.edit import set_keys
from robot_learning.demonstrations.store import Store
from robot_learning.diagnosis.parity import JointSignals, compare, measured
from robot_learning.identification.fit import identify
from robot_learning.identification.from_episode import load_motion
from robot_learning.identification.recording import MotionRecording, rate_of

pytestmark = [pytest.mark.graph, pytest.mark.timeout(240), pytest.mark.real_time, pytest.mark.slow]

PROGRAM = Path(sys.executable).with_name("robot-learning")
CONTRACT = load_contract("panda", "reach")
NAMES = CONTRACT.robot.arm.joint_names
HIDDEN_DELAY_S, HIDDEN_STIFFNESS_1_S2 = 0.06, [350.0, 500.0, 400.0, 700.0, 900.0, 450.0, 600.0]
HIDDEN: dict[str, Any] = {
    "simulation.control_delay_s": HIDDEN_DELAY_S,
    "simulation.response": {
        "stiffness_1_s2": HIDDEN_STIFFNESS_1_S2,
        "damping_1_s": [30.0, 36.0, 28.0, 40.0, 45.0, 30.0, 38.0],
    },
}
START = 0  # EpisodeEvent


class Excited:
    """One run: what was heard of it while it ran, and the bag that it left."""

    def __init__(self, folder: Path, launches: dict[str, dict[str, str]]) -> None:
        folder.mkdir()
        graph = Graph(folder)
        try:
            for name, arguments in launches.items():
                self._launch(graph, name, arguments)
            client = graph.client()
            client.listen(topic="joint_states", type="sensor_msgs/JointState", best_effort=True)
            event = "robot_learning_interfaces/EpisodeEvent"
            client.listen(topic="episode_event", type=event)
            last = graph.processes[list(launches)[-1]]
            while last.poll() is None:
                if "real_robot" in launches:
                    _arm(client)
                time.sleep(0.5)
            assert last.returncode == 0, graph.log("real_robot") + graph.log("sim_excite")
            states = client.take(topic="joint_states")
            events = client.take(topic="episode_event")
        finally:
            graph.close()
        begin_s = max(_seconds(e["header"]["stamp"]) for e in events if e["event"] == START)
        self.heard = _signals(str(folder.name), states, begin_s)
        (self.bag,) = Store(folder / "store").whole()[-1:]
        self.motion: MotionRecording = load_motion(self.bag)

    def _launch(self, graph: Graph, name: str, arguments: dict[str, str]) -> None:
        log = (graph.folder / f"{name}.log").open("wb")
        words = [f"{key}:={value}" for key, value in arguments.items()]
        words += ["--log-dir", str(graph.folder / f"{name}_nodes")]
        graph.processes[name] = subprocess.Popen(
            [PROGRAM, "launch", REPOSITORY / "launch" / f"{name}.launch.xml", *words],
            env=graph.environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=graph.folder,
        )


def _arm(client: Client) -> None:
    """What a person does, who sees that a busy test machine stopped the arm."""
    if "reset first" in str(client.call_once("safety/arm").get("message")):
        client.call_once("safety/reset")


def _seconds(stamp: dict[str, int]) -> float:
    return stamp["sec"] + 1e-9 * stamp["nanosec"]


def _signals(source: str, states: list[dict[str, Any]], begin_s: float) -> JointSignals:
    """What was heard from the beginning of the excitation on, in the contract's order."""
    stamps = np.array([_seconds(m["header"]["stamp"]) for m in states]) - begin_s
    position = np.array(
        [[dict(zip(m["name"], m["position"], strict=True))[n] for n in NAMES] for m in states]
    )
    stamps, first = np.unique(stamps, return_index=True)
    kept = stamps >= 0.0
    times = stamps[kept]
    return JointSignals(f"{source}, live", NAMES, times, position[first][kept], rate_of(times))


@pytest.fixture(scope="module")
def hidden(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("hidden") / "hidden.yaml"
    path.write_text((config_dir() / "robots" / "panda.yaml").read_text())
    set_keys(path, HIDDEN)
    return path


@pytest.fixture(scope="module")
def stand_in(hidden: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Excited]:
    """As with a robot: the stand-in is told what nobody else is."""
    folder = tmp_path_factory.mktemp("robot") / "stand-in"
    given = {"robot": "panda", "task": "reach", "mode": "excite", "seconds_per_joint": "2.4"}
    yield Excited(
        folder,
        {
            "stand_in": {"robot": str(hidden)},
            "real_robot": given | {"out": str(folder / "store")},
        },
    )


@pytest.fixture(scope="module")
def simulator(hidden: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Excited]:
    folder = tmp_path_factory.mktemp("sim") / "simulator"
    given = {"robot": str(hidden), "seconds_per_joint": "2.4", "out": str(folder / "store")}
    yield Excited(folder, {"sim_excite": given})


def test_the_fit_of_the_recording_finds_the_hidden_delay_and_stiffness(stand_in: Excited) -> None:
    found = identify([stand_in.motion], CONTRACT)
    assert found.unsure == ()
    delay_s = found.control_delay_s.value
    assert delay_s == pytest.approx(HIDDEN_DELAY_S, abs=CONTRACT.command_period_s)
    stiffness = [estimate.value for estimate in found.stiffness_1_s2]
    np.testing.assert_allclose(stiffness, HIDDEN_STIFFNESS_1_S2, rtol=0.1)


def test_simulator_stand_in_and_their_bags_mean_the_same_by_their_joints(
    stand_in: Excited, simulator: Excited
) -> None:
    for first, second in (
        (simulator.heard, stand_in.heard),
        (stand_in.heard, measured(stand_in.motion)),
        (simulator.heard, measured(simulator.motion)),
    ):
        parity = compare(first, second)
        assert parity.mismatches == () and parity.untold == (), (first.source, second.source)


def test_the_verb_says_the_same_of_the_two_bags(stand_in: Excited, simulator: Excited) -> None:
    words = [PROGRAM, "sysid", "parity", simulator.bag, stand_in.bag, "--json"]
    told = subprocess.run(words, capture_output=True, text=True, timeout=120)
    assert told.returncode == 0, told.stdout + told.stderr
    assert json.loads(told.stdout.splitlines()[-1])["mismatches"] == []
