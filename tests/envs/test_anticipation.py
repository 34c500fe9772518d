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


def test_in_lockstep_a_state_waits_for_the_command_that_led_to_it() -> None:
    anticipation = Anticipation(lockstep=True)
    assert anticipation.knows(measured(1.0))
    command = [JointPoint(0.05, NEXT.position_rad, NEXT.velocity_rad_s)]
    anticipation.on_command(0.0, command)
    assert anticipation.knows(measured(1.05))
    assert not anticipation.knows(measured(1.1))  # the state is here first
    anticipation.on_command(0.0, command)
    assert anticipation.knows(measured(1.1))


def test_in_lockstep_time_that_passed_without_a_command_is_known_the_second_time() -> None:
    anticipation = Anticipation(lockstep=True)
    assert anticipation.knows(measured(1.0))
    anticipation.on_command(0.0, [JointPoint(0.05, NEXT.position_rad, NEXT.velocity_rad_s)])
    assert anticipation.knows(measured(1.05))
    assert not anticipation.knows(measured(1.071)) and anticipation.knows(measured(1.071))
    assert anticipation.knows(measured(0.0))  # the simulator was started again


def test_roundings_of_simulated_time_do_not_add_up() -> None:
    anticipation, stamp_s = Anticipation(lockstep=True), 1.0
    assert anticipation.knows(measured(stamp_s))
    for _ in range(100):
        anticipation.on_command(0.0, [JointPoint(0.02, NEXT.position_rad, NEXT.velocity_rad_s)])
        stamp_s += 5 / 240
        assert anticipation.knows(measured(stamp_s))


def test_where_time_goes_on_by_itself_every_state_is_known() -> None:
    anticipation = Anticipation(lockstep=False)
    anticipation.on_command(1.0, [NEXT, REST])
    assert anticipation.knows(measured(9.0))
