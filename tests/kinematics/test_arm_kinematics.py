import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from robot_learning.contract import load_robot, load_task
from robot_learning.kinematics import ArmKinematics, InverseKinematicsError
from robot_learning.kinematics.arm_kinematics import condition_number, turn

ROBOTS = ("panda", "fr3", "iiwa7", "xarm7", "gen3")
LONG_ARMS = ROBOTS[:3]
KINEMATICS = {name: ArmKinematics(load_robot(name).arm) for name in ROBOTS}
# The makers' tables, Craig's convention: a (m), d (m), alpha (rad). Then what is behind the last
# joint: flange and tool (F_T_NE) of the Panda, the xArm's gripper.
PANDA_DH = (
    (0.0, 0.333, 0.0),
    (0.0, 0.0, -math.pi / 2),
    (0.0, 0.316, math.pi / 2),
    (0.0825, 0.0, math.pi / 2),
    (-0.0825, 0.384, -math.pi / 2),
    (0.0, 0.0, math.pi / 2),
    (0.088, 0.0, math.pi / 2),
)

XARM7_DH = (
    (0.0, 0.267, 0.0),
    (0.0, 0.0, -math.pi / 2),
    (0.0, 0.293, math.pi / 2),
    (0.0525, 0.0, math.pi / 2),
    (0.0775, 0.3425, math.pi / 2),
    (0.0, 0.0, math.pi / 2),
    (0.076, 0.097, -math.pi / 2),
)
# The Gen3's user guide (p. 205), classic convention: d (m), alpha (rad), added to theta (rad); to a
# tenth of a millimetre. The first row is the base's, the last ends at the flange.
GEN3_DH = (
    (0.0, math.pi, 0.0),
    (-(0.1564 + 0.1284), math.pi / 2, 0.0),
    (-(0.0054 + 0.0064), math.pi / 2, math.pi),
    (-(0.2104 + 0.2104), math.pi / 2, math.pi),
    (-(0.0064 + 0.0064), math.pi / 2, math.pi),
    (-(0.2084 + 0.1059), math.pi / 2, math.pi),
    (0.0, math.pi / 2, math.pi),
    (-(0.1059 + 0.0615), math.pi, math.pi),
)
GEN3_TOOL = np.array([[0, -1, 0, 0], [1, 0, 0, 0], [0, 0, 1, 0.145], [0, 0, 0, 1]])
C = math.sqrt(0.5)
PANDA_TOOL = np.array([[C, C, 0, 0], [-C, C, 0, 0], [0, 0, 1, 0.107 + 0.1034], [0, 0, 0, 1]])
XARM7_TOOL = np.array([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0.172], [0, 0, 0, 1]])
MAKERS = {"panda": (PANDA_DH, PANDA_TOOL), "xarm7": (XARM7_DH, XARM7_TOOL)}

shares = st.lists(st.floats(0.0, 1.0), min_size=7, max_size=7).map(np.array)
robots = st.sampled_from(ROBOTS)


def posture(kinematics, share):
    low, high = kinematics.position_min_rad, kinematics.position_max_rad
    return low + share * (high - low)


def by_dh(name, q):
    table, tool = MAKERS[name]
    pose = np.eye(4)
    for (a, d, alpha), theta in zip(table, q, strict=True):
        ct, st_, ca, sa = math.cos(theta), math.sin(theta), math.cos(alpha), math.sin(alpha)
        pose = pose @ np.array(
            [
                [ct, -st_, 0, a],
                [st_ * ca, ct * ca, -sa, -d * sa],
                [st_ * sa, ct * sa, ca, d * ca],
                [0, 0, 0, 1],
            ]
        )
    return pose @ tool


@settings(deadline=None)
@given(st.sampled_from(sorted(MAKERS)), shares)
def test_an_arm_agrees_with_its_makers_dh_table(name, share):
    q = posture(KINEMATICS[name], share)
    position, rotation = KINEMATICS[name].tcp_pose(q)
    expected = by_dh(name, q)
    np.testing.assert_allclose(position, expected[:3, 3], atol=1e-12)
    np.testing.assert_allclose(rotation, expected[:3, :3], atol=1e-12)


@settings(deadline=None)
@given(shares)
def test_a_gen3_agrees_with_its_makers_dh_table(share):
    q = posture(KINEMATICS["gen3"], share)
    pose = np.eye(4)
    for (d, alpha, offset), joint in zip(GEN3_DH, [0.0, *q], strict=True):
        theta = joint + offset
        ct, st_, ca, sa = math.cos(theta), math.sin(theta), math.cos(alpha), math.sin(alpha)
        pose = pose @ np.array(
            [
                [ct, -st_ * ca, st_ * sa, 0],
                [st_, ct * ca, -ct * sa, 0],
                [0, sa, ca, d],
                [0, 0, 0, 1],
            ]
        )
    pose = pose @ GEN3_TOOL
    position, rotation = KINEMATICS["gen3"].tcp_pose(q)
    # Twelve lengths, each rounded by up to 0.05 mm.
    np.testing.assert_allclose(position, pose[:3, 3], atol=6e-4)
    np.testing.assert_allclose(rotation, pose[:3, :3], atol=1e-9)


@pytest.mark.parametrize("name", ["xarm7", "gen3"])
def test_shorter_arms_reach_every_goal_of_reach_near_with_the_tool_down(name):
    kinematics, box = KINEMATICS[name], load_task("reach_near").goal.box
    home = kinematics.home_position_rad
    rotation = kinematics.tcp_pose(home)[1]
    for goal in itertools.product(*np.linspace(box.min_m, box.max_m, 3).T):
        q = kinematics.inverse(np.array(goal), rotation, home)
        assert (q > kinematics.position_min_rad + 0.05).all()
        assert (q < kinematics.position_max_rad - 0.05).all()
        assert condition_number(kinematics.jacobian(q)) < 17.0  # where motion slows


def test_the_xarms_flange_is_where_its_maker_says_with_all_joints_at_zero():
    position, rotation = KINEMATICS["xarm7"].tcp_pose(np.zeros(7))
    np.testing.assert_allclose(position, [0.206, 0.0, 0.1205 - 0.172], atol=1e-12)
    np.testing.assert_allclose(rotation, np.diag([1.0, -1.0, -1.0]), atol=1e-12)


@pytest.mark.parametrize("name", ROBOTS)
def test_at_home_the_tool_points_down_inside_the_workspace(name):
    robot, kinematics = load_robot(name), KINEMATICS[name]
    position, rotation = kinematics.tcp_pose(kinematics.home_position_rad)
    box = robot.operation.workspace
    assert (position > box.min_m).all() and (position < box.max_m).all()
    np.testing.assert_allclose(rotation[:, 2], [0.0, 0.0, -1.0], atol=1e-3)


@settings(deadline=None)
@given(robots, shares)
def test_jacobian_is_the_derivative_of_the_pose(name, share):
    kinematics, step = KINEMATICS[name], 1e-6
    q = posture(kinematics, share)
    jacobian = kinematics.jacobian(q)
    assert jacobian.shape == (6, 7)
    for joint in range(7):
        ahead, behind = q.copy(), q.copy()
        ahead[joint] += step
        behind[joint] -= step
        (p1, r1), (p0, r0) = kinematics.tcp_pose(ahead), kinematics.tcp_pose(behind)
        np.testing.assert_allclose(jacobian[:3, joint], (p1 - p0) / (2 * step), atol=1e-8)
        np.testing.assert_allclose(jacobian[3:, joint], turn(r0, r1) / (2 * step), atol=1e-8)


@settings(deadline=None)
@given(robots, shares)
def test_tool_is_never_further_from_a_joint_axis_than_reach_says(name, share):
    kinematics = KINEMATICS[name]
    lever = np.linalg.norm(kinematics.jacobian(posture(kinematics, share))[:3], axis=0)
    assert (lever <= kinematics.reach_m + 1e-12).all()


@settings(max_examples=30, deadline=None)
@given(
    st.sampled_from(LONG_ARMS),
    st.tuples(st.floats(0.45, 0.6), st.floats(-0.2, 0.2), st.floats(0.12, 0.42)),
)
def test_inverse_finds_a_posture_within_limits(name, goal):
    kinematics = KINEMATICS[name]
    rotation = kinematics.tcp_pose(kinematics.home_position_rad)[1]
    q = kinematics.inverse(np.array(goal), rotation, kinematics.home_position_rad)
    position, found = kinematics.tcp_pose(q)
    assert np.linalg.norm(position - goal) <= 1e-5
    assert np.linalg.norm(turn(found, rotation)) <= 1e-4
    assert (q >= kinematics.position_min_rad).all() and (q <= kinematics.position_max_rad).all()


def test_a_pose_out_of_reach_says_by_how_much_it_was_missed():
    kinematics = KINEMATICS["panda"]
    with pytest.raises(InverseKinematicsError, match=r"missed by \d\.\d+ m"):
        kinematics.inverse(np.array([2.0, 0.0, 0.3]), np.eye(3), kinematics.home_position_rad)


def test_results_stay_what_they_were_after_the_next_call():
    kinematics = KINEMATICS["panda"]
    first = kinematics.tcp(kinematics.home_position_rad)
    kept = [array.copy() for array in first]
    kinematics.tcp(kinematics.home_position_rad + 0.3)
    for now, then in zip(first, kept, strict=True):
        np.testing.assert_array_equal(now, then)
