"""QT-Opt's action: what its eight numbers mean, and how the arm follows them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from controlled_arm import ControlledArm
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from robot_learning.contract import BinGraspTask, load_contract, task_of
from robot_learning.control.tool_command import Grip, gated_action, part_of, read_action, read_grip
from robot_learning.kinematics.arm_kinematics import turn

KIND = task_of(load_contract("panda", "bin_grasp"), BinGraspTask).action
ROBOTS = ("panda", "fr3", "iiwa7")
units = arrays(np.float64, 8, elements=st.floats(-1.0, 1.0))
heights = st.floats(-0.1, 1.0)
NEAR, FAR = KIND.near_height_m, KIND.far_height_m
SLOW, FAST = KIND.near_speed_m_s, KIND.speed_max_m_s


def action(x=0.0, y=0.0, z=0.0, angle=None, close=0.0, opens=0.0, terminate=0.0):
    sine, cosine = (0.0, 0.0) if angle is None else (math.sin(angle), math.cos(angle))
    return np.array([x, y, z, sine, cosine, close, opens, terminate])


@given(units, heights)
def test_no_action_asks_for_more_than_the_tasks_speeds(numbers, height_m):
    wanted = read_action(KIND, numbers, height_m)
    assert np.linalg.norm(wanted.velocity_m_s) <= KIND.speed_max_m_s * (1 + 1e-12)
    assert abs(wanted.spin_rad_s) <= KIND.turn_speed_max_rad_s


@pytest.mark.parametrize(
    ("height_m", "speed_m_s"),
    [(0.0, SLOW), (NEAR, SLOW), ((NEAR + FAR) / 2, (SLOW + FAST) / 2), (FAR, FAST), (0.5, FAST)],
)
def test_sideways_and_down_it_is_slower_near_the_objects_and_up_never(height_m, speed_m_s):
    down = read_action(KIND, action(x=0.6, z=-0.8), height_m).velocity_m_s
    np.testing.assert_allclose(down, [0.6 * speed_m_s, 0.0, -0.8 * speed_m_s])
    up = read_action(KIND, action(x=0.6, z=0.8), height_m).velocity_m_s
    np.testing.assert_allclose(up, [0.6 * speed_m_s, 0.0, 0.8 * FAST])


@pytest.mark.parametrize(
    ("angle", "share"), [(math.pi, 1.0), (math.pi / 2, 0.5), (0.0, 0.0), (-math.pi / 4, -0.25)]
)
def test_sine_and_cosine_are_of_an_angle_of_which_half_a_circle_is_the_fastest_turn(angle, share):
    wanted = read_action(KIND, action(angle=angle), FAR)
    assert wanted.spin_rad_s == pytest.approx(share * KIND.turn_speed_max_rad_s)


@pytest.mark.parametrize(
    ("close", "opens", "grip"),
    [
        (1.0, -1.0, Grip.CLOSE),
        (-1.0, 1.0, Grip.OPEN),
        (0.5, 0.4, Grip.CLOSE),
        (0.1, 0.2, Grip.OPEN),
        (-0.1, -0.2, Grip.LEAVE),
        (0.0, 0.0, Grip.LEAVE),
    ],
)
def test_the_larger_of_close_and_open_counts_where_it_is_above_zero(close, opens, grip):
    assert read_grip(action(close=close, opens=opens)) == (grip, False)


def test_the_last_number_above_zero_ends_the_episode():
    ending = read_action(KIND, action(x=1.0, angle=1.0, close=1.0, terminate=0.01), FAR)
    assert ending.terminate and ending.grip is Grip.CLOSE
    assert not ending.velocity_m_s.any() and ending.spin_rad_s == 0.0
    assert not read_action(KIND, action(terminate=0.0), FAR).terminate


@pytest.mark.parametrize("robot", ROBOTS)
@pytest.mark.parametrize("angle", [math.pi, -math.pi / 2])
def test_a_turn_turns_the_tool_about_the_vertical_and_leaves_it_in_place(robot, angle):
    arm = ControlledArm(robot, task="bin_grasp").arm()
    begin, rotation = arm.kinematics.tcp_pose(arm.position)
    for _ in range(6):
        before = arm.kinematics.tcp_pose(arm.position)[1]
        done = arm.period(action(angle=angle))
    end, now = arm.kinematics.tcp_pose(arm.position)
    speed = angle / math.pi * KIND.turn_speed_max_rad_s
    assert done.limits == () and not done.refused
    # It has taken up its speed, and still makes up for what it lost meanwhile.
    assert turn(before, now)[2] == pytest.approx(speed * arm.contract.control_period_s, rel=0.1)
    assert np.abs(turn(rotation, now)[:2]).max() < 5e-3
    assert np.linalg.norm(end - begin) < 2e-3


def test_a_tool_that_moves_and_turns_does_both():
    arm = ControlledArm(task="bin_grasp").arm()
    begin, rotation = arm.kinematics.tcp_pose(arm.position)
    for _ in range(5):
        done = arm.period(action(z=-1.0, angle=math.pi / 2))
    end, now = arm.kinematics.tcp_pose(arm.position)
    period_s = arm.contract.control_period_s
    assert done.limits == () and end[2] > FAR
    assert begin[2] - end[2] == pytest.approx(5 * FAST * period_s, rel=0.1)
    assert np.abs(end[:2] - begin[:2]).max() < 8e-3  # joint speeds are held for a tenth of a second
    expected = 5 * KIND.turn_speed_max_rad_s / 2 * period_s
    assert turn(rotation, now)[2] == pytest.approx(expected, rel=0.15)


def test_what_is_executed_keeps_the_gripper_and_says_what_of_the_way_was_followed():
    arm = ControlledArm(task="bin_grasp").arm()
    asked = action(1.0, 1.0, 0.0, close=1.0, opens=-1.0, terminate=-1.0)
    done = arm.period(asked)
    np.testing.assert_array_equal(done.requested, asked)
    np.testing.assert_array_equal(done.executed, asked)  # the task shortens it, no limit acts
    for _ in range(30):
        done = arm.period(action(x=1.0, close=1.0))
    assert "workspace" in done.limits
    assert done.executed[0] < 0.05 and done.executed[5] == 1.0


@given(units, st.floats(0.0, 1.0), heights)
def test_a_part_of_an_action_is_that_part_of_its_motion_and_all_of_the_gripper(
    numbers, share, height_m
):
    whole = read_action(KIND, numbers, height_m)
    done = read_action(KIND, part_of(KIND, numbers, share), height_m)
    np.testing.assert_allclose(done.velocity_m_s, whole.velocity_m_s * share, atol=1e-12)
    assert done.spin_rad_s == pytest.approx(whole.spin_rad_s * share, abs=1e-9)
    assert (done.grip, done.terminate) == (whole.grip, whole.terminate)


@given(units, st.floats(0.0, 1.0), heights)
@example(np.array([0.0, 0.0, 0.0, 5e-324, 0.0, 0.0, 0.0, 0.0]), 0.25, FAR)
def test_a_gated_action_means_what_was_followed(numbers, share, height_m):
    whole = read_action(KIND, numbers, height_m)
    followed, spin = whole.velocity_m_s * share, whole.spin_rad_s * share
    gated = read_action(KIND, gated_action(KIND, numbers, followed, spin, height_m), height_m)
    np.testing.assert_allclose(gated.velocity_m_s, followed, atol=1e-12)
    if np.hypot(*numbers[3:5]) > 0.0:
        assert gated.spin_rad_s == pytest.approx(spin, abs=1e-9)
    assert (gated.grip, gated.terminate) == (whole.grip, whole.terminate)


def test_a_gripper_that_closed_while_the_arm_pressed_has_closed():
    arm = ControlledArm(task="bin_grasp").arm()
    arm.period(action(z=-1.0))
    arm.wrench = np.array([0.0, 0.0, 20.0, 0.0, 0.0, 0.0])
    done = arm.period(action(z=-1.0, close=1.0, opens=-1.0))
    assert "contact" in done.limits and done.executed[2] == 0.0 and done.executed[5] == 1.0


@pytest.mark.parametrize("length", [3, 7, 9])
def test_an_action_of_another_length_is_refused(length):
    arm = ControlledArm(task="bin_grasp").arm()
    done = arm.period(np.zeros(length))
    assert done.refused and done.executed.shape == (8,)


@pytest.mark.parametrize(("force_n", "stops"), [(9.0, False), (12.0, True)])
def test_an_arm_that_presses_stops_well_before_the_limit_and_may_move_away(force_n, stops):
    arm = ControlledArm(task="bin_grasp").arm()
    for _ in range(3):
        arm.period(action(z=-1.0))
    arm.wrench = np.array([0.0, 0.0, force_n, 0.0, 0.0, 0.0])  # something pushes the hand up
    arm.period(action(z=-1.0))
    done = arm.period(action(z=-1.0))
    assert ("contact" in done.limits) == stops
    if stops:
        assert np.abs(arm.velocity).max() < 1e-9
        assert done.executed[2] == 0.0 and not done.refused
    else:
        assert done.limits == () and done.executed[2] == -1.0
    arm.period(action(z=1.0))
    away = arm.period(action(z=1.0))
    assert away.limits == () and away.executed[2] == 1.0
