from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from robot_learning.control.trajectory_follower import TrajectoryFollower
from robot_learning.hardware import JointPoint


def point(time: float, position: float, velocity: float = 0.0) -> JointPoint:
    return JointPoint(time, np.full(7, position), np.full(7, velocity))


def at(follower: TrajectoryFollower, time: float) -> float:
    return float(follower.references(np.array([time]))[0, 0])


def test_between_points_the_reference_is_the_cubic_through_positions_and_velocities():
    follower = TrajectoryFollower(np.zeros(7))
    follower.write(0.0, [point(1.0, 1.0, 3.0), point(2.0, 8.0, 12.0)])
    times = np.linspace(0.0, 2.0, 21)
    # x = t^3 has exactly these positions and velocities.
    np.testing.assert_allclose(follower.references(times)[:, 0], times**3, atol=1e-12)


def test_past_the_last_point_the_reference_stays_there():
    follower = TrajectoryFollower(np.zeros(7))
    follower.write(0.0, [point(0.1, 0.5, 2.0)])
    assert at(follower, 0.1) == 0.5
    assert at(follower, 7.0) == 0.5


def test_a_new_trajectory_starts_from_the_commanded_position_and_velocity():
    follower = TrajectoryFollower(np.zeros(7))
    follower.write(0.0, [point(1.0, 1.0, 1.0), point(9.0, 9.0, 1.0)])  # x = t from 1 s on
    follower.write(2.0, [point(1.0, 3.0, 1.0)])
    times = np.linspace(2.0, 3.0, 11)
    np.testing.assert_allclose(follower.references(times)[:, 3], times, atol=1e-12)


def test_a_trajectory_written_for_later_leaves_the_present_one_until_then():
    follower = TrajectoryFollower(np.zeros(7))
    follower.write(0.0, [point(1.0, 1.0)])
    follower.write(0.5, [point(0.5, -1.0)])
    times = np.array([0.4, 0.499, 0.75, 1.0, 2.0])
    alone = TrajectoryFollower(np.zeros(7))
    alone.write(0.0, [point(1.0, 1.0)])
    found = follower.references(times)[:, 0]
    np.testing.assert_array_equal(found[:2], alone.references(times[:2])[:, 0])
    assert found[-2:].tolist() == [-1.0, -1.0]


def test_a_stream_of_moving_ends_has_no_halt_between_its_pieces():
    follower = TrajectoryFollower(np.zeros(7))
    for piece in range(4):
        start = 0.05 * piece
        follower.write(start, [point(0.05, start + 0.05, 1.0)])
        times = start + np.linspace(0.01, 0.05, 5)
        found = follower.references(times)[:, 0]
        if piece:  # the first piece has to pick up speed
            np.testing.assert_allclose(found, times, atol=1e-12)


@given(st.lists(st.integers(1, 40), min_size=1, max_size=8), st.integers(0, 2**32 - 1))
@settings(max_examples=50, deadline=None)
def test_it_does_not_matter_how_the_times_are_split_into_calls(cuts, seed):
    rng = np.random.default_rng(seed)
    points = [JointPoint(0.1 * i, rng.normal(size=7), rng.normal(size=7)) for i in range(1, 5)]
    once, often = TrajectoryFollower(np.zeros(7)), TrajectoryFollower(np.zeros(7))
    for follower in (once, often):
        follower.write(0.0, points)
        follower.write(0.11, points[:2])
    times = np.arange(1, sum(cuts) + 1) / 240
    parts = [often.references(part) for part in np.split(times, np.cumsum(cuts)[:-1])]
    np.testing.assert_array_equal(once.references(times), np.concatenate(parts))


@pytest.mark.parametrize(
    ("points", "message"),
    [
        ([], "has no point"),
        ([point(0.0, 1.0)], r"point 0: time_from_start_s 0.0 is not a number above"),
        ([point(0.1, 1.0), point(0.1, 1.0)], r"point 1: time_from_start_s 0.1 .* above 0.1"),
        ([point(float("nan"), 1.0)], "point 0: time_from_start_s nan"),
        ([point(float("inf"), 1.0)], "point 0: time_from_start_s inf"),
        ([point(0.1, float("nan"))], "point 0: position_rad .* not finite"),
        ([point(0.1, 0.0), point(0.2, 0.0, float("-inf"))], "point 1: velocity_rad_s .* finite"),
        ([JointPoint(0.1, np.zeros(6), np.zeros(7))], r"position_rad has shape \(6,\)"),
        ([JointPoint(0.1, np.zeros((1, 7)), np.zeros(7))], r"shape \(1, 7\)"),
        ([JointPoint(0.1, np.zeros(7), np.zeros(8))], r"velocity_rad_s has shape \(8,\)"),
        ([point(0.1, 0.0), JointPoint(0.2, np.zeros(3), np.zeros(7))], "point 1: position_rad"),
        ([JointPoint(0.1, None, np.zeros(7))], "point 0: position_rad"),
        ([JointPoint(0.1, "abc", np.zeros(7))], "point 0: position_rad 'abc' is not 7 numbers"),
    ],
)
def test_bad_trajectories_are_refused_naming_the_point_and_change_nothing(points, message):
    follower = TrajectoryFollower(np.full(7, 0.25))
    with pytest.raises(ValueError, match=message):
        follower.write(0.0, points)
    assert at(follower, 1.0) == 0.25
