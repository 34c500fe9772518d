"""People in a real-time graph: each device on its wire, the arbiter, and what is learned of it.

One graph serves all tests of this file, in their order: first a training is corrected, then policy
and learner go, and devices that are plugged in, stuck, lost or in another pose follow.
"""

from __future__ import annotations

import itertools
import json
import struct
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import numpy as np
import pytest
from conftest import Graph
from person import Eyes, Pad, Terminal, hold, slower_contract, steer_by_keys, steer_by_pad
from wires import KernelPad, KernelSpaceMouse, wire_to

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
ARMED, ESTOP = 1, 4  # SafetyState
CORRECTIONS = 10
CORRECTION_S = 0.8
pytestmark = [pytest.mark.graph, pytest.mark.timeout(420), pytest.mark.real_time]


class Desk:
    """The running graph, and a person in front of it."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.out = graph.folder / "run"
        self.files = slower_contract(graph.folder)
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
        graph.wait_for_log("lifecycle_manager", "nodes are active", timeout_s=180)

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
    with closing(Graph(tmp_path_factory.mktemp("teleoperation"))) as graph:
        yield Desk(graph)


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
    step = (steps / (limits.velocity_rad_s * allowed_s[close] + 1e-6)).max()
    turn = (turns / (limits.acceleration_rad_s2 * allowed_s[close] + 1e-6)).max()
    # For the record: `pytest -rP` shows it.
    print(
        f"{corrected()} corrections, {len(times)} commanded points, {(close & around).sum()} of "
        f"them near a hand-over; largest step {step:.2f}, change of velocity {turn:.2f} of what is "
        f"allowed; tool nearer by {np.mean(nearer):.3f} m in the mean (n = {tries})"
    )
    assert step <= 1.0 and turn <= 1.0

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
    eyes, terminal = alone.eyes, alone.terminal
    eyes.client.listen(topic="teleop/event", type="robot_learning_interfaces/EpisodeEvent")
    before = eyes.tool()

    def press(count: int) -> None:
        terminal.type(" r" if count % 5 == 0 else "")

    hold(eyes, "keyboard", press, lambda: None, lambda: bool(eyes.tool()[2] > before[2] + 0.01))
    terminal.type("x1")
    event = eyes.client.wait("teleop/event", lambda m: True)
    assert (event["event"], event["outcome"], event["note"]) == (END, 1, "test")
    assert event["actor_id"].startswith("keyboard-")


def test_a_book_on_a_key_moves_the_arm_for_a_bounded_time(alone: Desk) -> None:
    eyes, terminal = alone.eyes, alone.terminal
    hold(eyes, "keyboard", lambda n: terminal.type(" " if n % 5 == 0 else ""), lambda: None)
    for _ in range(100):
        terminal.type("f")
        time.sleep(0.03)
    assert not eyes.who().startswith("keyboard-")
    rest = eyes.rest()
    for _ in range(10):
        terminal.type("f")
        time.sleep(0.03)
    assert eyes.tool() == pytest.approx(rest, abs=1e-4)


def test_of_two_operators_the_second_is_refused_and_told(alone: Desk) -> None:
    eyes, terminal, pad = alone.eyes, alone.terminal, alone.pad

    def told() -> bool:
        assert not eyes.who().startswith("keyboard-")
        terminal.type(" ")
        return "has it; wait until it is let go" in terminal.shown

    hold(eyes, "gamepad", lambda n: pad.say(hold=True), lambda: pad.say(hold=False), told)
    assert eyes.who().startswith("gamepad-")
    terminal.type("x")
    pad.say(hold=False)


def test_an_emergency_stop_from_the_keyboard_is_before_everyone(alone: Desk) -> None:
    eyes, pad = alone.eyes, alone.pad
    safety = "safety/state"
    eyes.client.listen(topic=safety, type="robot_learning_interfaces/SafetyState", latched=True)
    hold(eyes, "gamepad", lambda n: pad.say(hold=True), lambda: pad.say(hold=False))
    alone.terminal.type("0")
    eyes.client.wait(safety, lambda m: m["state"] == ESTOP)
    pad.say(hold=True)
    eyes.client.wait(safety, lambda m: m["state"] == ARMED)  # the operator of the simulation
    before = eyes.rest()
    for _ in range(15):
        pad.say(z=-0.5, hold=True)
        time.sleep(0.04)
    assert eyes.tool() == pytest.approx(before, abs=1e-4), "held from before, it moves nothing"
    pad.say(hold=False)


def event(kind: int, code: int, value: int) -> bytes:
    """A record as the kernel writes it, with the end of its packet."""
    seconds, microseconds = divmod(time.time_ns() // 1000, 1_000_000)
    record = struct.Struct("@llHHi")
    return record.pack(seconds, microseconds, kind, code, value) + record.pack(0, 0, 0, 0, 0)


HOLD, LET_GO, STICK_UP = event(1, 0x137, 1), event(1, 0x137, 0), event(3, 0x04, -32768)


def test_a_pad_by_the_kernels_records_moves_the_arm_and_is_missed_when_pulled_out(
    alone: Desk,
) -> None:
    eyes = alone.eyes
    alone.end("teleop_gamepad")
    pad = wire_to(KernelPad, alone.graph.folder / "event")
    alone.node("teleop_gamepad", label="evdev", event_device=str(pad.path))
    alone.devices("evdev")
    pad.plug()
    alone.graph.wait_for_log("evdev", "is there")
    before = eyes.tool()

    def press(count: int) -> None:
        pad.send(HOLD + (STICK_UP if count % 2 else event(3, 0x04, -32000)))

    def release() -> None:
        pad.send(LET_GO)

    hold(eyes, "gamepad", press, release, lambda: bool(eyes.tool()[2] > before[2] + 0.01))
    for _ in range(5):  # a stop of a busy machine may come first, and is no loss
        hold(eyes, "gamepad", press, release)
        pad.pull()  # while it is held
        time.sleep(0.6)
        eyes.look()
        if "was lost" in eyes.arbiter["blocked"]:
            break
        pad.plug()
        time.sleep(0.3)
    assert "was lost" in eyes.arbiter["blocked"] and eyes.who() == ""
    eyes.rest()
    pad.plug()
    time.sleep(0.3)
    eyes.look()
    assert "was lost" in eyes.arbiter["blocked"], "plugged in again, nobody has decided anything"
    hold(eyes, "gamepad", press, release, lambda: not eyes.arbiter["blocked"])
    release()
    eyes.wait_for("its release", lambda: eyes.who() == "" and not eyes.arbiter["blocked"])
    pad.pull()
    alone.end("evdev")


def test_a_spacemouse_by_its_reports_moves_the_arm(alone: Desk) -> None:
    eyes = alone.eyes
    mouse = wire_to(KernelSpaceMouse, alone.graph.folder / "hidraw", packets=True)
    alone.node("teleop_spacemouse", hidraw=str(mouse.path))
    alone.devices("teleop_spacemouse")
    mouse.plug()
    alone.graph.wait_for_log("teleop_spacemouse", "is there")
    before = eyes.tool()

    def press(count: int) -> None:  # pushed to the left
        mouse.send(bytes([3, 1, 0]))
        mouse.send(struct.pack("<B3h", 1, -300 + count % 2, 0, 0))

    def release() -> None:
        mouse.send(bytes([3, 0, 0]))

    hold(eyes, "spacemouse", press, release, lambda: bool(eyes.tool()[1] > before[1] + 0.01))
    release()
    eyes.wait_for("its release", lambda: eyes.who() == "")
    mouse.pull()
    alone.end("teleop_spacemouse")


def test_a_leader_in_another_pose_moves_nothing_and_leads_once_it_is_where_the_arm_is(
    alone: Desk,
) -> None:
    eyes = alone.eyes
    alone.end("teleop_gamepad")  # which would take the pedals for its buttons
    text = (config_dir() / "teleop" / "leader.yaml").read_text()
    bindings = alone.graph.folder / "leader.yaml"
    bindings.write_text(text.replace("state_max_s: 0.2", "state_max_s: 1.0"))
    alone.node("teleop_leader", bindings=str(bindings))
    alone.devices("teleop_leader")
    names = [f"leader_joint{i + 1}" for i in range(7)]

    def lead(offset: float, joint: int, pedal: bool, count: int = 0) -> None:
        assert eyes.joints is not None
        position = eyes.joints + 1e-4 * (count % 2)
        position[joint] += offset
        joints = {"name": names, "position": position.tolist()}
        topic = "leader/joint_states"
        alone.joy.publish(topic=topic, type="sensor_msgs/JointState", fields=joints)
        pedals = {"buttons": [int(pedal), 0, 0]}
        alone.joy.publish(topic="joy", type="sensor_msgs/Joy", fields=pedals)

    before = eyes.rest()
    said, deadline = "panda_joint4 is +0.60 rad off", time.monotonic() + 30.0
    # Pressed again and again: what was sent before the nodes knew of each other nobody heard.
    for count in itertools.count():
        lead(0.6, 3, count % 12 > 3, count)
        time.sleep(0.04)
        assert eyes.who() == ""
        if said in alone.graph.log("teleop_leader"):
            break
        assert time.monotonic() < deadline, alone.graph.log("teleop_leader")
    lead(0.6, 3, False)
    assert eyes.tool() == pytest.approx(before, abs=1e-4)

    def press(count: int) -> None:
        lead(0.08 if eyes.who() else 0.0, 0, True, count)

    def release() -> None:
        lead(0.0, 0, False)

    hold(eyes, "leader", press, release, lambda: bool(eyes.tool()[1] > before[1] + 0.02))
    release()
    eyes.wait_for("its release", lambda: eyes.who() == "")
