"""The stand-in does what the maker's documents say of the real control box."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from xarm_world import PORT, free_host

from robot_learning.backends.xarm_sdk import open_arm, read_address
from sim.xarm.controller import COLLISION, READY, RECONFIGURED, STOPPED, XArmController
from sim.xarm.joints import VelocityJoints
from sim.xarm.server import XArmServer

ACCELERATION = 20.0
speeds = st.lists(st.floats(-3.0, 3.0), min_size=7, max_size=7).map(np.array)


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@given(
    st.lists(
        st.tuples(speeds, st.floats(-1.0, 0.3), st.booleans(), st.floats(0.0, 0.3)), max_size=10
    )
)
def test_joints_never_change_their_velocity_faster_than_they_can(commands):
    joints, now_s = VelocityJoints(np.zeros(7), ACCELERATION, 0.0), 0.0
    for velocity, duration_s, together, wait_s in commands:
        joints.command(velocity, now_s, duration_s, together=together)
        for part in range(1, 4):
            before, position = joints.velocity_rad_s, joints.position_rad
            step_s = wait_s / 3
            joints.advance(now_s + part * step_s)
            assert (np.abs(joints.velocity_rad_s - before) <= ACCELERATION * step_s + 1e-9).all()
            fastest = np.maximum(np.abs(before), np.abs(joints.velocity_rad_s)).max()
            fastest += ACCELERATION * step_s
            assert np.abs(joints.position_rad - position).max() <= fastest * step_s + 1e-9
        now_s += wait_s


@given(speeds, st.floats(0.01, 0.3), st.booleans())
def test_a_velocity_ends_by_itself_after_its_duration_and_the_way_does_not_depend_on_who_looks(
    velocity, duration_s, together
):
    often, once = (VelocityJoints(np.zeros(7), ACCELERATION, 0.0) for _ in range(2))
    for joints in (often, once):
        joints.command(velocity, 0.0, duration_s, together=together)
    end_s = duration_s + 3.0 / ACCELERATION + 0.1
    for now_s in np.linspace(0.0, end_s, 50):
        often.advance(float(now_s))
    once.advance(end_s)
    assert not once.velocity_rad_s.any()
    np.testing.assert_allclose(often.position_rad, once.position_rad, atol=1e-9)
    reach = np.abs(velocity) * duration_s + velocity**2 / (2 * ACCELERATION)
    assert (np.abs(once.position_rad) <= reach + 0.5 * 3.0**2 / ACCELERATION + 1e-9).all()


@pytest.mark.parametrize("duration_s", [0.0, -1.0])
def test_without_a_duration_a_velocity_holds_for_ever(duration_s):
    joints = VelocityJoints(np.zeros(7), ACCELERATION, 0.0)
    joints.command(np.full(7, 0.5), 0.0, duration_s, together=True)
    joints.advance(60.0)
    assert (joints.velocity_rad_s == 0.5).all()


def test_joints_that_move_together_arrive_together():
    joints = VelocityJoints(np.zeros(7), ACCELERATION, 0.0)
    joints.command(np.array([2.0, 1.0, 0, 0, 0, 0, 0]), 0.0, 1.0, together=True)
    joints.advance(0.05)
    assert joints.velocity_rad_s[:2].tolist() == pytest.approx([1.0, 0.5])


def box():
    return XArmController(np.zeros(7), clock=Clock())


def request(controller, register, *data):
    status, answer = controller.handle(register, bytes(data))
    return status, answer


def test_a_change_of_mode_needs_state_0_before_anything_moves():
    controller = box()
    request(controller, 11, 8, 1)
    request(controller, 19, 4, 0)
    assert controller.snapshot().state == RECONFIGURED
    assert request(controller, 13)[0] & 0x10  # cannot move
    request(controller, 12, 0)
    assert controller.snapshot().state == READY
    assert not request(controller, 13)[0] & 0x10


def test_an_error_stops_it_and_stays_until_it_is_cleared_and_the_state_set():
    controller = box()
    for register, *data in ((11, 8, 1), (19, 4, 0), (12, 0)):
        request(controller, register, *data)
    controller.fail(COLLISION)
    assert controller.snapshot().state == STOPPED
    status, answer = request(controller, 15)
    assert status & 0x40 and answer[0] == COLLISION
    request(controller, 12, 0)
    assert controller.snapshot().state == STOPPED
    request(controller, 16)
    request(controller, 12, 0)
    assert controller.snapshot().state == READY and controller.snapshot().error == 0


def test_the_emergency_stop_cannot_be_cleared_while_the_button_is_in():
    controller = box()
    controller.press_emergency_stop()
    request(controller, 16)
    request(controller, 11, 8, 1)
    now = controller.snapshot()
    assert now.error == 1 and not now.enabled
    controller.release_emergency_stop()
    request(controller, 16)
    request(controller, 11, 8, 1)
    assert controller.snapshot().enabled and controller.snapshot().error == 0


def test_a_request_that_is_too_short_is_refused_and_an_unknown_one_is_noted():
    controller = box()
    assert request(controller, 81, 1, 2, 3)[0] & 0x08
    assert request(controller, 99) == (0x10, b"")
    assert controller.unknown == {99}


def test_it_serves_nobody_but_this_machine():
    with pytest.raises(ValueError, match=r"192\.168\.1\.2 is no loopback address"):
        XArmServer(box(), "192.168.1.2", PORT)


def test_a_taken_port_is_one_line():
    host = free_host()
    with (
        XArmServer(box(), host, PORT),
        pytest.raises(OSError, match=rf"cannot listen at {host}, port {PORT}"),
    ):
        XArmServer(box(), host, PORT)


def test_the_makers_sdk_with_its_own_settings_finds_an_xarm_7():
    controller = XArmController(np.full(7, 0.25))
    with XArmServer(controller, free_host(), PORT) as server:
        open_arm(read_address(server.address), reports=False).disconnect()  # which sets the port
        from xarm.wrapper import XArmAPI

        arm = XArmAPI(server.address.split(":")[0], is_radian=True)  # report_type: rich
        try:
            assert (arm.axis, arm.version_number) == (7, (1, 12, 10))
            code, angles = arm.get_servo_angle()
            assert code == 0 and angles[:7] == pytest.approx([0.25] * 7)
            code, (position, velocity, effort) = arm.get_joint_states()
            assert code == 0 and position == pytest.approx([0.25] * 7)
            assert velocity == effort == [0.0] * 7
            assert not controller.unknown
        finally:
            arm.disconnect()


def test_as_a_process_it_says_where_it_listens_and_ends_when_interrupted():
    host = free_host()
    command = [sys.executable, "-m", "sim.xarm", "--host", host, "--port", str(PORT)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == f"listening at {host}:{PORT}; Ctrl-C ends it\n"
        socket.create_connection((host, PORT), timeout=10.0).close()
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60.0) == 130
    finally:
        process.kill()
        process.communicate()


def test_as_a_process_it_is_not_to_be_had_for_the_network():
    command = [sys.executable, "-m", "sim.xarm", "--host", "0.0.0.0"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert done.returncode == 2
    assert done.stderr == (
        "sim.xarm: 0.0.0.0 is no loopback address: the stand-in serves no network\n"
    )
