"""The grasping actor in real time: deadlines, silence, refusals; on pictures that are made up."""

from __future__ import annotations

import numpy as np
import pytest
from grasp_samples import CONTRACT

from robot_learning.control.action import ActionKind
from robot_learning.grasping.actor import GraspActor
from robot_learning.hardware import RobotState
from robot_learning.perception.image_pipeline import ImageError
from robot_learning.training.actor_types import (
    ActorPhase,
    Choice,
    EpisodePlan,
    Outcome,
    Receipt,
)

HOME = np.array([joint.home_position_rad for joint in CONTRACT.robot.arm.joints])
WIDE = CONTRACT.robot.gripper.width_max_m
PICTURE = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
FORWARD = np.array([1, 0, 0, 0, 0, -1, 1, -1], np.float32)
LAST = np.array([0, 0, 0, 0, 0, 1, -1, 1], np.float32)


class RealTime:
    """A world at home with an open hand, whose clock and stamps go together."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.think_s = 0.01
        self.action = FORWARD
        self.asked, self.ends, self.attempts, self.resets = [], [], [], []
        self.actor = GraspActor(
            CONTRACT, self, clock=lambda: self.now_s, stamp_clock=lambda: self.now_s
        )
        self.actor.set_allowed(None)

    def plan(self):
        return EpisodePlan(5, False)

    def look(self):
        raise AssertionError("in real time pictures come by themselves")

    def choose(self, picture, state):
        self.now_s += self.think_s
        return Choice(self.action, 0)

    def request(self, kind, action, stamp_s, version):
        self.asked.append((kind, stamp_s))
        return len(self.asked)

    def reset(self, seed):
        self.resets.append(seed)

    def episode_started(self, episode, plan, stamp_s):
        self.started_s = stamp_s

    def episode_ended(self, end):
        self.ends.append(end)

    def attempted(self, attempt):
        self.attempts.append(attempt)

    def state(self):
        zeros = np.zeros(7)
        state = RobotState(self.now_s, HOME, zeros, zeros, WIDE, 0.0, 0.0, np.zeros(6))
        self.actor.on_state(state)

    def pass_time(self, duration_s, *, pictures=True):
        """States every 10 ms and pictures every 30 ms, which arrive at once."""
        for tick in range(round(duration_s / 0.01)):
            self.now_s += 0.01
            self.state()
            if pictures and tick % 3 == 2:
                self.actor.on_picture(self.now_s, PICTURE)

    def begin(self):
        self.pass_time(0.08)
        assert self.resets == [5]
        self.actor.on_reset(self.now_s)
        self.pass_time(0.3)
        assert self.actor.phase is ActorPhase.RUNNING

    def answer(self, action=None):
        numbers = self.action if action is None else action
        for sequence in range(1, len(self.asked) + 1):
            self.actor.on_receipt(sequence, Receipt(numbers, numbers, numbers, 0.01))


def test_it_acts_ten_times_a_second_whatever_the_camera_s_rate():
    world = RealTime()
    world.begin()
    before = len(world.asked)
    world.pass_time(1.0)
    assert 8 <= len(world.asked) - before <= 11
    assert {kind for kind, _ in world.asked[before:]} == {ActionKind.ACTION}


def test_a_decision_that_misses_its_deadline_is_not_sent_and_the_next_picture_is_acted_on():
    world = RealTime()
    world.begin()
    acted_s = world.asked[-1][1]
    world.pass_time(acted_s + 0.09 - world.now_s, pictures=False)
    before, world.think_s = len(world.asked), 0.12
    world.actor.on_picture(world.now_s, PICTURE)
    assert len(world.asked) == before
    assert world.actor.decisions.missed == 1
    assert world.actor.decisions.quantile_ms(1.0) > 100.0
    world.think_s = 0.0
    world.state()
    world.actor.on_picture(world.now_s, PICTURE)
    assert len(world.asked) == before + 1


def test_a_camera_that_falls_silent_ends_the_episode_and_the_arm_is_asked_for_nothing():
    world = RealTime()
    world.begin()
    world.pass_time(0.5, pictures=False)
    assert world.ends[-1].outcome is Outcome.ABORTED and "no picture" in world.ends[-1].note
    before = len(world.asked)
    world.pass_time(2.0, pictures=False)
    assert len(world.asked) == before and "no picture" in world.actor.waiting_for
    world.pass_time(0.2)
    assert world.actor.phase is ActorPhase.RESETTING


@pytest.mark.parametrize(
    ("picture", "age_s", "why"),
    [(PICTURE, 0.3, "old"), (PICTURE * 0, 0.0, "black"), (PICTURE[:, :32], 0.0, "shape")],
)
def test_a_picture_that_says_nothing_ends_the_episode(picture, age_s, why):
    world = RealTime()
    world.begin()
    with pytest.raises(ImageError, match=why):
        world.actor.on_picture(world.now_s - age_s, picture)
    assert why in world.ends[-1].note and world.actor.phase is ActorPhase.WAITING


def test_the_last_step_waits_for_its_judgement_and_makes_the_episode():
    world = RealTime()
    world.begin()
    world.answer()
    world.action = LAST
    world.pass_time(0.12)
    world.answer()  # of what ends it, and of nothing before
    before = len(world.asked)
    world.pass_time(0.12)
    assert len(world.asked) == before and world.attempts == []
    stamp_s = world.actor._episode.pending[0].next.stamp_s
    world.actor.on_judgement(stamp_s, True)
    episode = world.attempts[0].episode("scripted", 5)
    assert episode.success and episode.terminated and len(episode) == before - 1
    assert episode.rewards[-1] == pytest.approx(1 - CONTRACT.task.success.step_penalty)
    assert world.ends[-1].outcome is Outcome.SUCCESS


def test_an_end_that_the_driver_refused_is_not_learned_from():
    world = RealTime()
    world.begin()
    world.answer()
    world.action = LAST
    world.pass_time(0.12)
    world.answer(np.zeros(8, np.float32))
    world.pass_time(0.12)
    assert "refused" in world.ends[-1].note and world.attempts == []
