"""Where time stands still: what is asked at a state is carried out at that state."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from robot_learning.contract import load_contract
from robot_learning.control.action import ActionKind
from robot_learning.control.driver import DriverRequest
from robot_learning.control.lockstep_driver import LockstepDriver
from robot_learning.hardware import RobotState
from robot_learning.safety.state_machine import SafetyMode


class World:
    """The driver's link, and an arm that is where it was told to be; it moves when asked to."""

    def __init__(self, away_rad=0.0, task="reach"):
        self.contract = load_contract("panda", task)
        self.driver = LockstepDriver(self.contract, self)
        home = [joint.home_position_rad for joint in self.contract.robot.arm.joints]
        start = np.array(home)
        start[0] += away_rad
        zeros = np.zeros(7)
        self.state = RobotState(1.0, start, zeros, zeros, 0.0, 0.0, 0.0, np.zeros(6))
        self.sent, self.receipts, self.sequence = [], [], 0
        self.driver.on_state(self.state)
        self.driver.on_monitor(SafetyMode.ARMED, "")
        assert self.driver.controller.mode is SafetyMode.ARMED

    def send(self, points, stamp_s):
        self.sent.append(points)

    def receipt(self, request, done, age_s):
        self.receipts.append((request.sequence, done))

    def say_change(self):
        pass

    def warn(self, text):
        raise AssertionError(text)

    def ask(self, kind, stamp_s, action=(0.0, 0.0, 0.0)):
        self.sequence += 1
        refused = self.driver.on_request(
            DriverRequest(
                source="policy",
                sequence=self.sequence,
                kind=kind,
                action=np.array(action, np.float32),
                stamp_s=stamp_s,
                contract_sha256=self.contract.sha256,
                message=None,
            )
        )
        assert refused is None

    def arrive(self):
        """The arm carries out the trajectory sent last; the driver sees where it is."""
        last = self.sent[-1][-1]
        self.state = replace(
            self.state,
            stamp_s=self.state.stamp_s + last.time_from_start_s,
            position_rad=last.position_rad,
            velocity_rad_s=last.velocity_rad_s,
        )
        self.driver.on_state(self.state)
        return self.state


def test_an_action_waits_for_its_state_and_is_answered_at_once_there() -> None:
    world = World()
    world.ask(ActionKind.ACTION, 1.0, (0.5, 0.0, 0.0))
    assert len(world.sent) == len(world.receipts) == 1
    world.ask(ActionKind.ACTION, 1.05, (0.5, 0.0, 0.0))
    assert len(world.sent) == 1  # that state is not there yet
    world.arrive()
    assert len(world.sent) == len(world.receipts) == 2


@pytest.mark.parametrize("again", [1, 2, 3])
def test_a_request_for_home_that_meets_the_arrival_moves_nothing(again: int) -> None:
    """Else it would fill the first period of the episode, and every action would come one late."""
    world = World(away_rad=0.03)
    world.ask(ActionKind.HOME, 1.0)
    home = world.contract.robot.arm.joints[0].home_position_rad
    for _ in range(100):
        before = world.state.stamp_s
        sent = len(world.sent)
        world.arrive()
        if len(world.sent) == sent:
            break  # at home, nothing more is sent
    assert abs(world.state.position_rad[0] - home) < 0.01
    for _ in range(again):
        world.ask(ActionKind.HOME, before)  # made one state before the arrival, and late
    assert len(world.sent) == sent
    world.ask(ActionKind.ACTION, world.state.stamp_s, (0.5, 0.0, 0.0))
    assert len(world.sent) == sent + 1
    sequence, done = world.receipts[-1]
    assert sequence == world.sequence and not done.refused


def test_an_action_for_a_state_that_has_passed_is_refused_not_carried_out_late() -> None:
    world = World()
    world.ask(ActionKind.HOLD, 1.0)
    world.ask(ActionKind.ACTION, 1.0, (0.5, 0.0, 0.0))  # time passes before it can be done
    sent = len(world.sent)
    world.arrive()
    assert len(world.sent) == sent
    _, done = world.receipts[-1]
    assert done.refused and "0.050 s ago" in done.limits[0]


def test_where_something_may_be_touched_a_period_goes_out_in_parts_each_after_a_state() -> None:
    world = World(task="bin_grasp")
    world.ask(ActionKind.ACTION, 1.0, (1.0, 0, 0, 0, 0, -1, 1, -1))
    for part in range(1, 5):
        assert len(world.sent) == part and world.receipts == []
        world.driver.on_state(world.state)  # said again: no time has passed
        assert len(world.sent) == part
        world.arrive()
    assert [len(points) for points in world.sent] == [2] * 5
    (answer,) = world.receipts
    assert answer[1].executed == pytest.approx(answer[1].gated, abs=1e-6)
    world.arrive()
    assert world.state.stamp_s == pytest.approx(1.0 + world.contract.control_period_s)
    assert len(world.sent) == 5


def test_a_touch_within_a_period_stops_what_presses_on() -> None:
    world = World(task="bin_grasp")
    world.ask(ActionKind.ACTION, 1.0, (1.0, 0, 0, 0, 0, -1, 1, -1))
    pushed_back = np.array([-25.0, 0, 0, 0, 0, 0])
    for _ in range(5):
        world.state = replace(world.state, wrench=pushed_back)
        world.arrive()
    ((_, done),) = world.receipts
    assert "contact" in done.limits
    assert abs(done.executed[0]) < 0.5 * abs(done.gated[0])
