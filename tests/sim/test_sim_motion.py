from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from robot_learning.contract import load_contract
from robot_learning.hardware import JointPoint


def sway(start: np.ndarray, time: float) -> JointPoint:
    """Joint motion with which the tool moves at up to about 0.25 m/s."""
    size = np.array([0.10, -0.06, 0.06, 0.08, 0.1, 0.1, 0.2])
    rate = 2.0
    return JointPoint(
        time,
        start + size * np.sin(rate * time) ** 2,
        size * rate * np.sin(2 * rate * time),
    )


@pytest.mark.parametrize("name", ["panda", "fr3", "iiwa7", "xarm7", "gen3"])
def test_the_arm_tracks_the_reference_closely_at_reduced_speed(opened, home, name):
    contract = load_contract(name)
    hardware, start = opened(contract), home(contract)
    speeds, errors = [], []
    before = hardware.robot.tcp_pose()[:3, 3]
    for period in range(40):
        now = 0.05 * period
        points = [sway(start, now + 0.01 * k) for k in range(1, 6)]
        for k, point in enumerate(points):
            points[k] = replace(point, time_from_start_s=0.01 * (k + 1))
        hardware.write_joint_trajectory(points)
        for _ in range(12):
            hardware.step(1 / 240)
            state = hardware.read_state()
            errors.append(state.position_rad - sway(start, state.stamp_s).position_rad)
            after = hardware.robot.tcp_pose()[:3, 3]
            speeds.append(np.linalg.norm(after - before) * 240)
            before = after
    assert 0.2 < max(speeds) < 0.35
    assert np.abs(errors).max() < 1e-3


def test_a_trajectory_replaces_the_one_before(opened, panda, home, glide):
    hardware, start = opened(panda), home(panda)
    hardware.write_joint_trajectory(glide(start, np.full(7, 0.4), 100))
    hardware.step(0.1)
    hardware.write_joint_trajectory([JointPoint(0.5, start, np.zeros(7))])
    hardware.step(1.0)
    np.testing.assert_allclose(hardware.read_state().position_rad, start, atol=1e-4)


def test_past_the_last_point_the_arm_holds_it(opened, panda, home):
    hardware, target = opened(panda), home(panda) + 0.1
    hardware.write_joint_trajectory([JointPoint(0.5, target, np.zeros(7))])
    hardware.step(0.7)
    np.testing.assert_allclose(hardware.read_state().position_rad, target, atol=1e-4)
    hardware.step(2.0)
    np.testing.assert_allclose(hardware.read_state().position_rad, target, atol=1e-4)
    assert np.abs(hardware.read_state().velocity_rad_s).max() < 1e-3


def test_a_command_takes_effect_after_the_control_delay(
    opened, panda, home, glide, with_simulation
):
    prompt = opened(panda)
    late = opened(with_simulation(panda, control_delay_s=0.025))  # six physics steps
    trace: dict[str, list[np.ndarray]] = {"prompt": [], "late": []}
    for name, hardware in (("prompt", prompt), ("late", late)):
        hardware.write_joint_trajectory(glide(home(panda), np.full(7, 0.5), 20))
        for _ in range(40):
            hardware.step(1 / 240)
            trace[name].append(hardware.read_state().position_rad)
    assert np.abs(np.array(trace["late"][:6]) - home(panda)).max() < 1e-4
    np.testing.assert_allclose(trace["late"][6:], trace["prompt"][:-6], atol=1e-4)


def test_references_beyond_position_limits_end_at_the_limit(opened, panda, home):
    hardware, target = opened(panda), home(panda)
    target[0] = 4.0
    hardware.write_joint_trajectory([JointPoint(3.0, target, np.zeros(7))])
    hardware.step(4.0)
    limit = panda.robot.arm.joints[0].position_max_rad
    assert hardware.read_state().position_rad[0] == pytest.approx(limit, abs=1e-3)


def test_references_faster_than_the_velocity_limits_are_slowed(opened, panda, home):
    hardware, target = opened(panda), home(panda)
    target[0] += 1.0
    hardware.write_joint_trajectory([JointPoint(0.01, target, np.zeros(7))])
    limit = panda.robot.arm.joints[0].velocity_max_rad_s
    fastest = 0.0
    for _ in range(200):
        hardware.step(1 / 240)
        fastest = max(fastest, abs(hardware.read_state().velocity_rad_s[0]))
    assert 0.8 * limit < fastest < 1.02 * limit
    assert hardware.read_state().position_rad[0] == pytest.approx(target[0], abs=1e-3)


@pytest.mark.parametrize("bad", [np.full(7, np.nan), np.full(7, np.inf), np.zeros(6)])
def test_a_bad_trajectory_never_reaches_physics(opened, panda, home, bad):
    hardware = opened(panda)
    with pytest.raises(ValueError, match="joint trajectory, point 0"):
        hardware.write_joint_trajectory([JointPoint(0.1, bad, np.zeros(7))])
    hardware.step(0.5)
    np.testing.assert_allclose(hardware.read_state().position_rad, home(panda), atol=1e-4)


def test_pressing_on_the_table_is_felt_and_stops_the_hand(opened, panda, home):
    hardware = opened(panda)
    target = home(panda)
    target[1] += 0.9  # shoulder forward: the hand goes down, through the table if it could
    hardware.write_joint_trajectory([JointPoint(3.0, target, np.zeros(7))])
    wrenches = []
    for _ in range(80):
        hardware.step(0.05)
        wrenches.append(hardware.read_state().wrench)
    assert not np.array(wrenches[:5]).any()
    assert wrenches[-1][2] > 20.0  # the table pushes up
    assert hardware.robot.tcp_pose()[2, 3] > -0.02
    efforts = np.abs(hardware.read_state().effort_nm)
    limits = [joint.effort_max_nm for joint in panda.robot.arm.joints]
    assert (efforts <= np.array(limits) * 1.001).all()
