"""A policy beside a robot that it does not move: when it decides, and what is kept of it."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from robot_learning.contract import load_contract
from robot_learning.envs.anticipation import Anticipation
from robot_learning.hardware import JointPoint, RobotState
from robot_learning.networks.mlp_policy import MlpPolicy
from robot_learning.training.shadow import Shadow

CONTRACT = load_contract("panda", "reach")
HOME = np.array([joint.home_position_rad for joint in CONTRACT.robot.arm.joints])
POLICY = MlpPolicy(
    weights=(np.zeros((23, 3), np.float32),),
    biases=(np.array([9.0, 0.0, 0.0], np.float32),),
    mean=np.zeros(23, np.float32),
    std=np.ones(23, np.float32),
    clip=5.0,
    action_low=np.full(3, -1.0, np.float32),
    action_high=np.full(3, 1.0, np.float32),
    goal_size=3,
)


def state(stamp_s: float) -> RobotState:
    still = np.zeros(7)
    return RobotState(stamp_s, HOME, still, still, 0.0, 0.0, 0.0, np.zeros(6))


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def run(seconds: float, late_s: float = 0.01, target: bool = True) -> tuple[Shadow, list[Any]]:
    rows: list[Any] = []
    clock = Clock()
    shadow = Shadow(CONTRACT, POLICY, rows.append, clock)
    if target:
        shadow.on_target(0.0, np.array([0.5, 0.0, 0.3]))
    for index in range(int(seconds * 100)):
        clock.now_s = 100.0 + 0.01 * index + late_s
        shadow.on_state(state(100.0 + 0.01 * index), {})
    return shadow, rows


def test_it_decides_once_a_control_period_and_keeps_every_decision() -> None:
    shadow, rows = run(2.0)
    assert shadow.decisions == len(rows) == 40
    assert rows[0]["action"] == pytest.approx([1.0, 0.0, 0.0])
    assert rows[0]["goal_m"] == pytest.approx([0.5, 0.0, 0.3])
    stamps = [row["stamp_s"] for row in rows]
    assert np.diff(stamps) == pytest.approx(0.05)
    figures = shadow.figures()
    assert figures["n"] == 40 and figures["too_late"] == 0
    assert figures["saturated_share"] == 1.0 and figures["largest_change"] == 0.0


def test_decisions_on_observations_that_are_too_old_are_counted() -> None:
    shadow, _ = run(1.0, late_s=CONTRACT.task.action_age_max_s + 0.01)
    assert shadow.figures()["too_late"] == 20


def test_without_a_target_it_waits() -> None:
    shadow, rows = run(1.0, target=False)
    assert shadow.waiting_for == "a target" and not rows and shadow.figures() == {}


def test_what_it_decides_on_can_be_where_the_arm_is_told_to_be() -> None:
    seen: list[Any] = []

    class Watching(MlpPolicy):
        def act(self, observation: Any, goal: Any) -> Any:
            seen.append(observation)
            return super().act(observation, goal)

    fields = {f.name: getattr(POLICY, f.name) for f in dataclasses.fields(POLICY) if f.init}
    anticipation, rows = Anticipation(lockstep=False), list[Any]()
    shadow = Shadow(CONTRACT, Watching(**fields), rows.append, Clock(), anticipation.shown)
    shadow.on_target(0.0, np.array([0.5, 0.0, 0.3]))
    anticipation.on_command(1.0, [JointPoint(0.02, HOME + 0.2, np.zeros(7))])
    shadow.on_state(state(1.0), {})
    np.testing.assert_allclose(seen[0][:7], HOME + 0.2, atol=1e-6)
    assert rows[0]["joint_position_rad"] == pytest.approx(HOME, abs=1e-5)  # as measured


def test_a_policy_that_doubts_says_so() -> None:
    class Doubting(MlpPolicy):
        def doubt(self, observation: Any, goal: Any, action: Any) -> float:
            return 7.0

    fields = {f.name: getattr(POLICY, f.name) for f in dataclasses.fields(POLICY) if f.init}
    rows: list[Any] = []
    shadow = Shadow(CONTRACT, Doubting(**fields), rows.append, Clock())
    shadow.on_target(0.0, np.array([0.5, 0.0, 0.3]))
    shadow.on_state(state(1.0), {})
    assert rows[0]["doubt"] == 7.0 and shadow.figures()["doubt_p99"] == 7.0
