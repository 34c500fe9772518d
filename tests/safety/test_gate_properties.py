"""The safety gate's one promise: for any input whatever, the output obeys every limit."""

import contextlib

import numpy as np
import pytest
from gate_world import ROBOTS, World, contract_of, kinematics_of, measure, state_at
from hypothesis import given, settings
from hypothesis import strategies as st

from robot_learning.control.motion import JointTarget
from robot_learning.kinematics import InverseKinematicsError
from robot_learning.safety.state_machine import SafetyError, SafetyMode

any_float = st.floats() | st.sampled_from([0.0, -0.0, 1e308, -1e308, 5e-324])
wild_vector = (
    st.lists(any_float, max_size=9).map(np.array)
    | st.lists(any_float, min_size=7, max_size=7).map(np.array)
    | st.sampled_from([None, "seven", [["a"]], np.zeros((7, 1)), 3.0, [None] * 7])
)
share = st.floats(-1.0, 1.0)
# Seven floats from one drawn number: drawing each would take most of the time.
shares = st.integers(0, 2**32).map(
    lambda seed: np.clip(np.random.default_rng(seed).uniform(-1.4, 1.4, 7), -1.0, 1.0)
)
robots = st.sampled_from(ROBOTS)
periods = st.floats(0.001, 0.03) | st.just(0.01)


def start_of(robot, where):
    """A posture with the tool down at a place in the box given by shares; home out of reach."""
    kinematics, box = kinematics_of(robot), contract_of(robot).robot.operation.workspace
    low, high = np.array(box.min_m) + 0.002, np.array(box.max_m) - 0.002
    home = kinematics.home_position_rad
    goal = low + (np.array(where) + 1.0) / 2.0 * (high - low)
    try:
        q = kinematics.inverse(goal, kinematics.tcp_pose(home)[1], home, iterations_max=60)
    except InverseKinematicsError:
        return home
    world = World(robot)
    limits = world.gate.limits
    inside = (q >= limits.position_min_rad).all() and (q <= limits.position_max_rad).all()
    return q if inside else home


def velocity_target(world, direction):
    return JointTarget(velocity_rad_s=1.5 * direction * world.gate.limits.velocity_rad_s)


def position_target(world, direction):
    limits = world.gate.limits
    middle = (limits.position_max_rad + limits.position_min_rad) / 2
    half = (limits.position_max_rad - limits.position_min_rad) / 2
    return JointTarget(position_rad=middle + 1.2 * direction * half)


@settings(max_examples=120, deadline=None)
@given(
    robots,
    st.tuples(share, share, share),
    st.lists(
        st.tuples(
            st.sampled_from(["velocity", "position", "none"]),
            shares,
            st.tuples(st.integers(1, 40), st.lists(periods, min_size=1, max_size=5)),
        ),
        min_size=1,
        max_size=6,
    ),
)
def test_lawful_targets_of_every_kind_and_uneven_ticks_keep_every_limit(robot, where, moves):
    world = World(robot, start_of(robot, where))
    world.arm()
    for kind, direction, durations in moves:
        target = None
        if kind == "velocity":
            target = velocity_target(world, direction)
        elif kind == "position":
            target = position_target(world, direction)
        count, pattern = durations
        for index in range(count):
            world.tick(target, pattern[index % len(pattern)])
    assert world.gate.machine.mode is SafetyMode.ARMED
    assert world.rest_time_s() <= world.contract.robot.rates.stop_time_max_s
    measure(world)


wild_targets = st.builds(
    JointTarget,
    velocity_rad_s=wild_vector,
    position_rad=wild_vector,
    speed_fraction=any_float | st.sampled_from([None, "fast"]),
)
wild_states = st.builds(state_at, wild_vector, any_float, velocity=wild_vector, wrench=wild_vector)
wild_ticks = st.tuples(
    st.one_of(st.none(), wild_targets, shares, shares),
    st.one_of(st.none(), st.just("fresh"), st.just("fresh"), wild_states),
    st.one_of(st.none(), st.none(), periods, any_float, st.sampled_from([-1.0, 3600.0])),
    st.sampled_from(["tick", "tick", "tick", "estop", "disarm", "reset", "fault", "arm"]),
)


@settings(max_examples=150, deadline=None)
@given(robots, st.tuples(share, share, share), shares, st.lists(wild_ticks, max_size=25))
def test_for_any_input_whatever_every_output_obeys_every_limit(robot, where, drift, ticks):
    world = World(robot, start_of(robot, where))
    world.arm()
    for _ in range(20):  # at speed when it begins
        world.tick(velocity_target(world, drift))
    for target, state, jump, call in ticks:
        if isinstance(target, np.ndarray):
            target = velocity_target(world, target)
        now = None if jump is None or 0.001 <= jump <= 0.03 else world.now_s + jump
        world.tick(target, jump if now is None else None, state, now)
        if call in ("estop", "disarm", "fault"):
            getattr(world.gate, call)("why")
        elif call == "reset":
            with contextlib.suppress(SafetyError):
                world.gate.reset(world.now_s)
        elif call == "arm":
            with contextlib.suppress(SafetyError):
                world.gate.arm(world.state(), world.now_s)
                measure(world)
                world.points = [(world.gate.motion.position, 0.0)]
    world.tick()  # the clock is a clock again
    world.gate.estop("end")
    assert world.rest_time_s() <= world.contract.robot.rates.stop_time_max_s
    measure(world)


@settings(max_examples=100, deadline=None)
@given(
    robots,
    st.integers(0, 2),
    st.booleans(),
    st.floats(0.001, 0.05),
    st.lists(st.tuples(shares, st.integers(1, 30)), min_size=1, max_size=5),
)
def test_from_outside_the_workspace_the_tool_only_comes_back(robot, axis, above, depth, moves):
    # After a person pushed the arm.
    kinematics = kinematics_of(robot)
    home = kinematics.home_position_rad
    box = contract_of(robot).robot.operation.workspace
    place, rotation = kinematics.tcp_pose(home)
    place[axis] = box.max_m[axis] + depth if above else box.min_m[axis] - depth
    try:
        start = kinematics.inverse(place, rotation, home, iterations_max=80)
    except InverseKinematicsError:
        return  # this robot does not reach there
    world = World(robot, start)
    world.arm()
    tool = world.gate.tcp.position_m[axis]
    excess = tool - box.max_m[axis] if above else box.min_m[axis] - tool
    for direction, count in moves:
        for _ in range(count):
            world.tick(velocity_target(world, direction))
            tool = world.gate.tcp.position_m[axis]
            now = tool - box.max_m[axis] if above else box.min_m[axis] - tool
            assert now <= max(excess, 0.0) + 1e-12
            excess = min(excess, now)


@settings(max_examples=100, deadline=None)
@given(
    robots,
    st.integers(0, 6),
    st.booleans(),
    st.floats(0.0, 0.2),
    st.lists(st.tuples(shares, st.integers(1, 30)), min_size=1, max_size=5),
)
def test_a_joint_beyond_its_margin_only_comes_back(robot, joint, above, depth, moves):
    world = World(robot)
    limits = world.gate.limits
    start = world.position.copy()
    edge = limits.position_max_rad[joint] if above else limits.position_min_rad[joint]
    start[joint] = edge + depth if above else edge - depth
    world.position = start
    world.arm()
    excess = depth
    for direction, count in moves:
        for _ in range(count):
            world.tick(velocity_target(world, direction))
            q = world.gate.motion.position[joint]
            now = q - edge if above else edge - q
            assert now <= max(excess, 0.0) + 1e-12
            excess = min(excess, now)


@pytest.mark.parametrize("robot", ROBOTS)
def test_from_outside_the_way_back_is_open(robot):
    world = World(robot)
    home = world.position.copy()
    place, rotation = world.kinematics.tcp_pose(home)
    place[2] = world.gate.limits.box_min_m[2] - 0.02
    world.position = world.kinematics.inverse(place, rotation, home)
    world.arm()
    for _ in range(2000):  # a Gen3's joints are slow
        world.tick(JointTarget(position_rad=home, speed_fraction=0.1))
    np.testing.assert_allclose(world.position, home, atol=1e-9)


def test_what_is_measured_here_can_fail():
    world = World()
    world.arm()
    world.points += [(world.position + 0.05, 0.01)]
    with pytest.raises(AssertionError):
        measure(world)
