"""Actor, driver and simulator in lockstep, with no messages between: nothing waits for ever."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from robot_learning.contract import load_contract
from robot_learning.control.action import ActionKind
from robot_learning.control.driver import DriverRequest
from robot_learning.control.lockstep_driver import LockstepDriver
from robot_learning.hardware import open_hardware
from robot_learning.replay.step import Step
from robot_learning.rewards.judge import make_judge
from robot_learning.safety.state_machine import SafetyMode
from robot_learning.training.actor import Actor
from robot_learning.training.actor_types import Choice, EpisodeEnd, EpisodePlan, Judgement, Receipt

pytest.importorskip("pybullet")
EPISODES = 3


class Line:
    """Everything that would be a message waits in one line; whoever hears a state first varies."""

    def __init__(self, task: str, *, actor_first: bool) -> None:
        self.contract = load_contract("panda", task)
        self.hardware: Any = open_hardware("sim", self.contract)
        self.hardware.reset(0)
        self.driver = LockstepDriver(self.contract, self)
        self.actor = Actor(self.contract, self, actor_id="a", lockstep=True, clock=lambda: 0.0)
        self.judge = make_judge(self.contract)
        self.actor_first = actor_first
        self.rng = np.random.default_rng(0)
        self.waiting: deque[Callable[[], None]] = deque()
        self.sequence = 0
        self.steps: list[Step] = []
        self.ends: list[EpisodeEnd] = []
        self.actor.set_allowed(None)
        self.say_state()
        self.driver.on_monitor(SafetyMode.ARMED, "")

    # The driver's link.

    def send(self, points: list[Any], stamp_s: float) -> None:
        self.waiting.append(lambda: self.move(points))

    def receipt(self, request: DriverRequest, done: Any, age_s: float) -> None:
        answer = Receipt(done.requested, done.gated, done.executed, age_s)
        self.waiting.append(lambda: self.actor.on_receipt(request.sequence, answer))

    def say_change(self) -> None: ...

    def warn(self, text: str) -> None: ...

    # The actor's link.

    def plan(self) -> EpisodePlan:
        return EpisodePlan(int(self.rng.integers(2**31)), False)

    def choose(self, observation: Any, goal: Any, is_evaluation: bool) -> Choice:
        size = self.contract.task.action.size
        # Away from what could be hit: this is about time, not about skill.
        action = self.rng.uniform(-1.0, 1.0, size)
        action[2] = abs(action[2])
        return Choice(action.astype(np.float32), 0)

    def request(
        self, kind: ActionKind, action: Any, stamp_s: float, version: int, doubt: float = 0.0
    ) -> int:
        self.sequence += 1
        asked = DriverRequest(
            "policy", self.sequence, kind, action, stamp_s, self.contract.sha256, None, doubt
        )
        self.waiting.append(lambda: self.asked(asked))
        return self.sequence

    def reset(self, seed: int) -> None:
        self.waiting.append(lambda: self.redraw(seed))

    def episode_started(self, episode: int, plan: EpisodePlan, stamp_s: float) -> None: ...

    def step(self, step: Step) -> None:
        self.steps.append(step)

    def episode_ended(self, end: EpisodeEnd) -> None:
        self.ends.append(end)

    # The world.

    def asked(self, request: DriverRequest) -> None:
        assert self.driver.on_request(request) is None

    def move(self, points: list[Any]) -> None:
        self.hardware.write_joint_trajectory(points)
        self.hardware.step(points[-1].time_from_start_s)
        self.say_state()

    def redraw(self, seed: int) -> None:
        self.hardware.redraw_scene(seed)
        stamp_s = self.hardware.read_state().stamp_s
        scene = self.hardware.read_scene()
        if "target_position_m" in scene:
            self.actor.on_target(stamp_s, scene["target_position_m"])
        self.say_state()
        self.actor.on_reset(stamp_s)

    def say_state(self) -> None:
        state, scene = self.hardware.read_state(), dict(self.hardware.read_scene())
        objects = {k: v for k, v in scene.items() if k == "object_position_m"}
        listeners = [
            lambda: self.driver.on_state(state),
            lambda: self.actor.on_state(state, objects),
        ]
        for listen in reversed(listeners) if self.actor_first else listeners:
            listen()
        judged = self.judge.judge(state, scene)
        self.actor.on_reward(
            state.stamp_s, Judgement(judged.reward, judged.success, judged.terminated)
        )

    def run(self) -> None:
        silent = 0
        while len(self.ends) < EPISODES:
            if self.waiting:
                self.waiting.popleft()()
                silent = 0
            else:  # time stands still, and the simulator says its state again
                silent += 1
                assert silent < 3, (
                    f"everybody waits: {self.actor.phase}, {self.driver.controller.mode}"
                )
                self.say_state()


@pytest.mark.parametrize("actor_first", [True, False])
@pytest.mark.parametrize("task", ["reach", "lift", "push", "insertion"])
def test_one_episode_follows_the_other_and_every_step_lasts_its_period(
    task: str, actor_first: bool
) -> None:
    line = Line(task, actor_first=actor_first)
    try:
        line.run()
    finally:
        line.hardware.close()
    contract = line.contract
    assert [end.note for end in line.ends] == [""] * EPISODES
    assert [end.steps for end in line.ends] == [contract.task.episode_steps] * EPISODES
    for before, after in zip(line.steps, line.steps[1:], strict=False):
        if before.episode == after.episode:
            lasted_s = after.stamp_s - before.stamp_s
            assert lasted_s == pytest.approx(contract.control_period_s, abs=1e-6)
    assert all(np.isfinite(step.executed_action).all() for step in line.steps)
