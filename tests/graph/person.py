"""A person played by a test: eyes on the graph, fingers on a terminal, a pad and a leader arm."""

from __future__ import annotations

import os
import pty
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from conftest import Client, Graph

from robot_learning.contract import config_dir, load_contract
from robot_learning.kinematics import ArmKinematics

CONTRACT = load_contract("panda", "reach")
KINEMATICS = ArmKinematics(CONTRACT.robot.arm)
HOLD_BUTTON = 5
SPEED_M_S = CONTRACT.task.action.speed_max_m_s


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


def slower_contract(folder: Path) -> dict[str, str]:
    """Contract files of the repository's with the rates of SLOWER, as parameters robot and task."""
    files = {}
    for name, changes in SLOWER.items():
        text = (config_dir() / f"{name}.yaml").read_text()
        for old, new in changes.items():
            assert text.count(old) == 1
            text = text.replace(old, new)
        kind, _, short = name.partition("/")
        file = folder / f"{short}.yaml"
        file.write_text(text)
        files[kind.removesuffix("s")] = str(file)
    return files


class Terminal:
    """A pseudo-terminal: what is typed goes to whoever reads it, what it shows is kept."""

    def __init__(self) -> None:
        self.master, self.slave = pty.openpty()
        self.path = os.ttyname(self.slave)
        self.shown = ""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def type(self, keys: str) -> None:
        os.write(self.master, keys.encode())

    def _read(self) -> None:
        try:
            while data := os.read(self.master, 4096):
                self.shown += data.decode(errors="replace")
        except OSError:
            return

    def close(self) -> None:
        os.close(self.master)
        os.close(self.slave)


class Eyes:
    """What a person sees: where the tool is, where the target is, who has the arm."""

    def __init__(self, graph: Graph) -> None:
        self.client: Client = graph.client("eyes")
        self.target: np.ndarray | None = None
        self.arbiter: dict[str, Any] = {}
        self.events: list[dict[str, Any]] = []
        self.joints: np.ndarray | None = None
        interfaces = "robot_learning_interfaces"
        self.client.listen(topic="joint_states", type="sensor_msgs/JointState")
        self.client.listen(topic="target_pose", type="geometry_msgs/PoseStamped", latched=True)
        self.client.listen(topic="arbiter/state", type=f"{interfaces}/ArbiterState", latched=True)
        self.client.listen(topic="episode_event", type=f"{interfaces}/EpisodeEvent")

    def look(self) -> np.ndarray:
        """The way from the tool to the target, m, base frame."""
        for message in self.client.take(topic="arbiter/state"):
            self.arbiter = message
        self.events += self.client.take(topic="episode_event")
        for message in self.client.take(topic="target_pose"):
            position = message["pose"]["position"]
            self.target = np.array([position["x"], position["y"], position["z"]])
        for message in self.client.take(topic="joint_states"):
            self.joints = np.array(message["position"][:7])
        if self.target is None or self.joints is None:
            return np.zeros(3)
        way: np.ndarray = self.target - KINEMATICS.tcp_position(self.joints)
        return way

    def tool(self) -> np.ndarray:
        self.look()
        self.wait_for("joint states", lambda: self.look() is not None and self.joints is not None)
        assert self.joints is not None
        position: np.ndarray = KINEMATICS.tcp_position(self.joints)
        return position

    def rest(self, timeout_s: float = 20.0) -> np.ndarray:
        """Where the tool is once it has stood still for 0.3 s."""
        end, before, since_s = time.monotonic() + timeout_s, self.tool(), time.monotonic()
        while time.monotonic() - since_s < 0.3:
            assert time.monotonic() < end, "the arm does not come to rest"
            time.sleep(0.05)
            now = self.tool()
            if np.abs(now - before).max() > 2e-5:
                before, since_s = now, time.monotonic()
        return before

    def who(self) -> str:
        self.look()
        return str(self.arbiter.get("active_source", ""))

    def wait_for(self, what: str, condition: Any, timeout_s: float = 20.0) -> None:
        end = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < end, f"not seen in {timeout_s} s: {what}; {self.arbiter}"
            time.sleep(0.02)


class Pad:
    """A separate publisher of sensor_msgs/Joy, with the fine unrest of real sticks."""

    def __init__(self, client: Client, topic: str = "joy") -> None:
        self.client, self.topic = client, topic
        self.count = 0

    def say(self, x: float = 0.0, y: float = 0.0, z: float = 0.0, *, hold: bool) -> None:
        self.count += 1
        axes = [y, x, 0.0, 0.0, z, 0.0, 0.0, 0.001 * (self.count % 2)]
        buttons = [0] * 11
        buttons[HOLD_BUTTON] = int(hold)
        fields = {"axes": axes, "buttons": buttons}
        self.client.publish(topic=self.topic, type="sensor_msgs/Joy", fields=fields)


def hold(
    eyes: Eyes,
    kind: str,
    press: Callable[[int], object],
    release: Callable[[], object],
    until: Callable[[], bool] = lambda: True,
    timeout_s: float = 30.0,
) -> None:
    """Holds a device's dead-man until something is seen; presses anew where the arm was stopped.

    A test machine may be too busy for real time, and each stop asks for a fresh press.
    """
    end, count = time.monotonic() + timeout_s, 0
    while time.monotonic() < end:
        if not eyes.who().startswith(f"{kind}-"):
            for _ in range(4):
                release()
                time.sleep(0.04)
            for _ in range(6):
                count += 1
                press(count)
                time.sleep(0.04)
        if eyes.who().startswith(f"{kind}-") and until():
            return
        count += 1
        press(count)
        time.sleep(0.04)
    raise AssertionError(f"not seen with the {kind} in {timeout_s} s; {eyes.arbiter}")


def steer_by_keys(terminal: Terminal, eyes: Eyes, seconds: float) -> None:
    """Takes the arm and taps towards the target, one key after the other; lets go."""
    terminal.type(" ")
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        way = eyes.look()
        axis = int(np.abs(way).argmax())
        terminal.type("wsadrf"[2 * axis + int(way[axis] < 0)])
        time.sleep(0.17)
    terminal.type("x")


def steer_by_pad(pad: Pad, eyes: Eyes, seconds: float) -> None:
    """Holds the dead-man and pushes the sticks towards the target; lets go."""
    pad.say(hold=False)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        way = eyes.look()
        stick = np.clip(way / (SPEED_M_S * 0.3), -1.0, 1.0)
        pad.say(*stick.tolist(), hold=True)
        time.sleep(0.04)
    pad.say(hold=False)
