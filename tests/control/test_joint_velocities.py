"""Requests of joint velocities: followed joint by joint, within every limit, or refused."""

from __future__ import annotations

import numpy as np
import pytest
from controlled_arm import ControlledArm

from robot_learning.control.action import ActionKind
from robot_learning.safety.state_machine import SafetyMode

JOINTS = ActionKind.JOINT_VELOCITY


@pytest.fixture
def arm() -> ControlledArm:
    return ControlledArm().arm()


@pytest.mark.parametrize("joint", range(7))
def test_one_joint_moves_at_the_speed_that_was_asked_for(arm: ControlledArm, joint: int) -> None:
    wanted = np.zeros(7)
    wanted[joint] = 0.15
    for _ in range(6):
        done = arm.period(wanted, JOINTS)
    np.testing.assert_allclose(arm.velocity, wanted, atol=1e-6)
    np.testing.assert_array_equal(done.executed, wanted)
    assert done.limits == () and not done.refused


def test_faster_than_the_limit_is_the_limit_and_said(arm: ControlledArm) -> None:
    top = arm.controller.gate.limits.velocity_rad_s
    done = arm.period(np.full(7, 50.0), JOINTS)
    assert "action_range" in done.limits
    np.testing.assert_array_equal(done.requested, np.full(7, 50.0))
    np.testing.assert_array_equal(done.gated, top)


@pytest.mark.parametrize("wrong", [np.zeros(3), np.zeros(8), np.full(7, np.nan), None, "fast"])
def test_what_are_no_seven_numbers_is_refused(arm: ControlledArm, wrong: object) -> None:
    done = arm.period(wrong, JOINTS)
    assert done.refused and done.limits == ("action_malformed",)
    np.testing.assert_array_equal(done.executed, np.zeros(7))
    assert arm.controller.at_rest


def test_no_sequence_of_them_leaves_the_limits(arm: ControlledArm) -> None:
    rng = np.random.default_rng(0)
    limits = arm.controller.gate.limits
    top = limits.velocity_rad_s
    for _ in range(60):
        if arm.controller.mode is not SafetyMode.ARMED:
            break
        arm.period(rng.choice([-1.0, 1.0], 7) * top, JOINTS)
        assert (np.abs(arm.velocity) <= top + 1e-9).all()
        assert (arm.position >= limits.position_min_rad).all()
        assert (arm.position <= limits.position_max_rad).all()
    tools, speeds = np.array(arm.tools), np.array(arm.tool_velocities)
    assert (tools >= limits.box_min_m - 1e-6).all() and (tools <= limits.box_max_m + 1e-6).all()
    assert np.linalg.norm(speeds[:, :3], axis=1).max() <= limits.tcp_speed_m_s + 1e-6


def test_then_actions_of_the_tool_hold_the_orientation_that_came_of_it(arm: ControlledArm) -> None:
    wrist = np.zeros(7)
    wrist[6] = 0.3
    for _ in range(6):
        arm.period(wrist, JOINTS)
    arm.hold(6)
    turned = arm.kinematics.tcp_pose(arm.position)[1]
    for _ in range(6):
        arm.period(np.array([0.0, 0.5, 0.0]))
    np.testing.assert_allclose(arm.kinematics.tcp_pose(arm.position)[1], turned, atol=5e-3)


def test_doubt_slows_them_and_much_of_it_refuses(arm: ControlledArm) -> None:
    limits, wanted = arm.contract.robot.operation.doubt, np.full(7, 0.1)
    doubt = (limits.slow_above + limits.stop_above) / 2
    arm.controller.request(JOINTS, wanted, arm.state(), arm.now_s, doubt)
    arm.ticks(arm.contract.commands_per_action)
    slowed = arm.controller.executed_action()
    assert "doubt" in slowed.limits and (np.abs(slowed.gated) < wanted).all()
    arm.controller.request(JOINTS, wanted, arm.state(), arm.now_s, 2 * limits.stop_above)
    arm.ticks(arm.contract.commands_per_action)
    assert arm.controller.executed_action().refused
