"""The second safety layer: what makes it take the permission to move, and what gives it back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pinocchio
import pytest

from robot_learning.contract import load_contract
from robot_learning.hardware import JointPoint, RobotState
from robot_learning.kinematics import ArmKinematics
from robot_learning.safety.incidents import IncidentLog
from robot_learning.safety.monitor import SafetyMonitor, Timeouts
from robot_learning.safety.state_machine import SafetyMode

CONTRACT = load_contract("panda", "reach")
HOME = np.array([joint.home_position_rad for joint in CONTRACT.robot.arm.joints])
KINEMATICS = ArmKinematics(CONTRACT.robot.arm)
# Within the slack of the workspace, 10 mm over the table, and tilted: a fingertip is deeper.
ON_TABLE = KINEMATICS.inverse(
    np.array([0.5, 0.0, 0.012]),
    pinocchio.rpy.rpyToMatrix(0.4, 0.0, 0.0) @ KINEMATICS.tcp_pose(HOME)[1],
    HOME,
)


def state(stamp_s: float = 1.0) -> RobotState:
    zeros = np.zeros(7)
    return RobotState(stamp_s, HOME, zeros, zeros, 0.0, 0.0, 0.0, np.zeros(6))


def armed(directory: Path | None = None) -> SafetyMonitor:
    monitor = SafetyMonitor(CONTRACT, Timeouts.of(CONTRACT, lockstep=False), IncidentLog(directory))
    monitor.on_state(state(), 10.0)
    monitor.on_driver(SafetyMode.DISARMED, "", 10.0)
    assert monitor.arm(10.0) is None
    monitor.on_driver(SafetyMode.ARMED, "", 10.0)
    return monitor


def test_it_starts_disarmed_and_arms_only_on_a_call() -> None:
    monitor = SafetyMonitor(CONTRACT, Timeouts.of(CONTRACT, lockstep=False), IncidentLog(None))
    monitor.on_state(state(), 10.0)
    monitor.on_driver(SafetyMode.DISARMED, "", 10.0)
    monitor.check(10.01)
    assert monitor.mode is SafetyMode.DISARMED


def test_arming_needs_every_stream_and_an_arm_at_rest() -> None:
    monitor = SafetyMonitor(CONTRACT, Timeouts.of(CONTRACT, lockstep=False), IncidentLog(None))
    assert "joint_states" in str(monitor.arm(10.0))
    monitor.on_state(replace(state(), velocity_rad_s=np.full(7, 0.1)), 10.0)
    monitor.on_driver(SafetyMode.DISARMED, "", 10.0)
    assert "moves at 0.100 rad/s" in str(monitor.arm(10.0))
    monitor.on_state(state(1.1), 10.05)
    monitor.on_driver(SafetyMode.FAULT, "tracking error", 10.05)
    assert "arm_driver is in FAULT: tracking error" in str(monitor.arm(10.05))


def bad_state(change: Callable[[RobotState], RobotState]) -> Callable[[SafetyMonitor], None]:
    return lambda monitor: monitor.on_state(change(state(1.01)), 10.02)


FAULTS: dict[str, tuple[Callable[[SafetyMonitor], None], str]] = {
    "a silent arm (kill -9, unplugged)": (lambda m: m.check(10.2), "silent: joint_states"),
    "a silent driver": (
        lambda m: (m.on_state(state(1.5), 10.5), m.check(10.5))[-1],
        "arm_driver/state",
    ),
    "a position beyond the maker's limits": (
        bad_state(lambda s: replace(s, position_rad=np.array([3.2, *HOME[1:]]))),
        "beyond the maker's limits",
    ),
    "a velocity beyond the maker's limits": (
        bad_state(lambda s: replace(s, velocity_rad_s=np.full(7, 3.0))),
        "measured velocity",
    ),
    "a tool that is too fast": (
        bad_state(lambda s: replace(s, velocity_rad_s=np.array([0, 1.0, 0, 0, 0, 0, 0]))),
        "the tool moves at",
    ),
    "a tool outside the workspace": (
        bad_state(lambda s: replace(s, position_rad=np.array([2.0, *HOME[1:]]))),
        "left the workspace",
    ),
    "a tool that comes down on the table": (
        lambda m: m.on_state(replace(state(1.01), position_rad=ON_TABLE), 10.02),
        "fingers and table are measured -",
    ),
    "a clock that goes back": (
        lambda m: m.on_state(state(0.5), 10.02),
        "clock went back by 0.500 s",
    ),
    "a state that is not finite": (
        lambda m: m.on_bad_state("joint_states has a position that is not finite", 10.0),
        "not finite",
    ),
    "a contact": (lambda m: m.on_wrench(60.0, 10.0), "external force 60 N"),
    "a force that is NaN": (lambda m: m.on_wrench(float("nan"), 10.0), "external force"),
    "a command beyond the limits": (
        lambda m: m.on_command([JointPoint(0.01, np.full(7, 9.0), np.zeros(7))], 10.0),
        "beyond the maker's position limits",
    ),
    "a command that jumps": (
        lambda m: m.on_command([JointPoint(0.01, HOME + 0.5, np.zeros(7))], 10.0),
        "jumps 0.50 rad",
    ),
    "a command that is none": (lambda m: m.on_bad_command("NaN", 10.0), "on the command topic"),
    "a fault of the driver": (
        lambda m: m.on_driver(SafetyMode.FAULT, "stalled loop", 10.0),
        "arm_driver: stalled loop",
    ),
    "a driver that came back and does not arm": (
        lambda m: m.on_driver(SafetyMode.DISARMED, "", 12.5),
        "does not arm",
    ),
    "a second publisher of commands": (
        lambda m: m.on_publishers(["arm_driver", "intruder"], 10.0),
        "2 publishers on the command topic (arm_driver, intruder)",
    ),
    "a second arm in this namespace": (
        lambda m: m.on_publishers(["arm_driver", "arm_driver"], 10.0),
        "2 publishers on the command topic (arm_driver, arm_driver)",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_it_latches_a_fault_with_its_cause(name: str) -> None:
    monitor = armed()
    cause, says = FAULTS[name]
    cause(monitor)
    assert monitor.mode is SafetyMode.FAULT
    assert says in monitor.machine.reason


def test_what_is_within_every_limit_changes_nothing() -> None:
    monitor = armed()
    for tick in range(1, 20):
        now_s = 10.0 + 0.01 * tick
        monitor.on_state(state(1.0 + 0.01 * tick), now_s)
        monitor.on_driver(SafetyMode.ARMED, "", now_s)
        monitor.on_command([JointPoint(0.01, HOME, np.zeros(7))], now_s)
        monitor.on_wrench(5.0, now_s)
        monitor.on_publishers(["arm_driver"], now_s)
        monitor.check(now_s)
    assert monitor.mode is SafetyMode.ARMED


def test_armed_on_the_table_it_waits_until_the_arm_has_left_it() -> None:
    monitor = SafetyMonitor(CONTRACT, Timeouts.of(CONTRACT, lockstep=False), IncidentLog(None))
    monitor.on_state(replace(state(), position_rad=ON_TABLE), 10.0)
    monitor.on_driver(SafetyMode.DISARMED, "", 10.0)
    assert monitor.arm(10.0) is None
    monitor.on_driver(SafetyMode.ARMED, "", 10.0)
    monitor.on_state(replace(state(1.01), position_rad=ON_TABLE), 10.01)
    assert monitor.mode is SafetyMode.ARMED
    monitor.on_state(state(1.02), 10.02)
    monitor.on_state(replace(state(1.03), position_rad=ON_TABLE), 10.03)
    assert monitor.mode is SafetyMode.FAULT
    assert "fingers and table" in monitor.machine.reason


def test_the_first_cause_stays() -> None:
    monitor = armed()
    monitor.on_wrench(60.0, 10.0)
    monitor.check(20.0)
    assert "external force" in monitor.machine.reason


def test_reset_leads_to_disarmed_and_only_when_the_cause_is_gone() -> None:
    monitor = armed()
    monitor.check(11.0)
    assert "not heard: joint_states" in str(monitor.reset(11.0))
    monitor.on_state(state(2.0), 11.0)
    monitor.on_driver(SafetyMode.FAULT, "stopped by the monitor", 11.0)
    assert monitor.reset(11.0) is None
    assert monitor.mode is SafetyMode.DISARMED


def test_estop_latches_from_every_state_and_twice_is_once() -> None:
    monitor = armed()
    monitor.estop("button", 10.0)
    transition = monitor.machine.transition
    monitor.estop("button again", 10.1)
    assert monitor.mode is SafetyMode.ESTOP
    assert monitor.machine.transition == transition


def test_an_orderly_stop_of_the_driver_is_no_fault_when_it_arms_again() -> None:
    monitor = armed()
    monitor.on_driver(SafetyMode.ARMED, "", 99.0)
    monitor.on_driver(SafetyMode.DISARMED, "no action comes", 99.5)
    monitor.on_driver(SafetyMode.ARMED, "", 100.0)
    assert monitor.mode is SafetyMode.ARMED


def test_a_fault_leaves_a_file_of_the_last_ten_seconds(tmp_path: Path) -> None:
    monitor = armed(tmp_path)
    for tick in range(1500):
        monitor.on_state(state(1.0 + 0.01 * tick), 10.0 + 0.01 * tick)
    monitor.on_wrench(60.0, 25.0)
    [path] = tmp_path.glob("incident-*.jsonl")
    lines = path.read_text().splitlines()
    assert "external force" in lines[0]
    assert len(lines) == pytest.approx(1001, abs=3)


def test_a_full_disk_does_not_keep_it_from_stopping(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    monitor = armed(blocked)
    monitor.on_wrench(60.0, 10.0)
    assert monitor.mode is SafetyMode.FAULT
