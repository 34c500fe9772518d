"""What ends in a latched stop, what only in rest; named after what happened to others."""

import dataclasses

import numpy as np
import pytest
from gate_world import World, state_at

from robot_learning.control.motion import JointTarget, Motion
from robot_learning.safety.gate import REFUSALS_MAX
from robot_learning.safety.state_machine import SafetyError, SafetyMode

FORWARD = JointTarget(velocity_rad_s=np.array([0.3, 0.1, 0.0, 0.1, 0.0, 0.0, 0.0]))


@pytest.fixture
def world():
    made = World()
    made.arm()
    for _ in range(15):
        made.tick(FORWARD)
    assert made.gate.machine.mode is SafetyMode.ARMED and not made.gate.at_rest
    return made


def stops_with(world, cause):
    """The arm is stopping for this cause, comes to rest in time, and the fault is latched."""
    assert world.gate.machine.mode is SafetyMode.STOPPING
    assert cause in world.gate.machine.reason
    assert world.rest_time_s() <= world.contract.robot.rates.stop_time_max_s
    assert world.gate.machine.mode is SafetyMode.FAULT
    assert cause in world.gate.machine.reason
    place = world.position
    for _ in range(20):
        output = world.tick(FORWARD)
        assert not output.send
    np.testing.assert_array_equal(world.position, place)
    return True


def test_silent_state_stream_stops_the_arm(world):
    rates = world.contract.robot.rates
    silent_s = 0.0
    while world.gate.machine.mode is SafetyMode.ARMED:
        world.tick(FORWARD, state=None)
        silent_s += world.period_s
    assert rates.state_age_max_s < silent_s <= rates.state_age_max_s + 1.5 * world.period_s
    assert stops_with(world, "robot state is stale")


def test_watchdog_counts_receipt_not_stamps(world):
    # moveit2#772: the timeout compared stamps; without simulated time it never fired.
    stuck = world.state()
    future = dataclasses.replace(stuck, stamp_s=1e9)
    world.tick(FORWARD, state=future)
    for _ in range(8):
        world.tick(FORWARD, state=future)
    assert stops_with(world, "robot state is stale")


def test_a_stuck_state_stream_ages_like_a_silent_one(world):
    stuck = world.state()
    for _ in range(8):
        world.tick(FORWARD, state=stuck)
    assert stops_with(world, "robot state is stale")


def test_a_late_delivered_state_has_its_age_from_receipt(world):
    received = world.now_s
    for _ in range(8):
        world.now_s += world.period_s
        world.gate.step(world.now_s, world.state(), FORWARD, received_s=received)
    world.tick(state=None)
    assert "stale" in world.gate.machine.reason


@pytest.mark.parametrize("field", ["position_rad", "velocity_rad_s", "wrench"])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_one_state_that_is_not_finite_stops_the_arm(world, field, bad):
    # ros2_controllers#2587: max(0, NaN) = 0 let a NaN state fill the stop trajectory in silence.
    state = world.state()
    array = getattr(state, field).copy()
    array[2] = bad
    world.tick(FORWARD, state=dataclasses.replace(state, **{field: array}))
    assert stops_with(world, field)


@pytest.mark.parametrize("length", [0, 6, 8])
def test_a_state_of_the_wrong_length_stops_the_arm(world, length):
    world.tick(FORWARD, state=dataclasses.replace(world.state(), position_rad=np.zeros(length)))
    assert stops_with(world, "position_rad is not 7 finite numbers")


def test_an_arm_that_does_not_follow_stops(world):
    blocked, noise = world.position.copy(), np.random.default_rng(0)
    for _ in range(200):
        measured = blocked + 1e-6 * noise.standard_normal(7)  # as encoders do
        world.tick(FORWARD, state=state_at(measured, 1e6 + world.now_s))
        if world.gate.machine.mode is not SafetyMode.ARMED:
            break
    assert stops_with(world, "joint 1 is")


def test_a_push_beyond_the_force_limit_stops_the_arm(world):
    limit = world.contract.robot.operation.external_force_max_n
    wrench = np.array([0.0, limit + 1.0, 0.0, 0.0, 0.0, 0.0])
    world.tick(FORWARD, state=dataclasses.replace(world.state(), wrench=wrench))
    assert stops_with(world, "external force 41.0 N is above 40.0 N")


@pytest.mark.parametrize("jump_s", [-3600.0, -0.05, -0.01])
def test_a_clock_that_jumps_back_stops_the_arm(world, jump_s):
    world.tick(FORWARD, dt_s=jump_s)
    assert stops_with(world, "clock did not advance")


def test_a_clock_that_is_nan_stops_the_arm(world):
    world.tick(FORWARD, now_s=float("nan"))
    assert stops_with(world, "clock did not advance")


def test_a_stalled_loop_stops_the_arm_along_the_stop_that_was_on_the_wire(world):
    wire = world.gate.stop_points(0.05)
    world.tick(FORWARD, dt_s=5.0)
    assert world.gate.machine.mode is SafetyMode.FAULT
    assert "stalled for 5.0" in world.gate.machine.reason
    np.testing.assert_allclose(world.position, wire[-1].position_rad, atol=1e-12)


def test_an_hour_ahead_is_a_stall_too(world):
    world.tick(FORWARD, dt_s=3600.0)
    assert world.gate.machine.mode is SafetyMode.FAULT


def test_a_late_tick_goes_on_and_is_counted(world):
    world.tick(FORWARD, dt_s=0.028)
    assert world.gate.machine.mode is SafetyMode.ARMED
    assert world.gate.limit_counts["late"] == 1


def test_without_a_target_the_arm_rests_and_stays_armed(world):
    # ros_controllers#363: a velocity controller went on after its publisher had died.
    assert world.rest_time_s() <= world.contract.robot.rates.stop_time_max_s
    assert world.gate.machine.mode is SafetyMode.ARMED


def test_the_stop_on_the_wire_ends_at_rest_and_starts_at_the_newest_point(world):
    points = world.gate.stop_points(0.05)
    assert points[0].time_from_start_s > 0.0
    assert (np.diff([p.time_from_start_s for p in points]) > 0.0).all()
    np.testing.assert_array_equal(points[-1].velocity_rad_s, np.zeros(7))
    world.rest_time_s()
    np.testing.assert_allclose(world.position, points[-1].position_rad, atol=1e-12)
    assert world.gate.stop_points(0.05) == []


def test_five_refused_targets_in_a_row_latch_a_fault(world):
    bad = JointTarget(velocity_rad_s=np.full(7, np.nan))
    for _ in range(REFUSALS_MAX - 1):
        output = world.tick(bad)
        assert "target_refused" in output.limits and not output.followed
    assert world.gate.machine.mode is SafetyMode.ARMED
    world.tick(bad)
    assert world.gate.refused_count == REFUSALS_MAX
    assert "target_refused" in world.gate.machine.reason


def test_estop_brings_a_controlled_stop_in_every_mode_and_is_latched(world):
    world.gate.estop("pressed")
    assert world.gate.machine.mode is SafetyMode.ESTOP
    assert world.tick(FORWARD).send  # the stop itself goes out
    assert world.rest_time_s() <= world.contract.robot.rates.stop_time_max_s
    assert world.gate.machine.mode is SafetyMode.ESTOP
    assert not world.tick(FORWARD).send


def test_reset_is_refused_until_the_stream_is_healthy_and_never_moves(world):
    world.gate.fault("test")
    world.rest_time_s()
    world.tick(state=dataclasses.replace(world.state(), position_rad=np.full(7, np.nan)))
    with pytest.raises(SafetyError, match="position_rad"):
        world.gate.reset(world.now_s)
    world.velocity = np.full(7, 0.2)
    world.tick(state=world.state())
    with pytest.raises(SafetyError, match="moves"):
        world.gate.reset(world.now_s)
    world.velocity = np.zeros(7)
    world.tick()
    world.gate.reset(world.now_s)
    place = world.position
    for _ in range(5):
        assert not world.tick(FORWARD).send
    np.testing.assert_array_equal(world.position, place)
    assert world.gate.machine.mode is SafetyMode.DISARMED


def test_arming_reseeds_from_the_measured_state(world):
    # moveit2#1885, #1904: after a pause the arm jumped back to the last commanded pose.
    world.gate.disarm("pause")
    world.rest_time_s()
    world.position = world.position + 0.3  # a person moved it
    world.tick(state=world.state())
    pushed = world.kinematics.home_position_rad + 0.1
    world.position = pushed
    world.arm()
    np.testing.assert_array_equal(world.gate.motion.position, pushed)
    first = world.tick(FORWARD).motion
    assert (np.abs(first.position - pushed) < 1e-3).all()  # RVD#721: no jump to a first point


def test_arming_is_refused_for_a_moving_arm_or_a_bad_state():
    world = World()
    world.velocity = np.full(7, 0.2)
    with pytest.raises(SafetyError, match="moves"):
        world.arm()
    world.velocity = np.full(7, np.nan)
    with pytest.raises(SafetyError, match="velocity_rad_s"):
        world.arm()
    assert world.gate.machine.mode is SafetyMode.DISARMED


def test_a_robot_that_restarted_its_stamps_can_be_armed_again(world):
    world.gate.estop("sim died")
    world.rest_time_s()
    world.stamps = 0
    world.tick()
    world.gate.reset(world.now_s)
    world.arm()
    assert world.gate.machine.mode is SafetyMode.ARMED


def test_disarmed_gate_sends_nothing():
    world = World()
    for _ in range(3):
        output = world.tick(FORWARD)
        assert output.motion is None and not output.send


def test_limits_of_exactly_zero_stop_everything_they_limit():
    world = World()
    gate = world.gate
    zero = dataclasses.replace(gate.limits, tcp_speed_m_s=0.0)
    world.gate._envelope = type(gate._envelope)(zero, world.kinematics)
    world.arm()
    for _ in range(20):
        assert world.tick(FORWARD).limits == ("tcp_speed",)
    np.testing.assert_array_equal(world.position, world.kinematics.home_position_rad)


def test_a_planner_that_jumps_is_not_believed(world):
    before = world.gate.motion
    leap = Motion(before.position + 0.01, before.velocity, before.acceleration)
    world.gate._stream.next = lambda *_: leap
    output = world.tick(FORWARD)
    assert not output.followed and output.limits == ("joint_jerk",)
