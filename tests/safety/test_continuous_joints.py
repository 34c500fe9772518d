"""Joints without stops, whose angles jump at half a turn: the arm never comes there."""

from __future__ import annotations

import math

import numpy as np
import pytest
from gate_world import World, state_at

from robot_learning.contract import load_contract
from robot_learning.control.motion import JointTarget
from robot_learning.safety.state_machine import SafetyMode
from robot_learning.safety.state_watch import StateWatch

CONTRACT = load_contract("gen3", "reach_near")
ROBOT = CONTRACT.robot
ENDLESS = [index for index, joint in enumerate(ROBOT.arm.joints) if joint.continuous]
HOME = np.array([joint.home_position_rad for joint in ROBOT.arm.joints])


def test_an_arm_is_a_fault_before_its_angle_can_jump() -> None:
    """Wherever the command may be, the arm behind or ahead of it is not yet at half a turn."""
    behind = StateWatch(ROBOT, CONTRACT.control_period_s).tracking_error_max_rad
    assert ENDLESS == [0, 2, 4, 6]
    for index in ENDLESS:
        furthest = ROBOT.arm.joints[index].position_max_rad - ROBOT.operation.position_margin_rad
        assert furthest + behind[index] < math.pi - 0.05


@pytest.mark.parametrize("way", [-1.0, 1.0])
def test_the_gate_ends_before_the_jump(way: float) -> None:
    world = World("gen3", contract=CONTRACT)
    world.arm()
    turn = np.zeros(7)
    turn[6] = way * 0.6
    for _ in range(900):
        world.tick(JointTarget(velocity_rad_s=turn))
    limit = ROBOT.arm.joints[6].position_max_rad - ROBOT.operation.position_margin_rad
    angles = np.array([position[6] for position, _ in world.points])
    assert np.abs(angles).max() <= limit + 1e-9
    assert way * angles[-1] > limit - 0.05  # it got there, and stays
    assert world.gate.machine.mode is SafetyMode.ARMED


@pytest.mark.parametrize("index", [0, 2, 4, 6])
def test_an_angle_that_jumps_nevertheless_is_a_fault(index: int) -> None:
    watch = StateWatch(ROBOT, CONTRACT.control_period_s)
    commanded = HOME.copy()
    commanded[index] = 2.9
    measured = commanded.copy()
    watch.update(state_at(measured, 1.0), 0.0, None)
    assert watch.problem(0.01, commanded) is None
    measured = commanded.copy()
    measured[index] -= math.tau  # what a driver says that wraps
    watch.update(state_at(measured, 2.0), 0.01, None)
    assert f"joint {index + 1} is 6.283 rad from its command" in str(watch.problem(0.02, commanded))
