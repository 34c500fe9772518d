"""An episode begins between two control periods, also where states are said within them."""

from __future__ import annotations

import numpy as np
import pytest

from robot_learning.contract import Contract, load_contract
from robot_learning.hardware import RobotState
from robot_learning.training.home_arrival import HomeArrival

LIFT = load_contract("panda", "lift")
PERIOD = LIFT.control_period_s
WITHIN = 0.4 * PERIOD


def state(contract: Contract, stamp_s: float, away_rad: float = 0.0) -> RobotState:
    home = np.array([joint.home_position_rad for joint in contract.robot.arm.joints])
    zeros = np.zeros(7)
    return RobotState(stamp_s, home + away_rad, zeros, zeros, 0.0, 0.0, 0.0, np.zeros(6))


def early(
    stamps_s: list[float], contract: Contract = LIFT, lockstep: bool = True, away_rad: float = 0.3
) -> bool:
    """Whether the last of these states is early: all before it are on the way home."""
    arrival = HomeArrival(contract, lockstep=lockstep)
    arrival.begin()
    is_early = False
    for number, stamp_s in enumerate(stamps_s):
        last = number == len(stamps_s) - 1
        seen = state(contract, stamp_s, 0.0 if last else away_rad)
        arrival.see(seen)
        is_early = arrival.is_early(seen)
        assert last or not is_early
    return is_early


@pytest.mark.parametrize("periods", [1, 2, 7])
def test_a_state_within_a_period_of_the_way_home_is_early_and_one_between_periods_is_not(
    periods: int,
) -> None:
    way_s = [100.0, 100.0 + WITHIN]
    assert early([*way_s, 100.0 + periods * PERIOD + WITHIN])
    assert not early([*way_s, 100.0 + periods * PERIOD])


def test_a_state_that_is_said_again_shows_that_time_stands_still() -> None:
    assert not early([100.0, 100.0 + WITHIN, 100.0 + WITHIN])


def test_an_arm_that_was_at_home_all_the_time_is_not_early() -> None:
    assert not early([100.0, 100.0 + WITHIN], away_rad=0.0)


def test_only_in_lockstep_of_tasks_that_touch_are_states_within_periods() -> None:
    way_s = [100.0, 100.0 + PERIOD + WITHIN]
    assert early(way_s)
    assert not early(way_s, lockstep=False)
    assert not early(way_s, contract=load_contract("panda", "reach"))


def test_each_way_home_has_periods_of_its_own() -> None:
    arrival = HomeArrival(LIFT, lockstep=True)
    for begun_s in (100.0, 200.0 + WITHIN):
        arrival.begin()
        for seen in (state(LIFT, begun_s, 0.3), state(LIFT, begun_s + 3 * PERIOD)):
            arrival.see(seen)
            assert not arrival.is_early(seen)
