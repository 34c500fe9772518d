"""People in a real-time graph: each device on its wire, the arbiter, and what is learned of it.

One graph serves all tests of this file, in their order: first a training is corrected, then policy
and learner go, and devices that are plugged in, stuck, lost or in another pose follow.
"""

from __future__ import annotations

import json
import os
import struct
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Graph
from person import Eyes, Pad, Terminal, steer_by_keys, steer_by_pad

from robot_learning.contract import config_dir, load_contract
from robot_learning.control.real_time_driver import CLOCK_STEP_MAX_S
from robot_learning.replay.journal_format import read_steps
from robot_learning.replay.step import Step, interventions
from robot_learning.safety.limits import MotionLimits
from robot_learning.training.learner import Learner
from robot_learning.training.task_settings import task_learner_settings

HARDWARE = [
    "sim", "safety_monitor", "arm_driver", "gripper_driver", "arbiter", "reward_monitor",
    "sim_operator",
]  # fmt: skip
OVERRIDES = {
    "hidden_sizes": [32, 32], "batch_size": 64, "updates_per_step": 1.0, "pretraining_updates": 0,
    "warmup_steps": 100,
}  # fmt: skip
STEPS, SEED = 100_000, 3
START, END, INTERVENTION_END = 0, 1, 4  # EpisodeEvent
CORRECTIONS = 10
CORRECTION_S = 0.8
# What a busy test machine keeps in real time: slower rates, and states that may be older.
SLOWER = {
    "robots/panda": {
        "command_hz: 100.0": "command_hz: 40.0",
        "state_hz: 100.0": "state_hz: 40.0",
        "state_age_max_s: 0.05": "state_age_max_s: 0.4",
        "command_age_max_s: 0.2": "command_age_max_s: 0.3",
    },
    "tasks/reach": {
        "control_hz: 20.0": "control_hz: 10.0",
        "episode_steps: 50": "episode_steps: 30",
        "action_age_max_s: 0.1": "action_age_max_s: 0.3",
    },
}

pytestmark = [pytest.mark.graph, pytest.mark.timeout(240)]


class Desk:
    """The running graph, and a person in front of it."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.out = graph.folder / "run"
        self.files = {name.split("/")[0][:-1]: self.slower(name) for name in SLOWER}
        self.contract = load_contract(self.files["robot"], self.files["task"])
        self.terminal = Terminal()
        learned = {"algorithm": "ddpgfd", "overrides": json.dumps(OVERRIDES), "seed": SEED}
        for name in HARDWARE:
            more = {"monitor_timeout_s": 1.0} if name == "arm_driver" else {}
            self.node(name, **more)
        self.node("learner", steps=STEPS, out=str(self.out), **learned)
        self.node("policy", patience_s=10.0, **learned)
        self.node("teleop_keyboard", tty=self.terminal.path, operator="test")
        self.node("teleop_gamepad")
        names = [*HARDWARE, "learner", "policy", "teleop_keyboard", "teleop_gamepad"]
        graph.node("lifecycle_manager", nodes=",".join(names))
        self.eyes = Eyes(graph)
        self.joy = graph.client("joy_publisher")
        self.pad = Pad(self.joy)
        graph.wait_for_log("lifecycle_manager", "nodes are active", timeout_s=90)

    def slower(self, name: str) -> str:
        """A contract file of the repository's with the rates of SLOWER."""
        text = (config_dir() / f"{name}.yaml").read_text()
        for old, new in SLOWER[name].items():
            assert text.count(old) == 1
            text = text.replace(old, new)
        file = self.graph.folder / f"{Path(name).name}.yaml"
        file.write_text(text)
        return str(file)

    def node(self, name: str, label: str | None = None, **parameters: Any) -> None:
        self.graph.node(name, label=label, **self.files, **parameters)

    def end(self, *names: str) -> None:
        for name in names:
            process = self.graph.processes.pop(name, None)
            if process is not None:
                process.terminate()
                process.wait(40)

    def devices(self, *started: str) -> None:
        """Brings up devices that were started."""
        label = f"lifecycle_{started[0]}"
        self.graph.node("lifecycle_manager", label=label, nodes=",".join(started))
        self.graph.wait_for_log(label, "nodes are active", timeout_s=60)


@pytest.fixture
def alone(desk: Desk) -> Desk:
    """The graph without policy and learner: only people move the arm, which rests."""
    desk.end("policy")
    desk.end("learner")
    desk.eyes.rest()
    return desk


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    graph = Graph(tmp_path_factory.mktemp("teleoperation"), 31 + os.getpid() % 30)
    try:
        yield Desk(graph)
    finally:
        graph.close()


def correct(desk: Desk, number: int) -> float:
    """One correction within the running episode; how much nearer the tool came, m."""
    before = float(np.linalg.norm(desk.eyes.look()))
    if number % 2 == 0:
        steer_by_keys(desk.terminal, desk.eyes, CORRECTION_S)
    else:
        steer_by_pad(desk.pad, desk.eyes, CORRECTION_S)
    return before - float(np.linalg.norm(desk.eyes.look()))


def commanded(client: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The commanded joint path on the wire: times, positions and velocities."""
    rows = []
    for message in client.take(topic="arm_controller/joint_trajectory"):
        stamp, point = message["header"]["stamp"], message["points"][0]
        lead = point["time_from_start"]
        time_s = stamp["sec"] + lead["sec"] + (stamp["nanosec"] + lead["nanosec"]) * 1e-9
        rows.append((time_s, point["positions"], point["velocities"]))
    return tuple(np.array(column) for column in zip(*rows, strict=True))  # type: ignore[return-value]


def test_ten_corrections_of_a_failing_policy_are_demonstrations_and_no_hand_over_jumps(
    desk: Desk,
) -> None:
    eyes, wire = desk.eyes, desk.graph.client("wire")
    wire.listen(topic="arm_controller/joint_trajectory", type="trajectory_msgs/JointTrajectory")
    tries, nearer, hand_overs = 0, list[float](), list[float]()

    def episode_begins() -> bool:
        seen = len(eyes.events)
        eyes.look()
        return any(event["event"] == START for event in eyes.events[seen:])

    def corrected() -> int:
        """Corrections that the actor recorded, from their first step to their last."""
        return [event["event"] for event in eyes.events].count(INTERVENTION_END)

    end = time.monotonic() + 180
    while corrected() < CORRECTIONS:
        assert time.monotonic() < end, f"{corrected()} corrections in {tries} tries"
        eyes.wait_for("an episode", episode_begins, timeout_s=60)
        for _ in range(2):  # in one episode of 3 s
            time.sleep(0.4)
            hand_overs.append(time.time())
            nearer.append(correct(desk, tries))
            hand_overs.append(time.time())
            tries += 1

    # The commanded path, from its beginning over every hand-over to here.
    times, positions, velocities = commanded(wire)
    contract = desk.contract
    limits = MotionLimits.from_robot(contract.robot)
    gaps_s = np.diff(times)
    close = (gaps_s > 0.0) & (gaps_s < 0.2)
    around = np.array([np.abs(np.array(hand_overs) - t).min() < 0.4 for t in times[1:]])
    assert (close & around).sum() > 200, "the path around hand-overs was seen"
    # A stamp may be off by as much as the driver lets its two clocks differ.
    allowed_s = np.maximum(gaps_s, contract.command_period_s)[:, None] + CLOCK_STEP_MAX_S
    assert (np.abs(velocities) <= limits.velocity_rad_s + 1e-6).all()
    steps = np.abs(np.diff(positions, axis=0))[close]
    turns = np.abs(np.diff(velocities, axis=0))[close]
    assert (steps <= limits.velocity_rad_s * allowed_s[close] + 1e-6).all()
    assert (turns <= limits.acceleration_rad_s2 * allowed_s[close] + 1e-6).all()

    # The person did steer.
    assert np.mean(nearer) > 0.01, nearer

    # What the learner has, read back from its folder.
    desk.end("policy")
    time.sleep(1.0)
    desk.end("learner")
    settings = task_learner_settings(
        contract, "ddpgfd", OVERRIDES, seed=SEED, steps=STEPS, evaluation_episodes=100
    )
    recorded = [step for _, step in read_steps(desk.out / "checkpoint" / "steps.journal")]
    episodes = {(step.actor_id, step.episode): list[Step]() for step in recorded}
    for step in recorded:
        episodes[step.actor_id, step.episode].append(step)
    assert sum(len(interventions(steps)) for steps in episodes.values()) >= CORRECTIONS
    by_person = [step for step in recorded if step.is_intervention]
    assert all(step.policy_version == 0 for step in by_person)
    assert 0 < len(by_person) < len(recorded)
    reward = lambda achieved, goal: np.zeros(len(achieved))  # noqa: E731
    learner = Learner(desk.out / "checkpoint", settings, reward, resume=True)
    staged = len(by_person) - learner.demonstrations  # of the episode that was cut off
    assert 0 <= staged <= contract.task.episode_steps and learner.demonstrations > 0
    assert learner.updates > 0
    learner.close()


def test_bindings_and_hand_overs_are_shown_in_the_terminal(desk: Desk) -> None:
    shown = desk.terminal.shown
    assert "space" in shown and "EMERGENCY STOP" in shown
    assert "you have the arm" in shown and "you let the arm go" in shown
    assert "hold it down to have the arm" in desk.graph.log("teleop_gamepad")


def test_without_a_policy_the_arm_is_the_persons_and_events_are_said(alone: Desk) -> None:
    alone.eyes.client.listen(topic="teleop/event", type="robot_learning_interfaces/EpisodeEvent")
    before = alone.eyes.tool()
    alone.terminal.type(" ")
    for _ in range(4):
        alone.terminal.type("r")
        time.sleep(0.2)
    assert alone.eyes.who().startswith("keyboard-")
    assert alone.eyes.tool()[2] > before[2] + 0.01
    alone.terminal.type("x1")
    event = alone.eyes.client.wait("teleop/event", lambda m: True)
    assert (event["event"], event["outcome"], event["note"]) == (END, 1, "test")
    assert event["actor_id"].startswith("keyboard-")


def test_a_book_on_a_key_moves_the_arm_for_a_bounded_time(alone: Desk) -> None:
    alone.terminal.type(" ")
    alone.eyes.wait_for("the keyboard", lambda: alone.eyes.who().startswith("keyboard-"))
    for _ in range(100):
        alone.terminal.type("f")
        time.sleep(0.03)
    assert not alone.eyes.who().startswith("keyboard-")
    rest = alone.eyes.rest()
    for _ in range(10):
        alone.terminal.type("f")
        time.sleep(0.03)
    assert alone.eyes.tool() == pytest.approx(rest, abs=1e-4)


def test_of_two_operators_the_second_is_refused_and_told(alone: Desk) -> None:
    alone.pad.say(hold=False)
    alone.pad.say(hold=True)
    alone.eyes.wait_for("the pad", lambda: alone.eyes.who().startswith("gamepad-"))
    alone.terminal.type(" ")
    end = time.monotonic() + 0.6
    while time.monotonic() < end:
        alone.pad.say(hold=True)
        time.sleep(0.04)
    assert alone.eyes.who().startswith("gamepad-")
    assert "has it; wait until it is let go" in alone.terminal.shown
    alone.terminal.type("x")
    alone.pad.say(hold=False)


def test_an_emergency_stop_from_the_keyboard_is_before_everyone(alone: Desk) -> None:
    alone.eyes.client.listen(
        topic="safety/state", type="robot_learning_interfaces/SafetyState", latched=True
    )
    alone.eyes.client.wait("safety/state", lambda m: m["state"] == 1)
    alone.pad.say(hold=False)
    alone.pad.say(x=0.0, hold=True)
    alone.terminal.type("0")
    alone.eyes.client.wait("safety/state", lambda m: m["state"] == 4)
    alone.eyes.client.wait(
        "safety/state", lambda m: m["state"] == 1
    )  # the operator of the simulation
    before = alone.eyes.rest()
    for _ in range(15):
        alone.pad.say(x=0.0, z=-0.5, hold=True)
        time.sleep(0.04)
    assert alone.eyes.tool() == pytest.approx(before, abs=1e-4), (
        "held from before, it moves nothing"
    )
    alone.pad.say(hold=False)


def event(kind: int, code: int, value: int) -> bytes:
    seconds, microseconds = divmod(time.time_ns() // 1000, 1_000_000)
    return struct.pack("@llHHi", seconds, microseconds, kind, code, value)


SYN = event(0, 0, 0)


def opened(path: Path, packets: bool = False) -> int:
    """The writer's end of a pipe; with `packets` a write is a read, as of hidraw."""
    end = time.monotonic() + 10
    while True:
        try:
            writer = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
            break
        except OSError:
            assert time.monotonic() < end, f"nobody reads {path}"
            time.sleep(0.05)
    if packets:
        import fcntl

        fcntl.fcntl(writer, fcntl.F_SETFL, os.O_NONBLOCK | os.O_DIRECT)
    return writer


def keep(write: Callable[[int], None], condition: Callable[[], bool], timeout_s: float) -> bool:
    """Does it at 25 Hz until the condition holds."""
    end, count = time.monotonic() + timeout_s, 0
    while time.monotonic() < end:
        write(count)
        if condition():
            return True
        count += 1
        time.sleep(0.04)
    return False


def test_pads_mice_and_leaders_on_their_wire(alone: Desk) -> None:
    """Kernel records and HID reports through pipes, a leader arm by its topic; lost and found."""
    graph, eyes, folder = alone.graph, alone.eyes, alone.graph.folder
    alone.end("teleop_keyboard", "teleop_gamepad")
    for name in ("event", "hidraw"):
        os.mkfifo(folder / name)
    alone.node("teleop_gamepad", label="evdev", event_device=str(folder / "event"))
    alone.node("teleop_spacemouse", hidraw=str(folder / "hidraw"))
    alone.node("teleop_leader")
    alone.devices("evdev", "teleop_spacemouse", "teleop_leader")

    # A pad by the kernel's records: up goes up.
    pad = opened(folder / "event")
    graph.wait_for_log("evdev", "is there")
    before = eyes.tool()
    os.write(pad, event(1, 0x137, 1) + SYN)
    os.write(pad, event(3, 0x04, -32768) + SYN)
    eyes.wait_for("the pad", lambda: eyes.who().startswith("gamepad-"))
    eyes.wait_for("the tool to rise", lambda: eyes.tool()[2] > before[2] + 0.01)
    # Pulled out while it is held: the arm rests, and says what it waits for.
    os.close(pad)
    eyes.wait_for("rest", lambda: eyes.who() == "" and "was lost" in eyes.arbiter["blocked"])
    eyes.rest()
    pad = opened(folder / "event")
    time.sleep(0.3)
    assert "was lost" in eyes.arbiter["blocked"], "plugged in again, nobody has decided anything"
    os.write(pad, event(1, 0x137, 1) + SYN)
    eyes.wait_for("the pad again", lambda: eyes.who().startswith("gamepad-"))
    os.write(pad, event(1, 0x137, 0) + SYN)
    eyes.wait_for("its release", lambda: eyes.who() == "" and not eyes.arbiter["blocked"])
    os.close(pad)

    # A SpaceMouse by its reports: pushed to the left goes left.
    mouse = opened(folder / "hidraw", packets=True)
    graph.wait_for_log("teleop_spacemouse", "is there")
    before = eyes.tool()
    os.write(mouse, bytes([3, 1, 0]))
    assert keep(
        lambda n: os.write(mouse, struct.pack("<B3h", 1, -300 + n % 2, 0, 0)) and None,
        lambda: bool(eyes.tool()[1] > before[1] + 0.01),
        timeout_s=10,
    )
    assert eyes.who().startswith("spacemouse-")
    os.write(mouse, bytes([3, 0, 0]))
    eyes.wait_for("its release", lambda: eyes.who() == "")
    os.close(mouse)

    # A leader in another pose moves nothing; brought to where the arm is, it leads.
    names = [f"leader_joint{i + 1}" for i in range(7)]

    def lead(offset: np.ndarray, pedal: bool, count: int) -> None:
        assert eyes.joints is not None
        position = (eyes.joints + offset + 1e-4 * (count % 2)).tolist()
        fields = {"name": names, "position": position}
        alone.joy.publish(topic="leader/joint_states", type="sensor_msgs/JointState", fields=fields)
        alone.joy.publish(
            topic="joy", type="sensor_msgs/Joy", fields={"buttons": [int(pedal), 0, 0]}
        )

    away = np.array([0.0, 0.0, 0.0, 0.6, 0.0, 0.0, 0.0])
    before = eyes.rest()
    keep(lambda n: lead(away, n > 3, n), lambda: False, timeout_s=0.8)
    assert "panda_joint4 is +0.60 rad off" in graph.log("teleop_leader")
    assert eyes.who() == "" and eyes.tool() == pytest.approx(before, abs=1e-4)
    ahead = np.array([0.08, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])
    keep(lambda n: lead(0 * ahead, n > 3, n), lambda: eyes.who().startswith("leader-"), timeout_s=5)
    assert keep(
        lambda n: lead(ahead, True, n), lambda: bool(eyes.tool()[1] > before[1] + 0.02), timeout_s=5
    )
    lead(0 * ahead, False, 0)
    eyes.wait_for("its release", lambda: eyes.who() == "")
