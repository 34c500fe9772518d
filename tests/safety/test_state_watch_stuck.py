"""Encoders that stand still while the arm is told to move are noticed before it has gone far."""

from __future__ import annotations

import numpy as np

from robot_learning.contract import load_contract
from robot_learning.hardware import RobotState
from robot_learning.safety.state_watch import StateWatch

CONTRACT = load_contract("panda", "reach")
HOME = np.array([joint.home_position_rad for joint in CONTRACT.robot.arm.joints])


def problem(*, stuck_from: int, digits: float, states: int = 40) -> str | None:
    """Of a watch over an arm that is told to move 4 mrad a state, and follows until it is stuck."""
    watch = StateWatch(CONTRACT.robot, CONTRACT.control_period_s)
    rng = np.random.default_rng(0)
    for index in range(states):
        now_s = 0.01 * index
        followed = min(index, stuck_from) * 0.004
        noise = digits * rng.standard_normal(7)
        measured = HOME + followed + noise
        still = np.zeros(7)
        state = RobotState(now_s, measured, still, still, 0.0, 0.0, 0.0, np.zeros(6))
        watch.update(state, now_s, None)
        found = watch.problem(now_s, HOME + 0.004 * index)
        if found is not None:
            return f"{index}: {found}"
    return None


def test_an_arm_that_follows_is_no_problem() -> None:
    assert problem(stuck_from=40, digits=0.0) is None


def test_one_that_stands_still_to_the_last_digit_is_noticed_within_three_hundredths() -> None:
    found = problem(stuck_from=10, digits=0.0)
    assert found is not None and "stands still" in found
    assert int(found.partition(":")[0]) <= 10 + 9


def test_last_digits_that_differ_are_those_of_an_arm() -> None:
    assert problem(stuck_from=10, digits=1e-6) is None


def test_an_arm_that_rested_long_may_be_told_to_move_again() -> None:
    watch, still = StateWatch(CONTRACT.robot, CONTRACT.control_period_s), np.zeros(7)

    def look(index: int, measured: np.ndarray, commanded: np.ndarray | None) -> str | None:
        state = RobotState(0.01 * index, measured, still, still, 0.0, 0.0, 0.0, np.zeros(6))
        watch.update(state, 0.01 * index, None)
        return watch.problem(0.01 * index, commanded)

    for index in range(50):
        assert look(index, HOME, HOME) is None
    watch.forget()  # as arming does, which begins elsewhere
    for index in range(50, 60):
        assert look(index, HOME + 0.1, HOME + 0.1) is None
