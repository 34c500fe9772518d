"""Doubt can make the arm slower or stop it, and nothing else."""

from __future__ import annotations

import math

import numpy as np
import pytest
from controlled_arm import ControlledArm
from hypothesis import given
from hypothesis import strategies as st

from robot_learning.contract import load_contract
from robot_learning.contract.robot import DoubtLimits
from robot_learning.control.action import ActionKind
from robot_learning.control.doubt import share_of_speed
from robot_learning.control.gripper_control import GripperControl
from robot_learning.safety.state_machine import SafetyMode

LIMITS = load_contract("panda", "reach").robot.operation.doubt
AHEAD = np.array([1.0, 0.0, 0.0])


@pytest.fixture
def arm():
    return ControlledArm().arm()


def doubted(arm, action, doubt, kind=ActionKind.ACTION):
    arm.controller.request(kind, action, arm.state(), arm.now_s, doubt)
    arm.ticks(arm.contract.commands_per_action)
    return arm.controller.executed_action()


@st.composite
def limits(draw):
    slow = draw(st.floats(1.0, 1e6))
    stop = draw(st.floats(slow, 1e9, exclude_min=True))
    return DoubtLimits(slow_above=slow, stop_above=stop)


@given(limits(), st.floats(allow_nan=True, allow_infinity=True))
def test_the_share_of_speed_is_never_above_one_and_never_below_nothing(given_limits, doubt):
    assert 0.0 <= share_of_speed(given_limits, doubt) <= 1.0


@given(limits(), st.floats(0.0, 1e10), st.floats(0.0, 1e10))
def test_more_doubt_is_never_faster(given_limits, one, other):
    less, more = sorted((one, other))
    assert share_of_speed(given_limits, more) <= share_of_speed(given_limits, less)


@given(st.lists(st.floats(-1.0, 1.0), min_size=3, max_size=3), st.floats(allow_infinity=True))
def test_a_doubted_action_moves_the_tool_no_further_than_the_same_without_doubt(action, doubt):
    free = doubted(ControlledArm().arm(), np.array(action), 0.0)
    slowed = doubted(ControlledArm().arm(), np.array(action), doubt)
    for done, at_most in zip(slowed.executed, free.executed, strict=True):
        assert abs(done) <= abs(at_most) + 1e-6 and done * at_most >= -1e-12


def test_up_to_the_first_ratio_nothing_changes_and_at_twice_it_the_arm_is_half_as_fast(arm):
    for doubt in (0.0, 1e-300, 0.5 * LIMITS.slow_above, LIMITS.slow_above):
        done = doubted(arm, AHEAD, doubt)
        assert done.limits == () and done.executed == pytest.approx(AHEAD)
    done = doubted(arm, AHEAD, 2.0 * LIMITS.slow_above)
    assert done.limits == ("doubt",) and not done.refused
    np.testing.assert_allclose(done.requested, AHEAD)
    np.testing.assert_allclose(done.gated, 0.5 * AHEAD)
    np.testing.assert_allclose(done.executed, 0.5 * AHEAD)


@pytest.mark.parametrize("doubt", [math.nan, math.inf, -math.inf, -1e-9, -5.0])
def test_what_is_no_doubt_is_refused(arm, doubt):
    done = doubted(arm, AHEAD, doubt)
    assert done.refused and done.limits == ("doubt",) and not done.executed.any()
    assert arm.controller.mode is SafetyMode.ARMED and arm.controller.at_rest


def test_above_the_second_ratio_a_moving_arm_comes_to_rest_within_its_limits(arm):
    for _ in range(5):
        doubted(arm, AHEAD, 0.0)
    assert not arm.controller.at_rest
    for _ in range(4):
        assert doubted(arm, AHEAD, 1.01 * LIMITS.stop_above).refused
    assert arm.controller.at_rest and arm.controller.mode is SafetyMode.ARMED
    assert doubted(arm, AHEAD, 0.0).executed.any()  # it did not stay


def test_five_in_a_row_latch_a_fault_that_says_what_to_do_and_a_reset_arms_nothing(arm):
    for _ in range(5):
        doubted(arm, AHEAD, 25.0)
    controller = arm.controller
    assert controller.mode is SafetyMode.FAULT
    assert "ratio 25.0, stop_above 10" in controller.reason and "gather data" in controller.reason
    assert doubted(arm, AHEAD, 0.0).refused
    controller.reset(arm.now_s)
    assert controller.mode is SafetyMode.DISARMED and doubted(arm, AHEAD, 0.0).refused
    arm.arm()
    assert doubted(arm, AHEAD, 0.0).executed.any()


def test_the_way_home_and_rest_are_nobodys_model(arm):
    for kind in (ActionKind.HOME, ActionKind.HOLD):
        assert not doubted(arm, AHEAD, 100.0, kind).refused


def test_of_a_grasping_action_only_the_motion_is_slowed():
    arm = ControlledArm(task="bin_grasp").arm()
    action = np.array([0.0, 0.0, 1.0, 0.0, 1.0, 1.0, -1.0, -1.0])
    done = doubted(arm, action, 2.0 * LIMITS.slow_above)
    np.testing.assert_allclose(done.gated[:3], [0.0, 0.0, 0.5], atol=1e-9)
    np.testing.assert_allclose(done.gated[5:], action[5:])


def test_what_the_arm_refuses_for_doubt_moves_no_finger():
    contract = load_contract("panda", "bin_grasp")
    control = GripperControl(contract)
    control.set_allowed(None)
    action = np.array([0, 0, 0, 0, 0, 1, 0, -1.0])
    asked = ("policy", 0, ActionKind.ACTION, action, 1.0, 1.0, contract.sha256)
    assert control.on_request(*asked, 11.0).startswith("doubt")
    assert control.width_m is None
    assert control.on_request("policy", 1, *asked[2:], 9.0) is None and control.width_m == 0.0
