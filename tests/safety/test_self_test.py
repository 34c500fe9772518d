"""The self-test of a physical arm: what must hold on its wire before anybody may arm it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from robot_learning.contract import load_contract
from robot_learning.diagnosis.check import Status
from robot_learning.hardware import RobotState
from robot_learning.safety.incidents import IncidentLog
from robot_learning.safety.monitor import SafetyMonitor, Timeouts
from robot_learning.safety.self_test import OBSERVE_S, SelfTest, passed
from robot_learning.safety.state_machine import SafetyMode

CONTRACT = load_contract("panda", "reach")
HOME = np.array([joint.home_position_rad for joint in CONTRACT.robot.arm.joints])
WALL_S = 1_700_000_000.0
GOOD = {"joint_states": ["robot"], "arm_controller/joint_trajectory": ["arm_driver"]}
Change = Callable[[RobotState], RobotState]


def state(at_s: float) -> RobotState:
    return RobotState(WALL_S + at_s, HOME, np.zeros(7), np.zeros(7), 0.08, 0.0, 0.0, np.zeros(6))


def judged(
    change: Change = lambda s: s,
    *,
    hz: float = 100.0,
    publishers: dict[str, list[str]] = GOOD,
    out: Path | None = None,
    camera: bool = False,
    pictures: int = 0,
) -> dict[str, str]:
    """What fails or is warned of, by name, after a stream of states changed as said."""
    test = SelfTest(CONTRACT, 50.0, out, needs_camera=camera)
    for index in range(int(OBSERVE_S * hz)):
        at_s = index / hz
        test.on_state(change(state(at_s)), 50.0 + at_s, WALL_S + at_s + 0.002)
        test.on_wrench()
    for _ in range(pictures):
        test.on_picture()
    test.on_publishers(publishers)
    assert test.over(50.0 + OBSERVE_S)
    checks = test.checks()
    bad = {check.name: check.fact for check in checks if check.status is not Status.OK}
    assert passed(checks) == (not any(check.status is Status.FAIL for check in checks))
    return bad


def test_a_healthy_arm_passes(tmp_path: Path) -> None:
    assert judged(out=tmp_path / "not" / "yet", camera=True, pictures=3) == {}


@pytest.mark.parametrize(
    ("change", "name", "fact"),
    [
        (lambda s: replace(s, stamp_s=s.stamp_s - 3.0), "clocks", "+3002.0 ms"),
        (lambda s: replace(s, velocity_rad_s=np.full(7, 0.1)), "at rest", "0.100 rad/s"),
        (lambda s: replace(s, position_rad=HOME + 3.0), "joint range", "panda_joint"),
        (lambda s: replace(s, position_rad=-HOME), "joint range", "panda_joint6 at -2.150"),
    ],
    ids=["clocks apart", "moves", "beyond its range", "a flipped sign"],
)
def test_what_is_wrong_with_the_states_is_named(change: Change, name: str, fact: str) -> None:
    assert fact in judged(change)[name]


def test_states_that_come_seldom_or_never_fail() -> None:
    assert "20 Hz" in judged(hz=20.0)["joint states"]
    test = SelfTest(CONTRACT, 0.0, None, needs_camera=False)
    names = {check.name for check in test.checks() if check.status is Status.FAIL}
    assert {"joint states", "clocks"} <= names


@pytest.mark.parametrize(
    "names",
    [[], ["arm_driver", "moveit"], ["arm_driver", "arm_driver"]],
    ids=["nobody", "another", "two arms in one namespace"],
)
def test_exactly_one_may_command_the_arm(names: list[str]) -> None:
    bad = judged(publishers=GOOD | {"arm_controller/joint_trajectory": names})
    assert "publishers of arm_controller/joint_trajectory" in bad


def test_a_camera_that_is_acted_on_must_give_pictures() -> None:
    assert "camera" in judged(camera=True)


def test_without_a_force_it_is_said_and_the_arm_may_still_move() -> None:
    test = SelfTest(CONTRACT, 50.0, None, needs_camera=False)
    for index in range(200):
        test.on_state(state(index / 100), 50.0 + index / 100, WALL_S + index / 100)
    test.on_publishers(GOOD)
    checks = test.checks()
    assert passed(checks)
    assert [c.name for c in checks if c.status is Status.WARN] == ["external force"]


def test_the_monitor_does_not_arm_before_it_has_passed() -> None:
    monitor = SafetyMonitor(
        CONTRACT,
        Timeouts.of(CONTRACT, lockstep=False),
        IncidentLog(None),
        needs_self_test=True,
    )

    def ask() -> str | None:
        monitor.on_state(state(0.0), 10.0)
        monitor.on_driver(SafetyMode.DISARMED, "", 10.0)
        return monitor.arm(10.0)

    assert ask() == "its self-test was not heard"
    monitor.on_self_test("clocks: +3 s")
    assert ask() == "the self-test failed: clocks: +3 s"
    monitor.on_self_test("")
    assert ask() is None and monitor.mode is SafetyMode.ARMED
