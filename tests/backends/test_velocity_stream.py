from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from xarm_world import Move, home_of

from robot_learning.backends.velocity_stream import CORRECTION_SHARE, HOLD_S, VelocityStream
from robot_learning.contract import load_robot
from robot_learning.hardware import JointPoint
from robot_learning.safety.limits import MotionLimits

ROBOT = load_robot("xarm7")
HOME = home_of(ROBOT)
PERIOD_S = 1.0 / ROBOT.rates.command_hz
LIMITS = MotionLimits.from_robot(ROBOT)
ACCELERATION_MAX = np.array([joint.acceleration_max_rad_s2 for joint in ROBOT.arm.joints])


def run(stream, position, start_s, duration_s, *, push=0.0):
    """An arm that has the velocity that is asked for, plus a push; yields what it is asked for."""
    now_s, position = start_s, np.array(position)
    while now_s < start_s + duration_s:
        velocity = stream.velocity(now_s)
        yield now_s, velocity, position
        position = position + (velocity + push) * PERIOD_S
        now_s += PERIOD_S
        stream.measured(now_s, position)


def test_an_arm_without_inertia_is_where_the_trajectory_is():
    stream, move = VelocityStream(ROBOT), Move(ROBOT, HOME, HOME + 0.3)
    stream.follow(move.points(0.0, 0.02), 100.0, HOME)
    for now_s, _, position in run(stream, HOME, 100.0, move.duration_s):
        np.testing.assert_allclose(position, move.at(now_s - 100.0)[0], atol=1e-4)


def test_the_correction_is_small_and_pulls_towards_the_trajectory():
    stream = VelocityStream(ROBOT)
    stream.follow([JointPoint(0.02, HOME, np.zeros(7))], 0.0, HOME)
    stream.velocity(0.0)
    stream.measured(PERIOD_S, HOME - 1.0)  # far behind: held up by something
    asked = [stream.velocity(PERIOD_S * tick) for tick in range(1, 30)]
    assert (np.max(asked, axis=0) == CORRECTION_SHARE * LIMITS.velocity_rad_s).all()
    assert (np.min(asked, axis=0) > 0.0).all()


def test_a_steady_push_leaves_a_small_distance():
    stream = VelocityStream(ROBOT)
    stream.follow([JointPoint(0.02, HOME, np.zeros(7))], 0.0, HOME)
    *_, (_, _, position) = run(stream, HOME, 0.0, HOLD_S, push=0.02)
    assert np.abs(position - HOME).max() < 0.005


numbers = st.lists(st.floats(-3.0, 3.0), min_size=7, max_size=7).map(np.array)


@given(
    st.lists(st.tuples(numbers, numbers, st.floats(0.005, 0.5)), min_size=1, max_size=8),
    st.floats(-0.5, 0.5),
)
def test_whatever_it_is_told_velocity_and_its_changes_are_within_the_contract(parts, push):
    stream, sent, position = VelocityStream(ROBOT), np.zeros(7), HOME
    for index, (target, velocity, time_s) in enumerate(parts):
        start_s = 0.05 * index
        stream.follow([JointPoint(time_s, target, velocity)], start_s, position)
        for _, asked, here in run(stream, position, start_s, 0.05, push=push):
            assert (np.abs(asked) <= LIMITS.velocity_rad_s).all()
            assert (np.abs(asked - sent) <= ACCELERATION_MAX * PERIOD_S + 1e-12).all()
            sent, position = asked, here


def test_it_ends_at_rest_some_time_after_the_last_point():
    stream = VelocityStream(ROBOT)
    stream.follow([JointPoint(0.1, HOME, np.zeros(7))], 0.0, HOME)
    assert [v.any() for _, v, _ in run(stream, HOME, 0.0, 1.0)].count(True) == 0
    assert not stream.following


def test_finishing_makes_the_next_velocity_the_last_one_and_zero():
    stream = VelocityStream(ROBOT)
    stream.follow([JointPoint(0.1, HOME, np.zeros(7))], 0.0, HOME)
    stream.measured(0.0, HOME - 0.01)
    stream.finish()
    assert not stream.velocity(0.01).any() and not stream.following


def test_after_rest_it_begins_where_the_arm_is_not_where_it_was_told_to_be():
    stream = VelocityStream(ROBOT)
    stream.follow([JointPoint(0.1, HOME, np.zeros(7))], 0.0, HOME)
    stream.drop()
    elsewhere = HOME + 0.5
    stream.follow([JointPoint(0.1, elsewhere, np.zeros(7))], 10.0, elsewhere)
    assert not stream.velocity(10.0).any()


def test_points_that_are_not_finite_are_refused():
    stream = VelocityStream(ROBOT)
    with pytest.raises(ValueError, match="not finite"):
        stream.follow([JointPoint(0.1, HOME * np.nan, np.zeros(7))], 0.0, HOME)
    assert not stream.velocity(0.0).any()
