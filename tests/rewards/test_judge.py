"""Success by what the robot knows: each sign alone can be fooled, and none alone counts."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from robot_learning.contract import ContractError, load_contract
from robot_learning.hardware import RobotState
from robot_learning.kinematics import ArmKinematics
from robot_learning.rewards.judge import make_judge

LIFT = load_contract("panda", "lift")
INSERTION = load_contract("panda", "insertion")
KINEMATICS = ArmKinematics(LIFT.robot.arm)
HOME = KINEMATICS.home_position_rad
TOOL, TURN = KINEMATICS.tcp_pose(HOME)
TIP = TOOL + INSERTION.task.peg.below_tcp_m * TURN[:, 2]


def state(stamp_s: float = 1.0, width_m: float = 0.05, speed_m_s: float = 0.0) -> RobotState:
    zeros = np.zeros(7)
    return RobotState(stamp_s, HOME, zeros, zeros, width_m, speed_m_s, 0.0, np.zeros(6))


def held(place: np.ndarray, **now: float) -> bool:
    """Whether it counts as held after a second of it."""
    judge = make_judge(LIFT, KINEMATICS)
    judge.begin()
    scene = {"object_position_m": place}
    judge.judge(state(0.0, **now), scene)
    return judge.judge(state(1.0, **now), scene).success


def test_an_object_between_the_fingers_at_a_height_is_held() -> None:
    assert held(TOOL)


@pytest.mark.parametrize(
    ("place", "now"),
    [
        (TOOL + np.array([0.0, 0.0, -0.25]), {}),  # on the table
        (TOOL + np.array([0.05, 0.0, 0.0]), {}),  # in the air, and not in the hand
        (TOOL, {"width_m": 0.001}),  # the hand is closed
        (TOOL, {"width_m": 0.08}),  # the hand is open
        (TOOL, {"speed_m_s": -0.05}),  # on its way to close
        (np.full(3, math.nan), {}),
    ],
)
def test_without_one_of_the_signs_it_is_not(place: np.ndarray, now: dict[str, float]) -> None:
    assert not held(np.asarray(place), **now)


def test_it_must_be_held_for_a_while_and_then_the_task_ends() -> None:
    judge, scene = make_judge(LIFT, KINEMATICS), {"object_position_m": TOOL}
    judge.begin()
    assert judge.judge(state(1.0), scene)[:3] == (0.0, False, False)
    assert judge.judge(state(1.1), scene)[:3] == (0.0, False, False)
    assert judge.judge(state(1.2), scene)[:3] == (1.0, True, True)


@pytest.mark.parametrize("interruption", ["dropped", "another episode", "another clock"])
def test_a_hold_that_was_interrupted_begins_anew(interruption: str) -> None:
    judge, scene = make_judge(LIFT, KINEMATICS), {"object_position_m": TOOL}
    judge.begin()
    judge.judge(state(1.0), scene)
    if interruption == "dropped":
        judge.judge(state(1.1, width_m=0.0), scene)
    elif interruption == "another episode":
        judge.begin()
    else:
        assert not judge.judge(state(0.0), scene).success
    assert not judge.judge(state(1.2 if interruption != "another clock" else 0.1), scene).success


@pytest.mark.parametrize(
    ("depth_m", "beside_m", "success"),
    [(0.021, 0.0, True), (0.019, 0.0, False), (0.021, 0.005, True), (0.03, 0.007, False)],
)
def test_a_peg_is_in_when_its_tip_is_deep_and_in_line(
    depth_m: float, beside_m: float, success: bool
) -> None:
    judge = make_judge(INSERTION, KINEMATICS)
    judge.begin()
    mouth = TIP + np.array([beside_m, 0.0, depth_m])
    found = judge.judge(state(), {"target_position_m": mouth})
    assert (found.success, found.terminated, found.reward) == (success, success, float(success))


def test_pushing_is_judged_by_where_the_object_is_and_ends_nothing() -> None:
    judge = make_judge(load_contract("panda", "push"), KINEMATICS)
    scene = {"object_position_m": TOOL, "target_position_m": TOOL + np.array([0.02, 0.0, 0.0])}
    assert judge.judge(state(), scene) == (0.0, True, False, pytest.approx(0.02, abs=1e-6))
    far = replace(state(), stamp_s=2.0)
    scene["object_position_m"] = TOOL + np.array([0.06, 0.0, 0.0])
    assert judge.judge(far, scene)[:3] == (-1.0, False, False)


def test_a_task_that_is_seen_in_pictures_has_another_judge() -> None:
    with pytest.raises(ContractError, match="is of kind bin_grasp"):
        make_judge(load_contract("panda", "bin_grasp"), KINEMATICS)
