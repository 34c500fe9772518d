"""A world for an actor: driver, simulator and reward monitor played by hand."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from robot_learning.contract import Contract, load_contract
from robot_learning.control.action import ActionKind
from robot_learning.hardware import RobotState
from robot_learning.replay.step import Step
from robot_learning.training.actor import Actor
from robot_learning.training.actor_types import (
    ActorPhase,
    Choice,
    EpisodeEnd,
    EpisodePlan,
    Judgement,
    Receipt,
)

CONTRACT = load_contract("panda", "reach")
HOME = np.array([joint.home_position_rad for joint in CONTRACT.robot.arm.joints])
PERIOD = CONTRACT.control_period_s
STEPS = CONTRACT.task.episode_steps


@dataclass
class World:
    """Plays driver, simulator and reward monitor; keeps what the actor does."""

    lockstep: bool = True
    contract: Contract = CONTRACT
    now_s: float = 0.0
    stamp_s: float = 100.0
    position: np.ndarray = field(default_factory=lambda: HOME + 0.3)
    reward: float = -1.0
    success: bool = False
    terminated: bool = False
    executed: np.ndarray = field(default_factory=lambda: np.full(3, 0.5, np.float32))
    plan_: Any = field(default_factory=lambda: EpisodePlan(7, False))
    requests: list[tuple[ActionKind, float]] = field(default_factory=list)
    doubts: list[float] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    ends: list[EpisodeEnd] = field(default_factory=list)
    resets: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.actor = self.make_actor()
        self.actor.set_allowed(None)

    def make_actor(self) -> Actor:
        return Actor(
            self.contract,
            self,
            actor_id="a",
            lockstep=self.lockstep,
            clock=lambda: self.now_s,
            shown=self.shown,
        )

    def shown(self, state: RobotState) -> RobotState:
        """As measured."""
        return state

    # ActorLink

    def plan(self) -> EpisodePlan | str:
        return self.plan_

    def choose(self, observation: Any, goal: Any, is_evaluation: bool) -> Choice:
        return Choice(np.ones(3, np.float32), 5)

    def request(
        self, kind: ActionKind, action: Any, stamp_s: float, version: int, doubt: float = 0.0
    ) -> int:
        self.requests.append((kind, stamp_s))
        self.doubts.append(doubt)
        return len(self.requests)

    def reset(self, seed: int) -> None:
        self.resets.append(seed)

    def episode_started(self, episode: int, plan: EpisodePlan, stamp_s: float) -> None:
        self.steps_before = len(self.steps)

    def step(self, step: Step) -> None:
        self.steps.append(step)

    def episode_ended(self, end: EpisodeEnd) -> None:
        self.ends.append(end)

    # The world

    def state(self) -> RobotState:
        zeros = np.zeros(7)
        return RobotState(self.stamp_s, self.position, zeros, zeros, 0, 0, 0, np.zeros(6))

    def say_state(self, passed_s: float = 0.0) -> None:
        self.stamp_s += passed_s
        self.now_s += passed_s
        self.actor.on_state(self.state())

    def begin(self) -> None:
        """From anywhere to the first action of an episode."""
        self.position = HOME.copy()
        self.say_state(PERIOD)
        assert self.actor.phase is ActorPhase.RESETTING
        self.actor.on_target(self.stamp_s, np.array([0.5, 0.0, 0.3]))
        self.actor.on_reset(self.stamp_s)
        assert self.actor.phase is ActorPhase.RUNNING

    def answer(self, passed_s: float = PERIOD, *, by_person: bool = False) -> None:
        """Executes the newest request, or what a person wants: receipt, state, reward."""
        sequence = len(self.requests)
        assert self.requests[-1][1] == pytest.approx(self.stamp_s)
        asked = np.ones(3, np.float32)
        receipt = Receipt(asked, asked, self.executed, 0.001, is_intervention=by_person)
        self.actor.on_receipt(sequence, receipt)
        self.say_state(passed_s)
        self.judge()

    def judge(self) -> None:
        self.actor.on_reward(self.stamp_s, Judgement(self.reward, self.success, self.terminated))
