from dataclasses import replace

import numpy as np
import pytest
from ideal_arm import IdealArm

from robot_learning.contract import Contract, load_contract
from robot_learning.envs.observation import (
    Observer,
    field_slices,
    observation_range,
    observation_size,
    observe,
)
from robot_learning.kinematics import ArmKinematics


@pytest.mark.parametrize("robot", ["panda", "fr3", "iiwa7"])
def test_fields_stand_where_the_slices_say(robot):
    hardware = IdealArm(robot)
    contract, kinematics = hardware.contract, ArmKinematics(hardware.contract.robot.arm)
    hardware._velocity = np.linspace(-0.3, 0.3, 7)
    state = hardware.read_state()
    vector, at = observe(contract, kinematics, state), field_slices(contract)
    assert vector.shape == (observation_size(contract),) and vector.dtype == np.float64
    np.testing.assert_array_equal(vector[at["joint_position_rad"]], state.position_rad)
    np.testing.assert_array_equal(vector[at["joint_velocity_rad_s"]], state.velocity_rad_s)
    tool = kinematics.tcp_position(state.position_rad)
    np.testing.assert_array_equal(vector[at["tcp_position_m"]], tool)
    ahead = kinematics.tcp_position(state.position_rad + 1e-6 * state.velocity_rad_s)
    np.testing.assert_allclose(vector[at["tcp_velocity_m_s"]], (ahead - tool) / 1e-6, atol=1e-5)


@pytest.mark.parametrize("task", ["reach", "bin_grasp"])
@pytest.mark.parametrize("robot", ["panda", "fr3", "iiwa7"])
def test_an_arm_at_home_is_within_the_ranges_of_what_is_observed(robot, task):
    contract = load_contract(robot, task)
    low, high = observation_range(contract)
    at_home = observe(contract, ArmKinematics(contract.robot.arm), IdealArm(robot).read_state())
    assert low.shape == high.shape == (observation_size(contract),)
    assert (low < high).all() and (low <= at_home).all() and (at_home <= high).all()


def test_order_and_choice_of_fields_are_the_contracts():
    whole = load_contract()
    task = whole.task.model_copy(update={"observation": ("tcp_position_m", "joint_position_rad")})
    contract = Contract(robot=whole.robot, task=task)
    assert field_slices(contract) == {
        "tcp_position_m": slice(0, 3),
        "joint_position_rad": slice(3, 10),
    }
    state = IdealArm().read_state()
    vector = observe(contract, ArmKinematics(contract.robot.arm), state)
    np.testing.assert_array_equal(vector[3:], state.position_rad)


def test_observer_gives_the_same_numbers_as_float32():
    hardware = IdealArm()
    state = hardware.read_state()
    kinematics = ArmKinematics(hardware.contract.robot.arm)
    observation, achieved = Observer(hardware.contract).observe(state)
    assert observation.dtype == achieved.dtype == np.float32
    np.testing.assert_array_equal(
        observation, observe(hardware.contract, kinematics, state).astype(np.float32)
    )
    np.testing.assert_array_equal(
        achieved, kinematics.tcp_position(state.position_rad).astype(np.float32)
    )


@pytest.mark.parametrize("robot", ["panda", "fr3", "iiwa7"])
@pytest.mark.parametrize("turn_rad", [-0.9, 0.0, 0.4])
def test_a_tool_that_turns_about_the_vertical_changes_its_heading_by_as_much(robot, turn_rad):
    contract = load_contract(robot, "bin_grasp")
    kinematics, state = ArmKinematics(contract.robot.arm), IdealArm(robot).read_state()
    position, rotation = kinematics.tcp_pose(state.position_rad)
    cosine, sine = np.cos(turn_rad), np.sin(turn_rad)
    about_z = np.array([[cosine, -sine, 0.0], [sine, cosine, 0.0], [0.0, 0.0, 1.0]])
    turned = kinematics.inverse(position, about_z @ rotation, state.position_rad)
    vectors = [
        observe(contract, kinematics, replace(state, position_rad=q))[
            field_slices(contract)["tcp_heading"]
        ]
        for q in (state.position_rad, turned)
    ]
    np.testing.assert_allclose(vectors[1], about_z[:2, :2] @ vectors[0], atol=1e-3)


def test_fingers_are_observed_up_to_their_fastest_in_both_directions():
    contract = load_contract("panda", "bin_grasp")
    low, high = observation_range(contract)
    at = field_slices(contract)["gripper_speed_m_s"]
    fastest = contract.robot.gripper.speed_max_m_s
    assert (low[at], high[at]) == ([-fastest], [fastest])
    state = replace(IdealArm("panda").read_state(), gripper_speed_m_s=-0.03)
    assert observe(contract, ArmKinematics(contract.robot.arm), state)[at] == [-0.03]
