"""Excitation over requests: home, then the whole plan, through a driver's controller and gate."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from motion_samples import CONTRACT, short_plan

from robot_learning.control.action import ActionKind
from robot_learning.control.arm_controller import ArmController
from robot_learning.hardware import RobotState
from robot_learning.identification.excitation import Excitation
from robot_learning.identification.exciting import Exciting
from robot_learning.safety.state_machine import SafetyMode
from robot_learning.training.actor_types import (
    ActorPhase,
    EpisodeEnd,
    EpisodePlan,
    Outcome,
    Receipt,
)

PERIOD_S = CONTRACT.command_period_s
PLAN = short_plan()


class World:
    """A driver's controller with an arm that is where its command is, and the link to it."""

    def __init__(self, plan: Excitation = PLAN, start_off_rad: float = 0.05) -> None:
        self.controller = ArmController(CONTRACT)
        self.position = PLAN.position_rad[0] + start_off_rad
        self.velocity = np.zeros(7)
        self.now_s = 0.0
        self.kinds: list[ActionKind] = []
        self.begun: list[float] = []
        self.ends: list[EpisodeEnd] = []
        self.path: list[np.ndarray] = []
        self.exciting = Exciting(
            CONTRACT, self, plan, lockstep=False, clock=lambda: self.now_s, patience_s=2.0
        )
        self.controller.arm(self.state(), self.now_s)
        self.exciting.set_allowed(None)

    def state(self) -> RobotState:
        zeros = np.zeros(7)
        return RobotState(
            100.0 + self.now_s, self.position, self.velocity, zeros, 0, 0, 0, np.zeros(6)
        )

    # What it asks.

    def plan(self) -> EpisodePlan | str:
        return "done" if self.exciting.done else EpisodePlan(3, False)

    def request(
        self, kind: ActionKind, action: Any, stamp_s: float, version: int, doubt: float = 0.0
    ) -> int:
        self.kinds.append(kind)
        request = self.controller.request(kind, action, self.state(), self.now_s)
        assert request.accepted, request.limits
        numbers = [np.asarray(x, np.float32) for x in (request.requested, request.gated)]
        self.exciting.on_receipt(len(self.kinds), Receipt(*numbers, numbers[1], 0.0))
        return len(self.kinds)

    def reset(self, seed: int) -> None:
        assert seed == 3
        self.exciting.on_reset(100.0 + self.now_s)

    def episode_started(self, episode: int, plan: EpisodePlan, stamp_s: float) -> None:
        self.begun.append(stamp_s)

    def episode_ended(self, end: EpisodeEnd) -> None:
        self.ends.append(end)

    def run(self, seconds: float, until_done: bool = True) -> None:
        end_s = self.now_s + seconds
        while self.now_s < end_s and not (until_done and self.exciting.done):
            self.exciting.on_state(self.state())
            tick = self.controller.tick(self.now_s, self.state())
            if tick.point is not None:
                self.position, self.velocity = tick.point.position_rad, tick.point.velocity_rad_s
            self.now_s += PERIOD_S
            self.path.append(self.position)


@pytest.fixture(scope="module")
def world() -> World:
    world = World()
    world.run(40.0)
    return world


def test_it_goes_home_and_then_carries_the_whole_plan_out(world: World) -> None:
    assert world.exciting.done and world.controller.mode is SafetyMode.ARMED
    (end,) = world.ends
    assert (end.outcome, end.steps) == (Outcome.SUCCESS, 0)
    first = world.kinds.index(ActionKind.JOINT_VELOCITY)
    assert set(world.kinds[:first]) == {ActionKind.HOME} and first > 0
    assert set(world.kinds[first:]) == {ActionKind.JOINT_VELOCITY}
    assert world.now_s - (world.begun[0] - 100.0) == pytest.approx(
        len(PLAN.position_rad) * PERIOD_S, abs=0.1
    )


def test_the_arm_goes_where_the_plan_goes(world: World) -> None:
    begin = round((world.begun[0] - 100.0) / PERIOD_S)
    path = np.array(world.path[begin : begin + len(PLAN.position_rad)])
    planned = np.ptp(PLAN.position_rad, axis=0)
    assert (np.ptp(path, axis=0) > 0.5 * planned).all()
    assert np.abs(path[-1] - PLAN.position_rad[-1]).max() < 0.05


def test_once_done_it_asks_for_nothing_more(world: World) -> None:
    asked = len(world.kinds)
    world.run(0.5, until_done=False)
    assert len(world.kinds) == asked and len(world.ends) == 1


def test_a_stop_or_a_person_gives_it_up_and_it_begins_anew() -> None:
    world = World(start_off_rad=0.0)
    world.run(0.5)
    assert world.exciting.phase is ActorPhase.RUNNING
    zeros = np.zeros(7, np.float32)
    world.exciting.on_receipt(1, Receipt(zeros, zeros, zeros, 0.0, is_intervention=True))
    assert [end.outcome for end in world.ends] == [Outcome.ABORTED]
    world.run(1.5)
    assert len(world.begun) == 2 and world.exciting.phase is ActorPhase.RUNNING
    world.exciting.set_allowed("safety: force")
    assert [end.outcome for end in world.ends] == [Outcome.ABORTED] * 2
    assert world.ends[-1].note == "safety: force" and not world.exciting.done
