"""A gripper's width and its joints: the same to the left and to the right of the wire."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from robot_learning.contract import load_robot
from robot_learning.kinematics.gripper_joints import GripperJoints

ROBOTS = ("panda", "xarm7", "gen3")
GRIPPERS = {name: load_robot(name).gripper for name in ROBOTS}
JOINTS = {name: GripperJoints(gripper) for name, gripper in GRIPPERS.items()}
robots = st.sampled_from(ROBOTS)
shares = st.floats(0.0, 1.0)
# Origins of the maker's URDF (ros2_robotiq_gripper, robotiq_2f_85_macro.urdf.xacro), x and z (m):
# knuckle joint in the base, finger in the knuckle, fingertip joint in the finger.
KNUCKLE, FINGER = np.array([0.03060114, 0.05490452]), np.array([0.03152616, -0.00376347])
FINGERTIP = np.array([0.00563134, 0.04718515])
PAD_M = -0.0253
"""Of the pad's face from the fingertip's joint, along x: the farthest vertex of its mesh."""


def width_by_urdf(angle: float) -> float:
    """Twice the pad's distance from the middle: the knuckle turns, the fingertip turns back."""
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    tip = KNUCKLE + turn @ (FINGER + FINGERTIP)
    return 2.0 * float(tip[0] + PAD_M)


@given(st.floats(0.0, 0.8))
def test_the_2f_85_opens_as_its_makers_urdf_says(angle: float) -> None:
    assert JOINTS["gen3"].width_m([angle]) == pytest.approx(width_by_urdf(angle), abs=2e-4)


def test_the_2f_85_is_open_at_0_and_closed_where_its_driver_says() -> None:
    joints = JOINTS["gen3"]
    assert joints.width_m([0.0]) == pytest.approx(0.085)
    assert joints.positions(0.085) == pytest.approx([0.0], abs=1e-9)
    assert 0.79 < joints.positions(0.0)[0] < 0.81
    assert joints.width_m([0.81]) == 0.0  # ros2_kortex's most


@given(robots, shares)
def test_a_width_comes_back_from_its_joints(robot: str, share: float) -> None:
    width = share * GRIPPERS[robot].width_max_m
    assert JOINTS[robot].width_m(JOINTS[robot].positions(width)) == pytest.approx(width, abs=1e-9)


@given(st.floats(-0.1, 0.7), st.floats(1e-3, 0.1))
def test_a_knuckle_that_turns_further_closes_further(angle: float, more: float) -> None:
    assert JOINTS["gen3"].width_m([angle + more]) < JOINTS["gen3"].width_m([angle])


@given(robots, st.floats(allow_nan=False, width=32))
def test_no_width_asks_for_more_than_there_is(robot: str, width: float) -> None:
    at = JOINTS[robot].width_m(JOINTS[robot].positions(width))
    assert -1e-9 <= at <= GRIPPERS[robot].width_max_m + 1e-9


@settings(deadline=None)
@given(robots, st.floats(0.01, 0.99), st.floats(-0.1, 0.1), st.floats(0.0, 100.0))
def test_speeds_and_forces_come_back_too_and_are_of_that_motion(
    robot: str, share: float, speed: float, force: float
) -> None:
    joints, width = JOINTS[robot], share * GRIPPERS[robot].width_max_m
    positions, velocities = joints.positions(width), joints.velocities(width, speed)
    assert joints.speed_m_s(positions, velocities) == pytest.approx(speed, abs=1e-12)
    step = 1e-6
    went = joints.width_m(positions + step * velocities) - joints.width_m(positions)
    assert went / step == pytest.approx(speed, abs=1e-5)
    efforts = joints.efforts(width, force)
    assert joints.force_n(positions, efforts) == pytest.approx(force, abs=1e-9)
    # Without friction the joints' work is the fingers' work.
    work = float(np.abs(efforts) @ np.abs(velocities))
    assert work == pytest.approx(force * abs(speed), abs=1e-9)
