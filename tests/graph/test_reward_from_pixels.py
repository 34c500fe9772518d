"""The reward monitor with a classifier: pictures alone say what a state is worth, or a person.

The classifier that is learned here calls it success when the hand is low, whatever becomes of the
cube: what the graph then says of success, no truth of the simulator can have said.
"""

from __future__ import annotations

import json
import math
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from conftest import Graph
from launched import run_launch

from robot_learning.contract import Contract, load_contract
from robot_learning.envs.observation import field_slices
from robot_learning.hardware import JointPoint, open_hardware
from robot_learning.replay import read_steps
from robot_learning.replay.audit import audit_journal
from robot_learning.rewards.pixels.classifier import SuccessClassifier, SuccessNetwork
from robot_learning.rewards.pixels.fitting import Division, fit_classifier
from robot_learning.rewards.pixels.frames import LabelledEpisode, PictureView
from robot_learning.rewards.pixels.judge import PixelJudge
from robot_learning.rewards.pixels.monitor import OVERRIDES_FILE
from robot_learning.rewards.pixels.settings import ClassifierSettings
from robot_learning.rewards.pixels.state_judge import classifier_of
from robot_learning.workspace import config_dir

pytestmark = [pytest.mark.graph, pytest.mark.timeout(300)]

CONTRACT = load_contract("panda", "lift")
PERIOD_S = CONTRACT.control_period_s
HOME = np.array([joint.home_position_rad for joint in CONTRACT.robot.arm.joints])
LOW = HOME + np.array([0.0, 0.45, 0.0, -0.05, 0.0, 0.4, 0.0])
"""The tool 0.09 m over the table, and the cube beside it or below."""
DOWN, STAY = 10, 6  # periods
START, END, SUCCESS, FAILURE = 0, 1, 1, 2
SEED = 3
NODES = ["sim", "camera", "reward_monitor"]
QUICK = ClassifierSettings(
    updates=60, check_updates=20, batch_size=16, features=16, shift_px=1, hold_steps=3
)


def way() -> list[np.ndarray]:
    """Joint positions, one a period: down, a while there, half way up."""
    shares = [*np.linspace(0.0, 1.0, DOWN + 1)[1:], *[1.0] * STAY, 0.7, 0.4]
    return [HOME + share * (LOW - HOME) for share in shares]


def pictures_of_the_way(hardware: Any, seed: int) -> np.ndarray:
    hardware.reset(seed)
    pictures = []
    for position in way():
        hardware.write_joint_trajectory([JointPoint(PERIOD_S, position, np.zeros(7))])
        hardware.step(PERIOD_S)
        pictures.append(hardware.read_picture().rgb)
    return np.stack(pictures)


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, np.ndarray]:
    """A classifier of real pictures; the pictures of one more scene, which it never saw."""
    torch.set_num_threads(1)
    share = np.array([np.linalg.norm(q - HOME) / np.linalg.norm(LOW - HOME) for q in way()])
    with open_hardware("sim", CONTRACT) as hardware:
        stamps_s = PERIOD_S * np.arange(len(share))
        episodes = [
            LabelledEpisode(
                f"{seed}", pictures_of_the_way(hardware, seed), stamps_s, share > 0.8, "test"
            )
            for seed in range(10, 18)
        ]
        unseen = pictures_of_the_way(hardware, SEED)
    view = PictureView.of(CONTRACT)
    division = Division(episodes[:6], episodes[6:], [])
    classifier = fit_classifier(division, view, QUICK, 0, lambda updates, loss: None)
    return classifier.save(tmp_path_factory.mktemp("classifier")).parent, unseen


def seconds(stamp: dict[str, int]) -> float:
    return stamp["sec"] + stamp["nanosec"] * 1e-9


class TimePassedError(Exception):
    """Simulated time went on by itself, as it does for an arm that nobody commands for a second."""


class Monitored:
    """Simulator, camera and reward monitor; the test says what actor, driver and person say."""

    def __init__(self, graph: Graph, classifier: Path, mode: str = "lockstep") -> None:
        self.graph, self.out = graph, graph.folder / "run"
        common = {"robot": "panda", "task": "lift", "mode": mode}
        graph.node("sim", **common, camera=True, region=True, on_request=True, seed=SEED)
        graph.node("camera", **common, region=True, freeze_limit=0)
        graph.node(
            "reward_monitor", **common, success_classifier=str(classifier), out=str(self.out)
        )
        graph.node("lifecycle_manager", **common, nodes=",".join(NODES))
        self.client = client = graph.client()
        client.listen(topic="joint_states", type="sensor_msgs/JointState")
        client.listen(topic="reward", type="robot_learning_interfaces/Reward")
        client.listen(topic="object_pose", type="geometry_msgs/PoseStamped")
        client.listen(topic="/diagnostics", type="diagnostic_msgs/DiagnosticArray")
        graph.wait_for_log("lifecycle_manager", "nodes are active", timeout_s=90)
        self.stamp = client.wait("joint_states", lambda m: True)["header"]["stamp"]

    def event(self, topic: str, event: int, **fields: Any) -> None:
        message = {"header": {"stamp": self.stamp}, "actor_id": "tester", "event": event} | fields
        kind = "robot_learning_interfaces/EpisodeEvent"
        self.client.publish(topic=topic, type=kind, fields=message)

    def episode(self, number: int) -> list[dict[str, Any]]:
        """Begins an episode at home, goes all the way; the rewards of its states."""
        for _ in range(5):
            self.home()
            self.event("episode_event", START, episode=number)
            try:
                return [self.move(position) for position in way()]
            except TimePassedError:
                self.event("episode_event", END)
        raise AssertionError("the machine is too slow: simulated time passed by itself, five times")

    def home(self) -> None:
        """Goes home and comes to rest there."""
        end = time.monotonic() + 30
        while True:
            assert time.monotonic() < end, "the arm does not come to rest at home"
            state = self.client.wait("joint_states", lambda m: True)
            self.stamp = state["header"]["stamp"]
            away = np.abs(np.array(state["position"][:7]) - HOME).max()
            if away < 1e-2 and np.abs(state["velocity"][:7]).max() < 1e-3:
                self.client.take(topic="joint_states")
                return
            if away >= 1e-2:
                self.command(HOME, 1.0)

    def command(self, position: np.ndarray, duration_s: float) -> None:
        names = [joint.name for joint in CONTRACT.robot.arm.joints]
        point = {
            "positions": position.tolist(),
            "velocities": [0.0] * 7,
            "time_from_start": {
                "sec": int(duration_s),
                "nanosec": round(duration_s % 1 * 1e9),
            },
        }
        self.client.publish(
            topic="arm_controller/joint_trajectory",
            type="trajectory_msgs/JointTrajectory",
            fields={"joint_names": names, "points": [point]},
        )

    def move(self, position: np.ndarray) -> dict[str, Any]:
        """One period towards a position, as a driver asks for it; the reward of the state there."""
        there_s = seconds(self.stamp) + PERIOD_S
        self.command(position, PERIOD_S)
        reward = self.client.wait(
            "reward", lambda m: seconds(m["header"]["stamp"]) > there_s - 0.01
        )
        self.stamp = reward["header"]["stamp"]
        if seconds(self.stamp) > there_s + 0.01:
            raise TimePassedError
        return reward

    def until(self, text: str) -> dict[str, Any]:
        """The monitor's diagnostics once they say this."""
        end = time.monotonic() + 30
        while text not in (status := self.said())["message"]:
            assert time.monotonic() < end, status
        return status

    def said(self) -> dict[str, Any]:
        """The monitor's newest diagnostics."""
        message = self.client.wait(
            "/diagnostics", lambda m: m["status"][0]["name"] == "reward_monitor"
        )
        status: dict[str, Any] = message["status"][0]
        return status


def test_the_reward_comes_from_pictures_of_the_very_states_and_a_person_is_before_them(
    graph: Graph, learned: tuple[Path, np.ndarray]
) -> None:
    folder, unseen = learned
    monitored = Monitored(graph, folder)
    client = monitored.client
    monitored.until("no episode runs")
    rewards = monitored.episode(0)

    # What a classifier in this process says of the same scene's pictures, one a state.
    judge = PixelJudge(classifier_of(folder, CONTRACT), PERIOD_S)
    expected = [
        judge.judge(picture, PERIOD_S * i).success for i, picture in enumerate(unseen, start=1)
    ]
    assert [reward["success"] for reward in rewards] == expected
    low = [i for i, success in enumerate(expected) if success]
    assert low and not any(expected[: DOWN - 2]) and not expected[-1], "it was learned and held"
    for reward in rewards:
        assert reward["reward"] == float(reward["success"]) == float(reward["terminated"])
        assert math.isnan(reward["distance_m"])
    assert len({seconds(reward["header"]["stamp"]) for reward in rewards}) == len(rewards)
    assert client.take(topic="reward") == [], "one for each state"
    heights = [m["pose"]["position"]["z"] for m in client.take(topic="object_pose")]
    assert max(heights) < 0.05, "the cube lay on the table all the while"

    # A person's word stands for the episode, both ways, and is written down.
    monitored.event("teleop/event", END, outcome=SUCCESS, note="ada", actor_id="keyboard-1")
    graph.wait_for_log("reward_monitor", "ada at keyboard-1 says success")
    client.take(topic="reward")
    monitored.command(HOME, PERIOD_S)
    assert client.wait("reward", lambda m: True)["success"]
    monitored.event("episode_event", END)
    monitored.until("no episode runs")
    monitored.event("episode_event", START, episode=1)
    client.take(topic="reward")
    monitored.command(LOW, PERIOD_S)
    end = time.monotonic() + 30
    while not client.wait("reward", lambda m: True)["success"]:
        assert time.monotonic() < end, "the classifier never says success"
        monitored.command(LOW, PERIOD_S)
    monitored.event("teleop/event", END, outcome=FAILURE, note="ada", actor_id="keyboard-1")
    graph.wait_for_log("reward_monitor", "ada at keyboard-1 says failure")
    client.take(topic="reward")
    monitored.command(LOW, PERIOD_S)
    assert not client.wait("reward", lambda m: True)["success"]
    lines = [json.loads(line) for line in (monitored.out / OVERRIDES_FILE).read_text().splitlines()]
    assert [(line["episode"], line["success"]) for line in lines] == [
        ("tester/0", True),
        ("tester/1", False),
    ]
    assert [line["classifier_success"] for line in lines] == [False, True]


def test_in_real_time_a_stale_picture_judges_nothing_and_the_diagnostics_say_so(
    graph: Graph, learned: tuple[Path, np.ndarray]
) -> None:
    monitored = Monitored(graph, learned[0], mode="real_time")
    client = monitored.client
    monitored.stamp = client.wait("joint_states", lambda m: True)["header"]["stamp"]
    monitored.event("episode_event", START, episode=0)
    reward = client.wait("reward", lambda m: True)
    assert not reward["success"] and seconds(reward["header"]["stamp"]) > seconds(monitored.stamp)
    graph.processes["camera"].send_signal(signal.SIGKILL)
    assert monitored.until("s old (limit")["level"] == 2
    client.take(topic="reward")
    time.sleep(0.5)
    assert client.take(topic="reward") == []


def test_a_classifier_of_another_crop_stops_the_graph_with_one_line(
    graph: Graph, learned: tuple[Path, np.ndarray]
) -> None:
    task = yaml.safe_load((config_dir() / "tasks" / "lift.yaml").read_text())
    task["success_image"]["crop_side"] = 0.3
    other = graph.folder / "lift.yaml"
    other.write_text(yaml.safe_dump(task))
    common = {"task": str(other), "mode": "lockstep"}
    graph.node("reward_monitor", **common, success_classifier=str(learned[0]))
    manager = graph.node("lifecycle_manager", **common, nodes="reward_monitor")
    assert manager.wait(60) == 1
    said = graph.log("reward_monitor")
    assert "crop_side 0.3 here and 0.4 there; learn one for this robot and task" in said


def constant(folder: Path, contract: Contract, probability: float) -> Path:
    """A classifier that says the same of every picture."""
    view = PictureView.of(contract)
    network = SuccessNetwork(view.size_px, 4, torch.Generator())
    with torch.no_grad():
        network.head.bias.fill_(math.log(probability / (1.0 - probability)))
    limits = {"temperature": 1.0, "threshold": 0.5, "hold_steps": 3}
    return SuccessClassifier(network, view, **limits, about={}).save(folder).parent


@pytest.mark.slow
def test_a_policy_is_trained_over_the_graph_by_a_classifiers_word_alone(tmp_path: Path) -> None:
    """One that always says success ends every episode once it is held, cube or no cube."""
    out = tmp_path / "run"
    overrides = {"hidden_sizes": [16], "batch_size": 16, "updates_per_step": 0.1}
    launched = run_launch(
        "sim_train",
        out / "log",
        {
            "task": "lift",
            "algorithm": "td3",
            "steps": "15",
            "evaluation_episodes": "1",
            "out": str(out),
            "overrides": json.dumps(overrides),
            "success_classifier": str(constant(tmp_path / "classifier", CONTRACT, 0.999)),
        },
    )
    assert launched.code == 0, launched.said
    assert audit_journal(out / "checkpoint").missing == 0
    steps = [step for _, step in read_steps(next((out / "checkpoint").glob("*.journal")))]
    assert [step.reward for step in steps] == [float(step.episode_step == 2) for step in steps]
    assert all(step.terminated == (step.episode_step == 2) for step in steps)
    heights_m = [step.observation[field_slices(CONTRACT)["object_position_m"]][2] for step in steps]
    assert max(heights_m) < 0.05, "the cube lay on the table all the while"
    given_up = [line for line in launched.lines if "given up" in line]
    assert not given_up, "every state was seen at its own moment"
    assert not (out / OVERRIDES_FILE).exists()
