"""The stand-in controller, and what drives it: the real backend with the maker's real SDK.

The contract is that of the xArm 7 at a fifth of its rate, so that a loaded machine keeps up.
"""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import ruckig

from robot_learning.backends import ArmBackend, open_backend
from robot_learning.contract import RobotContract, config_dir, load_robot
from robot_learning.hardware import JointPoint, RobotState
from robot_learning.safety.limits import MotionLimits
from sim.xarm.controller import ArmKind, XArmController
from sim.xarm.server import XArmServer

PORT = 30502
_number = itertools.count(1)


def slow_robot(folder: Path) -> RobotContract:
    """The xArm 7, commanded and measured 20 times a second."""
    text = (config_dir() / "robots" / "xarm7.yaml").read_text()
    path = folder / "xarm7_slow.yaml"
    path.write_text(
        text.replace("command_hz: 100.0", "command_hz: 20.0").replace(
            "state_hz: 100.0", "state_hz: 20.0"
        )
    )
    return load_robot(path)


def home_of(robot: RobotContract) -> np.ndarray:
    return np.array([joint.home_position_rad for joint in robot.arm.joints])


def free_host() -> str:
    """A loopback address that no other test of this run has."""
    process = os.getpid()
    return f"127.{1 + process % 250}.{1 + process // 250 % 250}.{next(_number)}"


@contextmanager
def stand_in(robot: RobotContract, **kind: Any) -> Iterator[XArmServer]:
    controller = XArmController(home_of(robot), ArmKind(**kind))
    with XArmServer(controller, free_host(), PORT) as server:
        yield server


class Heard:
    """Keeps what the backend says."""

    def __init__(self) -> None:
        self.states: list[RobotState] = []
        self.faults: list[str] = []

    def on_state(self, state: RobotState) -> None:
        self.states.append(state)

    def on_fault(self, reason: str) -> None:
        self.faults.append(reason)


@contextmanager
def connected(robot: RobotContract, address: str) -> Iterator[tuple[ArmBackend, Heard]]:
    backend, heard = open_backend("xarm", robot, address), Heard()
    backend.connect(heard)
    try:
        until(lambda: backend.read() is not None, "a measurement")
        yield backend, heard
    finally:
        backend.close()


def until(condition: Callable[[], Any], what: str, timeout_s: float = 60.0) -> None:
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, f"waited in vain for {what}"
        time.sleep(0.01)


class Move:
    """A jerk-limited motion from one posture to another, from rest to rest."""

    def __init__(self, robot: RobotContract, start: np.ndarray, end: np.ndarray) -> None:
        limits = MotionLimits.from_robot(robot)
        given = ruckig.InputParameter(7)
        given.current_position, given.target_position = start.tolist(), end.tolist()
        # A tenth of what the contract allows: a motion that takes seconds.
        given.max_velocity = (0.1 * limits.velocity_rad_s).tolist()
        given.max_acceleration = (0.1 * limits.acceleration_rad_s2).tolist()
        given.max_jerk = (0.1 * limits.jerk_rad_s3).tolist()
        self._trajectory = ruckig.Trajectory(7)
        ruckig.Ruckig(7).calculate(given, self._trajectory)
        self.duration_s = self._trajectory.duration
        self.speed_max = 0.1 * float(limits.velocity_rad_s.max())

    def at(self, time_s: float) -> tuple[np.ndarray, np.ndarray]:
        """Position and velocity."""
        now_s = min(max(time_s, 0.0), self.duration_s)
        position, velocity, _ = self._trajectory.at_time(now_s)
        return np.array(position), np.array(velocity)

    def points(self, from_s: float, lead_s: float) -> list[JointPoint]:
        """What is left of it at `from_s`, beginning `lead_s` later, as a driver sends it."""
        times = np.arange(lead_s, max(self.duration_s - from_s, lead_s) + 0.1, 0.05)
        return [JointPoint(float(t), *self.at(from_s + t)) for t in times]
