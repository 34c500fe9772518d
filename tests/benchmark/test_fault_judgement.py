"""How `bench faults` judges an arm: by where its joints were, cycle by cycle."""

from __future__ import annotations

import math

import numpy as np
import pytest

from robot_learning.benchmark import faults
from robot_learning.benchmark.fault_list import FAULTS, Fault
from robot_learning.contract import load_contract
from robot_learning.safety.wire_record import Cycles

CONTRACT = load_contract("panda", "reach")
HOME = np.array([joint.home_position_rad for joint in CONTRACT.robot.arm.joints])
BEGAN_S = 10.0
NEWEST = {"safety_monitor": [3, "external force"], "arm_driver": [3, "external force"]}
SAID = {
    "changes": [{"at_s": 10.02, "who": "safety_monitor", "state": 3, "reason": "external force"}],
    "newest": NEWEST,
}


def cycles(stops_after_s: float, speed_rad_s: float = 0.1, ends_s: float = 12.0) -> Cycles:
    """Joint 1 turns at a speed from half a second before the fault until it stops."""
    time_s = np.arange(BEGAN_S - 0.5, ends_s, 0.001)
    turned = speed_rad_s * (np.minimum(time_s, BEGAN_S + stops_after_s) - time_s[0])
    position = np.tile(HOME, (len(time_s), 1))
    position[:, 0] += turned
    return Cycles(time_s, position, position)


def judged(arm: Cycles, said: dict[str, object] = SAID) -> faults.Trial:
    return faults._judge(CONTRACT, arm, said, BEGAN_S)


FORCE = next(fault for fault in FAULTS if fault.name == "80 N")
GOES_ON = next(fault for fault in FAULTS if not fault.stops)


def test_a_stop_in_time_that_is_latched_and_named_is_as_wanted() -> None:
    trial = judged(cycles(0.3))
    assert trial.moved_s == pytest.approx(0.3, abs=0.002)
    assert trial.noticed_s == pytest.approx(0.02)
    assert trial.latched and trial.beyond == ()
    assert faults._as_wanted(FORCE, trial, 0.6)
    assert not faults._as_wanted(GOES_ON, trial, 0.6)


@pytest.mark.parametrize(
    ("arm", "said"),
    [
        (cycles(0.9), SAID),
        (cycles(10.0), SAID),
        (cycles(0.3), {"changes": SAID["changes"], "newest": {"safety_monitor": [0, ""]}}),
        (cycles(0.3), {"changes": [], "newest": NEWEST}),
        (cycles(0.3, speed_rad_s=1.2), SAID),
    ],
    ids=["late", "never", "not latched", "no cause", "too fast on the way"],
)
def test_a_stop_that_is_not_as_it_must_be_is_not(arm: Cycles, said: dict[str, object]) -> None:
    assert not faults._as_wanted(FORCE, judged(arm, said), 0.6)


def test_an_arm_that_need_not_stop_must_go_on() -> None:
    nothing = {"changes": [], "newest": {"safety_monitor": [1, ""]}}
    assert math.isinf(judged(cycles(10.0), nothing).moved_s)
    assert faults._as_wanted(GOES_ON, judged(cycles(10.0), nothing), 0.6)
    assert not faults._as_wanted(GOES_ON, judged(cycles(0.3), nothing), 0.6)


def test_each_limit_is_named_that_was_exceeded() -> None:
    fast = faults.exceeded(CONTRACT, cycles(10.0, speed_rad_s=1.2))
    assert "joint velocity" in fast and "tool speed" in fast
    still = cycles(0.0)
    beyond = Cycles(still.time_s, still.position_rad + 3.0, still.position_rad + 3.0)
    assert {"joint position", "workspace"} <= set(faults.exceeded(CONTRACT, beyond))
    assert faults.exceeded(CONTRACT, still) == ()


def test_names_are_unique_and_a_latched_fault_has_a_cause() -> None:
    names = [fault.name for fault in FAULTS]
    assert len(set(names)) == len(names)

    def consistent(fault: Fault) -> bool:
        return bool(fault.cause) == fault.latched and (fault.stops or not fault.latched)

    assert all(map(consistent, FAULTS))
