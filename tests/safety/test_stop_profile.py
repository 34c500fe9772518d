import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from robot_learning.contract import load_robot
from robot_learning.control.motion import Motion
from robot_learning.safety.limits import MotionLimits
from robot_learning.safety.stop_profile import StopProfile

ALL_LIMITS = [MotionLimits.from_robot(load_robot(name)) for name in ("panda", "fr3", "iiwa7")]
shares = st.lists(st.floats(-1.0, 1.0), min_size=7, max_size=7).map(np.array)
limits_of_robots = st.sampled_from(ALL_LIMITS)
EPS = 1e-9


def motion_of(limits, speed, push):
    """Any motion that the gate can admit: the speed after the release stays within limits."""
    acceleration = push * limits.acceleration_rad_s2
    release = float((np.abs(acceleration) / limits.jerk_rad_s3).max())
    velocity = np.clip(
        speed * limits.velocity_rad_s,
        -limits.velocity_rad_s - np.minimum(acceleration, 0.0) * release / 2,
        limits.velocity_rad_s - np.maximum(acceleration, 0.0) * release / 2,
    )
    return Motion(np.zeros(7), velocity, acceleration)


@settings(deadline=None)
@given(limits_of_robots, shares, shares)
def test_every_stop_keeps_the_joint_limits_and_ends_at_rest_in_time(limits, speed, push):
    stop = StopProfile(motion_of(limits, speed, push), limits)
    assert stop.duration_s <= limits.stop_time_s + EPS
    times = np.linspace(0.0, stop.duration_s, 80)
    motions = [stop.at(t) for t in times]
    for m in motions:
        assert (np.abs(m.velocity) <= limits.velocity_rad_s + EPS).all()
        assert (np.abs(m.acceleration) <= limits.acceleration_rad_s2 * (1 + EPS)).all()
    assert stop.at(stop.duration_s).at_rest and stop.at(math.inf).at_rest


@settings(deadline=None)
@given(limits_of_robots, shares, shares, st.floats(1e-3, 0.05))
def test_position_velocity_and_acceleration_belong_to_one_smooth_curve(limits, speed, push, h):
    stop = StopProfile(motion_of(limits, speed, push), limits)
    t = 0.0
    while t < stop.duration_s + h:
        a, b = stop.at(t), stop.at(t + h)
        # Taylor with the largest jerk as remainder: nothing jumps.
        jerk = limits.jerk_rad_s3 * (1 + EPS)
        assert (np.abs(b.acceleration - a.acceleration) <= jerk * h + EPS).all()
        drift = b.velocity - a.velocity - h * a.acceleration
        assert (np.abs(drift) <= jerk * h**2 / 2 + EPS).all()
        drift = b.position - a.position - h * a.velocity - h**2 / 2 * a.acceleration
        assert (np.abs(drift) <= jerk * h**3 / 6 + EPS).all()
        t += h


@settings(deadline=None)
@given(limits_of_robots, shares, shares)
def test_after_the_release_the_arm_brakes_along_a_straight_joint_line(limits, speed, push):
    stop = StopProfile(motion_of(limits, speed, push), limits)
    along = stop.end_position - stop.release_position
    for share in (0.1, 0.4, 0.8):
        m = stop.at(stop.release_s + share * stop.brake_s)
        fraction = (
            m.velocity
            @ stop.brake_velocity
            / max(stop.brake_velocity @ stop.brake_velocity, 1e-300)
        )
        assert -EPS <= fraction <= 1.0 + EPS
        np.testing.assert_allclose(m.velocity, fraction * stop.brake_velocity, atol=1e-9)
    np.testing.assert_allclose(along, stop.brake_velocity * stop.brake_s / 2, atol=1e-12)


def test_a_stop_from_rest_stays_where_it_is():
    position = np.arange(7.0)
    stop = StopProfile(Motion(position, np.zeros(7), np.zeros(7)), ALL_LIMITS[0])
    assert stop.duration_s == 0.0
    np.testing.assert_array_equal(stop.at(0.3).position, position)
