from __future__ import annotations

import math

import pybullet
import pytest


def test_fingers_close_at_no_more_than_the_contracts_speed_and_stay_mirrored(opened, panda):
    hardware = opened(panda)
    hardware.write_gripper(0.01, 20.0)
    fastest = 0.0
    for _ in range(300):
        hardware.step(1 / 240)
        fastest = max(fastest, abs(hardware.read_state().gripper_speed_m_s))
        left, right = hardware.robot.finger_travel_m()
        assert left == pytest.approx(right, abs=2e-4)
    assert hardware.read_state().gripper_width_m == pytest.approx(0.01, abs=5e-4)
    limit = panda.robot.gripper.speed_max_m_s
    assert 0.8 * limit < fastest < 1.05 * limit


@pytest.mark.parametrize(("asked", "got"), [(-1.0, 0.0), (5.0, 0.08)])
def test_widths_beyond_the_contracts_end_at_the_limit(opened, panda, asked, got):
    hardware = opened(panda)
    hardware.write_gripper(0.04, 20.0)
    hardware.step(1.0)
    hardware.write_gripper(asked, 1e9)
    hardware.step(2.0)
    assert hardware.read_state().gripper_width_m == pytest.approx(got, abs=5e-4)


def test_a_grasped_box_is_held_with_the_asked_force_off_centre_too(opened, panda):
    hardware = opened(panda)
    client = hardware._client
    tcp = hardware.robot.tcp_pose()
    size = (0.015, 0.02, 0.015)
    shape = pybullet.createCollisionShape(
        pybullet.GEOM_BOX, halfExtents=size, physicsClientId=client
    )
    # 5 mm beside the middle, turned as the hand is: one finger arrives first.
    centre = tcp[:3, 3] + 0.005 * tcp[:3, 1]
    turn = pybullet.getLinkState(hardware.robot.body, hardware.robot._hand, physicsClientId=client)[
        5
    ]
    box = pybullet.createMultiBody(0.1, shape, -1, centre, turn, physicsClientId=client)
    pybullet.setGravity(0.0, 0.0, 0.0, physicsClientId=client)
    hardware.write_gripper(0.0, 15.0)
    hardware.step(1.5)
    state = hardware.read_state()
    assert state.gripper_width_m == pytest.approx(0.04, abs=2e-3)
    assert state.gripper_force_n == pytest.approx(15.0, rel=0.1)
    left, right = hardware.robot.finger_travel_m()
    assert left == pytest.approx(right, abs=1e-3)
    assert pybullet.getContactPoints(bodyA=hardware.robot.body, bodyB=box, physicsClientId=client)


@pytest.mark.parametrize(("width", "force"), [(math.nan, 1.0), (0.01, math.inf)])
def test_a_target_that_is_not_finite_is_refused(opened, panda, width, force):
    hardware = opened(panda)
    with pytest.raises(ValueError, match="not finite"):
        hardware.write_gripper(width, force)
    hardware.step(0.5)
    assert hardware.read_state().gripper_width_m == pytest.approx(0.08, abs=5e-4)


def test_the_gripper_waits_for_the_control_delay(opened, panda, with_simulation):
    hardware = opened(with_simulation(panda, control_delay_s=0.1))
    hardware.write_gripper(0.0, 20.0)
    hardware.step(0.09)
    assert hardware.read_state().gripper_width_m == pytest.approx(0.08, abs=1e-4)
    hardware.step(1.5)
    assert hardware.read_state().gripper_width_m == pytest.approx(0.0, abs=1e-3)
