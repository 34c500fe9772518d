"""The real backend with the maker's real SDK, over TCP, against the stand-in."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from xarm_world import PORT, Heard, Move, connected, free_host, home_of, stand_in, until

from robot_learning.backends import BackendError, open_backend
from robot_learning.backends.xarm import WATCHDOG_PERIODS
from robot_learning.backends.xarm_gripper import PULSES_MAX, pulses_at, width_m
from robot_learning.hardware import JointPoint
from robot_learning.safety.limits import MotionLimits
from sim.xarm.controller import COLLISION, STOPPED, VELOCITY_MODE

TRACKING_ERROR_RAD = 0.005
HERE = Path(__file__).parent


def turn(robot, speed=0.1, seconds=60):
    """Joint 1 turns for so long, from home."""
    velocity = np.array([speed, 0, 0, 0, 0, 0, 0])
    return [
        JointPoint(float(t), home_of(robot) + t * velocity, velocity) for t in range(1, seconds)
    ]


def speed_of(box) -> float:
    return float(np.abs(box.controller.snapshot().velocity_rad_s).max())


def test_it_finds_the_arm_and_makes_it_ready_without_moving_it(robot, box):
    with connected(robot, box.address) as (backend, heard):
        now = box.controller.snapshot()
        assert now.enabled and now.mode == VELOCITY_MODE and backend.fault() == ""
        state = backend.read()
        np.testing.assert_allclose(state.position_rad, home_of(robot), atol=1e-6)
        assert not state.velocity_rad_s.any()
        assert abs(state.stamp_s - time.time()) < 60.0
        assert not box.controller.commands
    assert heard.faults == []
    assert box.controller.snapshot().state == STOPPED


def test_stamps_rise(robot, box):
    with connected(robot, box.address) as (_, heard):
        until(lambda: len(heard.states) > 5, "measurements")
    stamps = [state.stamp_s for state in heard.states]
    assert stamps == sorted(set(stamps))


def test_it_follows_a_jerk_limited_motion(robot, box):
    """Within TRACKING_ERROR_RAD, but for what velocities that came late on this machine cost."""
    home = home_of(robot)
    with connected(robot, box.address) as (backend, heard):
        move = Move(robot, home, home + np.array([0.2, 0.1, -0.2, 0.1, 0.2, -0.1, 0.2]))
        start_s, start_wall_s = time.monotonic(), time.time()
        errors = []
        while (from_s := time.monotonic() - start_s) < move.duration_s:
            backend.follow(move.points(from_s, 0.1), start_wall_s + from_s)
            now = box.controller.snapshot()
            errors.append(np.abs(now.position_rad - move.at(now.at_s - start_s)[0]).max())
            time.sleep(0.05)
        backend.stop()
        until(lambda: speed_of(box) == 0.0, "rest")
        end = box.controller.snapshot()
        assert backend.fault() == ""
    commands = list(box.controller.commands)
    period_s = 1.0 / robot.rates.command_hz
    gaps_s = np.diff([command.at_s for command in commands])
    allowed = TRACKING_ERROR_RAD + move.speed_max * np.maximum(gaps_s - period_s, 0.0).sum()
    assert max(errors) < allowed
    np.testing.assert_allclose(end.position_rad, move.at(move.duration_s)[0], atol=allowed)
    valid_s = WATCHDOG_PERIODS * period_s
    assert all(command.duration_s == pytest.approx(valid_s) for command in commands)
    fastest = np.abs([command.velocity_rad_s for command in commands]).max(axis=0)
    assert (fastest <= MotionLimits.from_robot(robot).velocity_rad_s).all()
    assert heard.faults == []


def test_stop_goes_to_the_end_of_what_is_followed_and_sends_a_last_zero(robot, box):
    with connected(robot, box.address) as (backend, _):
        backend.follow(turn(robot, seconds=3), 0.0)
        until(lambda: speed_of(box) > 0.05, "motion")
        backend.stop()
        assert not box.controller.commands[-1].velocity_rad_s.any()
        sent = len(box.controller.commands)
        time.sleep(0.3)
        assert len(box.controller.commands) == sent


def test_kill_9_of_the_process_that_streams_ends_the_motion_by_the_watchdog(
    robot, box, tmp_path_factory
):
    path = next(tmp_path_factory.getbasetemp().glob("robots*/xarm7_slow.yaml"))
    child = subprocess.Popen(
        [sys.executable, str(HERE / "streaming_process.py"), str(path), box.address],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert child.stdout is not None
        while (line := child.stdout.readline()) != "streaming\n":
            assert line, "the child ended"
        until(lambda: speed_of(box) > 0.05, "motion")
    finally:
        child.send_signal(signal.SIGKILL)
        child.communicate()
    until(lambda: speed_of(box) == 0.0, "rest")
    # The joints' motion is known in closed form: how far they went tells when they stopped.
    last = box.controller.commands[-1]
    period_s = 1.0 / robot.rates.command_hz
    assert last.duration_s == pytest.approx(WATCHDOG_PERIODS * period_s)
    time.sleep(0.2)
    rest = box.controller.snapshot()
    assert not rest.velocity_rad_s.any() and rest.error == 0


def test_the_joints_rest_no_later_than_duration_and_braking_after_the_last_velocity(robot, box):
    with connected(robot, box.address) as (backend, _):
        backend.follow(turn(robot), 0.0)
        until(lambda: speed_of(box) > 0.05, "motion")
        box.controller.go_deaf()  # nothing that is sent arrives any more
        last = box.controller.commands[-1]
        brake_s = last.velocity_rad_s.max() / box.controller.kind.acceleration_max_rad_s2
        until(
            lambda: time.monotonic() > last.at_s + last.duration_s + brake_s, "the watchdog's time"
        )
        assert speed_of(box) == 0.0
        until(backend.fault, "a fault")
        assert "does not" in backend.fault()


@pytest.mark.parametrize("moving", [False, True])
def test_an_error_of_the_controller_is_a_fault_that_names_it(robot, box, moving):
    with connected(robot, box.address) as (backend, heard):
        if moving:
            backend.follow(turn(robot), 0.0)
            until(lambda: speed_of(box) > 0.05, "motion")
        box.controller.fail(COLLISION)
        until(backend.fault, "a fault")
        assert "C31" in backend.fault() and "Collision" in backend.fault()
        until(lambda: heard.faults, "word of it")
        assert heard.faults == [backend.fault()]
        sent = len(box.controller.commands)
        backend.follow(turn(robot), 0.0)  # nothing is followed while it holds
        time.sleep(0.3)
        assert len(box.controller.commands) == sent and speed_of(box) == 0.0

        backend.clear()
        until(lambda: backend.fault() == "", "it to be cleared")
        assert box.controller.snapshot().error == 0
        time.sleep(0.3)
        assert len(box.controller.commands) == sent  # clearing resumes nothing
        backend.follow(turn(robot), 0.0)
        until(lambda: speed_of(box) > 0.05, "motion")


def test_an_error_that_is_there_from_the_start_is_not_cleared_by_connecting(robot, box):
    box.controller.fail(COLLISION)
    with connected(robot, box.address) as (backend, _):
        assert "C31" in backend.fault()
        assert box.controller.snapshot().error == COLLISION


def test_the_emergency_stop_is_named_and_holds_while_the_button_is_in(robot, box):
    with connected(robot, box.address) as (backend, heard):
        backend.follow(turn(robot), 0.0)
        until(lambda: speed_of(box) > 0.05, "motion")
        box.controller.press_emergency_stop()
        until(backend.fault, "a fault")
        assert "C1: The Emergency Stop Button" in backend.fault()
        backend.clear()
        until(lambda: len(heard.faults) == 2, "the same fault again")
        assert "C1:" in backend.fault() and speed_of(box) == 0.0
        box.controller.release_emergency_stop()
        backend.clear()
        until(lambda: backend.fault() == "", "it to be cleared")


def test_a_stop_by_somebody_else_is_a_fault(robot, box):
    with connected(robot, box.address) as (backend, _):
        backend.follow(turn(robot), 0.0)
        until(lambda: speed_of(box) > 0.05, "motion")
        box.controller.stop_from_studio()
        until(backend.fault, "a fault")
        assert "stopped (state 4)" in backend.fault()


def test_a_lost_connection_is_a_fault_and_is_made_anew_when_it_is_cleared(robot, box):
    with connected(robot, box.address) as (backend, _):
        backend.follow(turn(robot), 0.0)
        until(lambda: speed_of(box) > 0.05, "motion")
        box.drop_clients()
        until(backend.fault, "a fault")
        assert "connection" in backend.fault() and "lost" in backend.fault()
        until(lambda: speed_of(box) == 0.0, "rest")
        backend.clear()
        until(lambda: backend.fault() == "", "a new connection")
        before = backend.read()
        until(lambda: backend.read() is not before, "a measurement")


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ({"axes": 6, "kind": 6}, r"drives an arm of 6 joints .*contract xarm7 is for 7 joints"),
        ({"kind": 13}, r"type 13\); contract xarm7"),
        ({"firmware": "1.7.9"}, r"has firmware 1\.7\.9; at least 1\.9\.0 is needed"),
    ],
)
def test_another_arm_is_refused_and_left_alone(robot, kind, says):
    with stand_in(robot, **kind) as box:
        with pytest.raises(BackendError, match=says):
            open_backend("xarm", robot, box.address).connect(Heard())
        assert not box.controller.snapshot().enabled


def test_nobody_at_the_address_is_one_clear_line(robot):
    address = f"{free_host()}:{PORT}"
    with pytest.raises(BackendError, match=r"no xArm controller answers at 127.*refused") as error:
        open_backend("xarm", robot, address).connect(Heard())
    assert "\n" not in str(error.value)


def test_somebody_else_at_the_address_is_one_clear_line(robot):
    host = free_host()
    with (
        socket.create_server((host, PORT)),  # takes connections, and says nothing
        pytest.raises(BackendError, match="does not answer as an xArm controller"),
    ):
        open_backend("xarm", robot, f"{host}:{PORT}").connect(Heard())


@pytest.mark.parametrize(
    "address", ["", "xarm", "192.168.1", "1.2.3.4:x", "1.2.3.4:0", "/dev/ttyUSB0"]
)
def test_what_is_no_address_is_refused(robot, address):
    with pytest.raises(BackendError, match="is not that of an xArm controller"):
        open_backend("xarm", robot, address)


def test_an_unknown_backend_lists_the_known_ones(robot):
    with pytest.raises(BackendError, match="no backend is called 'franka'; known: xarm"):
        open_backend("franka", robot, "1.2.3.4")


def test_the_gripper_goes_where_it_is_told_and_says_where_it_is(robot, box):
    with connected(robot, box.address) as (backend, _):
        assert backend.read().gripper_width_m == pytest.approx(0.084, abs=5e-4)
        backend.set_gripper(0.02, None)
        until(lambda: abs(backend.read().gripper_width_m - 0.02) < 1e-3, "the width")
        box.controller.gripper.stop_at = pulses_at(0.01)
        backend.set_gripper(-1.0, 1000.0)
        until(lambda: abs(backend.read().gripper_width_m - 0.01) < 1e-3, "an object in between")


def test_a_gripper_that_is_not_there_is_refused(robot, box):
    box.controller.gripper.plugged = False
    with pytest.raises(BackendError, match=r"gripper .* does not answer"):
        open_backend("xarm", robot, box.address).connect(Heard())


def test_a_gripper_that_is_pulled_off_is_a_fault(robot, box):
    with connected(robot, box.address) as (backend, _):
        box.controller.gripper.plugged = False
        until(backend.fault, "a fault")
        assert "xArm gripper" in backend.fault()
        box.controller.gripper.plugged = True
        backend.clear()
        until(lambda: backend.fault() == "", "it to be cleared")


def test_widths_and_pulses_are_each_others_inverse_and_end_where_the_maker_says():
    assert width_m(PULSES_MAX) == pytest.approx(0.084, abs=5e-4)
    assert width_m(0) == pytest.approx(0.0, abs=5e-4)
    for pulses in range(0, PULSES_MAX + 1, 10):
        assert abs(pulses_at(width_m(pulses)) - pulses) <= 1
