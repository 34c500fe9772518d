"""A held lift: the hand is high, the fingers are apart, and the bin no longer looks the same."""

from __future__ import annotations

import numpy as np
import pytest

from robot_learning.contract import load_contract
from robot_learning.hardware import RobotState
from robot_learning.kinematics import ArmKinematics
from robot_learning.perception.geometry import PictureGeometry
from robot_learning.rewards.lift import LiftJudge

CONTRACT = load_contract("panda", "bin_grasp")
KINEMATICS = ArmKinematics(CONTRACT.robot.arm)
HOME, DOWN = KINEMATICS.home_position_rad, KINEMATICS.tcp_pose(KINEMATICS.home_position_rad)[1]
EMPTY = np.full((64, 64, 3), 90, np.uint8)


def state(height_m: float, width_m: float, closing_m_s: float = 0.0) -> RobotState:
    q = KINEMATICS.inverse(np.array([0.5, 0.0, height_m]), DOWN, HOME)
    return RobotState(0.0, q, np.zeros(7), np.zeros(7), width_m, -closing_m_s, 0.0, np.zeros(6))


def with_object(place=(0.40, -0.08, 0.03)) -> np.ndarray:
    """The empty bin's picture with a dark object in it."""
    picture = EMPTY.copy()
    geometry = PictureGeometry(CONTRACT.robot.cameras[0], CONTRACT.task.image)
    column, row = (round(float(value)) for value in geometry.project(place))
    picture[row - 2 : row + 3, column - 2 : column + 3] = 10
    return picture


@pytest.fixture
def judge() -> LiftJudge:
    made = LiftJudge(CONTRACT, KINEMATICS)
    made.begin(state(0.3, 0.08), with_object())
    return made


def test_all_three_together_are_a_success(judge):
    judged = judge.judge(state(0.2, 0.03), True, EMPTY)
    assert judged.high and judged.held and judged.changed > 0.01 and judged.success


@pytest.mark.parametrize(
    ("height_m", "width_m", "closed", "picture"),
    [
        pytest.param(0.10, 0.03, True, EMPTY, id="too low"),
        pytest.param(0.20, 0.001, True, EMPTY, id="fingers meet: nothing between them"),
        pytest.param(0.20, 0.08, True, EMPTY, id="fingers have not closed"),
        pytest.param(0.20, 0.03, False, EMPTY, id="the gripper was not told to close"),
        pytest.param(0.20, 0.03, True, with_object(), id="the bin looks as before"),
        pytest.param(0.20, float("nan"), True, EMPTY, id="no reading of the fingers"),
    ],
)
def test_two_of_three_are_not(judge, height_m, width_m, closed, picture):
    assert not judge.judge(state(height_m, width_m), closed, picture).success


def test_fingers_on_their_way_to_close_hold_nothing_yet(judge):
    assert not judge.judge(state(0.2, 0.03, closing_m_s=0.1), True, EMPTY).held


def test_what_the_hand_hides_and_what_is_beside_the_bin_does_not_count(judge):
    picture = with_object()
    picture[:8] = 255  # above the bin
    judged = judge.judge(state(0.2, 0.03), True, picture)
    assert judged.changed == 0.0
    geometry = PictureGeometry(CONTRACT.robot.cameras[0], CONTRACT.task.image)
    column, row = (round(float(value)) for value in geometry.project((0.5, 0.0, 0.2)))
    picture[row - 1 : row + 2, column - 1 : column + 2] = 255  # the fingers themselves
    assert judge.judge(state(0.2, 0.03), True, picture).changed == 0.0


def test_a_light_that_flickers_is_no_change(judge):
    assert judge.judge(state(0.2, 0.03), True, with_object() + np.uint8(15)).changed == 0.0


def test_nothing_is_judged_before_the_beginning():
    with pytest.raises(RuntimeError, match="before begin"):
        LiftJudge(CONTRACT, KINEMATICS).judge(state(0.2, 0.03), True, EMPTY)
