"""Actions of the table's tasks: slower near what may be touched, and fingers by one number."""

from __future__ import annotations

import numpy as np
import pytest
from controlled_arm import ControlledArm
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from robot_learning.contract import LiftTask, PushTask, load_contract, task_of
from robot_learning.control.action import ActionKind
from robot_learning.control.gripper_control import GripperControl
from robot_learning.control.tool_command import (
    Grip,
    asked_of_gripper,
    gated_action,
    part_of,
    read_action,
)

PICK = task_of(load_contract("panda", "lift"), LiftTask).action
TOUCH = task_of(load_contract("panda", "push"), PushTask).action
heights = st.floats(-0.1, 1.0)


@given(arrays(np.float64, 4, elements=st.floats(-1.0, 1.0)), heights)
def test_no_action_asks_for_more_than_the_tasks_speeds(numbers, height_m):
    wanted = read_action(PICK, numbers, height_m)
    assert np.linalg.norm(wanted.velocity_m_s) <= PICK.speed_max_m_s * (1 + 1e-12)
    assert wanted.spin_rad_s == 0.0 and not wanted.terminate
    same = read_action(TOUCH, numbers[:3], height_m)
    assert np.linalg.norm(same.velocity_m_s) <= TOUCH.speed_max_m_s * (1 + 1e-12)
    assert same.grip is Grip.LEAVE


@pytest.mark.parametrize(
    ("height_m", "speed_m_s"),
    [(0.0, PICK.near_speed_m_s), (PICK.near_height_m, PICK.near_speed_m_s), (0.3, 0.24)],
)
def test_sideways_and_down_it_is_slower_near_the_table_and_up_never(height_m, speed_m_s):
    down = read_action(PICK, np.array([0.6, 0.0, -0.8, 0.0]), height_m).velocity_m_s
    np.testing.assert_allclose(down, [0.6 * speed_m_s, 0.0, -0.8 * speed_m_s])
    up = read_action(PICK, np.array([0.6, 0.0, 0.8, 0.0]), height_m).velocity_m_s
    np.testing.assert_allclose(up, [0.6 * speed_m_s, 0.0, 0.8 * PICK.speed_max_m_s])


@pytest.mark.parametrize(
    ("number", "grip"),
    [
        (1.0, Grip.CLOSE),
        (0.5, Grip.CLOSE),
        (0.49, Grip.LEAVE),
        (0.0, Grip.LEAVE),
        (-0.49, Grip.LEAVE),
        (-0.5, Grip.OPEN),
    ],
)
def test_the_last_number_moves_the_fingers_from_half_way_on(number, grip):
    assert asked_of_gripper(PICK, np.array([0.0, 0.0, 0.0, number])) == (grip, False)


@given(arrays(np.float64, 4, elements=st.floats(-1.0, 1.0)), heights, st.floats(0.0, 1.0))
def test_what_was_done_of_an_action_keeps_what_the_fingers_did(numbers, height_m, share):
    velocity = read_action(PICK, numbers, height_m).velocity_m_s
    gated = gated_action(PICK, numbers, share * velocity, 0.0, height_m)
    again = read_action(PICK, gated, height_m)
    np.testing.assert_allclose(again.velocity_m_s, share * velocity, atol=1e-9)
    assert gated[3] == numbers[3] == part_of(PICK, numbers, share)[3]


def test_the_gripper_driver_follows_the_action_that_the_arm_follows():
    contract = load_contract("panda", "lift")
    control = GripperControl(contract)
    control.set_allowed(None)
    ask = lambda sequence, kind, number: control.on_request(  # noqa: E731
        "policy", sequence, kind, [0.0, 0.0, 0.0, number], 1.0, 1.0, contract.sha256
    )
    assert ask(0, ActionKind.ACTION, 1.0) is None and control.width_m == 0.0
    assert ask(1, ActionKind.ACTION, 0.1) is None and control.width_m == 0.0
    assert ask(2, ActionKind.HOME, 0.0) is None and control.width_m == 0.08


@pytest.mark.parametrize("robot", ["panda", "fr3", "iiwa7"])
def test_the_way_home_begins_straight_up_where_the_tool_is_low(robot):
    """Out of a hole sideways would bend what is in it."""
    arm = ControlledArm(robot, task="insertion").arm()
    clear_m = arm.contract.clear_height_m
    while arm.tools[-1][2] > 0.09 if arm.tools else True:
        arm.period(np.array([0.0, 0.0, -1.0]))
    arm.hold()
    begun = arm.tools[-1]
    while arm.tools[-1][2] < clear_m:
        arm.period(kind=ActionKind.HOME)
        assert np.abs(arm.tools[-1][:2] - begun[:2]).max() < 0.002
    arm.go_home(100)
