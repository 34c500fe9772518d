import dataclasses

import numpy as np
import pytest

from robot_learning.contract import load_robot
from robot_learning.contract.base import Box
from robot_learning.contract.robot import RobotContract
from robot_learning.safety.limits import MotionLimits

ROBOTS = ("panda", "fr3", "iiwa7", "xarm7", "gen3")


@pytest.mark.parametrize("name", ROBOTS)
def test_operating_limits_lie_within_the_makers(name):
    robot = load_robot(name)
    limits = MotionLimits.from_robot(robot)
    for index, joint in enumerate(robot.arm.joints):
        assert limits.position_min_rad[index] > joint.position_min_rad
        assert limits.position_max_rad[index] < joint.position_max_rad
        assert 0.0 < limits.velocity_rad_s[index] <= joint.velocity_max_rad_s
        assert 0.0 < limits.acceleration_rad_s2[index] <= joint.acceleration_max_rad_s2
        assert 0.0 < limits.jerk_rad_s3[index] <= joint.jerk_max_rad_s3


@pytest.mark.parametrize("name", ROBOTS)
def test_the_contracts_stop_time_is_feasible_from_any_allowed_motion(name):
    robot = load_robot(name)
    assert MotionLimits.from_robot(robot).stop_time_s <= robot.rates.stop_time_max_s


def test_a_limit_of_zero_is_a_limit():
    # crisp_gym read `min_z or -inf`: a table height of 0.0 switched the box off.
    robot = load_robot("panda")
    box = Box(min_m=(0.25, -0.35, 0.0), max_m=(0.75, 0.0, 0.65))
    joint = robot.arm.joints[3].model_copy(update={"position_max_rad": 0.0})
    joints = (*robot.arm.joints[:3], joint, *robot.arm.joints[4:])
    changed = RobotContract.model_validate(
        robot.model_copy(
            update={
                "operation": robot.operation.model_copy(update={"workspace": box}),
                "arm": robot.arm.model_copy(update={"joints": joints}),
            }
        )
    )
    limits = MotionLimits.from_robot(changed)
    assert limits.box_min_m[2] == 0.0 and limits.box_max_m[1] == 0.0
    assert limits.position_max_rad[3] == -robot.operation.position_margin_rad


def test_limits_cannot_be_changed_in_place():
    limits = MotionLimits.from_robot(load_robot("panda"))
    with pytest.raises(dataclasses.FrozenInstanceError):
        limits.tcp_speed_m_s = 9.0  # type: ignore[misc]
    assert isinstance(limits.velocity_rad_s, np.ndarray)
