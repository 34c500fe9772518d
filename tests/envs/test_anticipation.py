"""Anticipation: the arm where it is told to be, in one process and over the graph alike."""

from __future__ import annotations

import numpy as np
import pytest

from robot_learning.envs.anticipation import STALE_S, Anticipation
from robot_learning.hardware import JointPoint, RobotState

NEXT = JointPoint(0.02, np.full(7, 0.5), np.full(7, 0.1))
REST = JointPoint(0.30, np.full(7, 0.7), np.zeros(7))


def measured(stamp_s: float) -> RobotState:
    return RobotState(stamp_s, np.zeros(7), np.zeros(7), np.ones(7), 0.04, 0.0, 0.0, np.zeros(6))


def test_before_anything_was_told_it_shows_what_is_measured() -> None:
    shown = Anticipation(lockstep=False).shown(measured(1.0))
    np.testing.assert_array_equal(shown.position_rad, np.zeros(7))


@pytest.mark.parametrize(("lockstep", "told"), [(False, NEXT), (True, REST)])
def test_it_shows_the_newest_commanded_motion_and_leaves_the_rest(
    lockstep: bool, told: JointPoint
) -> None:
    anticipation = Anticipation(lockstep=lockstep)
    anticipation.on_command(1.0, [NEXT, REST])
    shown = anticipation.shown(measured(1.01))
    np.testing.assert_array_equal(shown.position_rad, told.position_rad)
    np.testing.assert_array_equal(shown.velocity_rad_s, told.velocity_rad_s)
    assert (shown.stamp_s, shown.gripper_width_m) == (1.01, 0.04)
    np.testing.assert_array_equal(shown.effort_nm, np.ones(7))


def test_what_was_told_long_ago_says_nothing_where_time_goes_on_by_itself() -> None:
    anticipation = Anticipation(lockstep=False)
    anticipation.on_command(1.0, [NEXT])
    late = anticipation.shown(measured(1.01 + STALE_S))
    np.testing.assert_array_equal(late.position_rad, np.zeros(7))
