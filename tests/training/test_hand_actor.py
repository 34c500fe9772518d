"""The actor of a person alone: episodes consist of what the person does, and of nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import pytest
from actor_world import CONTRACT, PERIOD, STEPS, World
from hypothesis import given
from hypothesis import strategies as st

from robot_learning.control.action import ActionKind
from robot_learning.training.actor import Actor
from robot_learning.training.actor_types import ActorPhase, EpisodeEnd, Outcome, Receipt
from robot_learning.training.by_hand import ByHand
from robot_learning.training.hand_actor import HandActor

HOLD_STEPS = CONTRACT.task.success.hold_steps
UP = np.array([0.0, 0.0, 1.0], np.float32)
REST = np.zeros(3, np.float32)


@dataclass
class Desk(World):
    """A person at a device, alone: every period either acts, holds still, or has let go."""

    lockstep: bool = False
    moving: bool = False
    ready: int = 0
    started_s: list[float] = field(default_factory=list)
    program: ByHand = field(default_factory=lambda: ByHand(seed=0, episodes=3, action_size=3))

    def make_actor(self) -> Actor:
        return HandActor(
            self.contract,
            self,
            actor_id="a",
            clock=lambda: self.now_s,
            patience_s=2.0,
            on_ready=self.on_ready,
        )

    def on_ready(self) -> None:
        self.ready += 1

    def plan(self):
        return self.program.plan()

    def choose(self, observation, goal, is_evaluation):
        return self.program.choose(observation, goal, is_evaluation)

    def episode_started(self, episode, plan, stamp_s):
        self.started_s.append(stamp_s)

    def episode_ended(self, end: EpisodeEnd) -> None:
        super().episode_ended(end)
        if end.outcome is not Outcome.ABORTED:
            self.program.count(end)

    def state(self):
        state = super().state()
        return state if not self.moving else _moving(state)

    def get_ready(self) -> None:
        self.position = np.array([j.home_position_rad for j in CONTRACT.robot.arm.joints])
        self.moving = False
        self.say_state(PERIOD)
        self.actor.on_target(self.stamp_s, np.array([0.5, 0.0, 0.3]))
        self.actor.on_reset(self.stamp_s)
        assert self.actor.phase is ActorPhase.READY

    def period(self, asked: np.ndarray | None, *, moving: bool | None = None) -> None:
        """One control period in which the person asks for this, or has let go (None)."""
        sequence = len(self.requests)
        wanted = REST if asked is None else asked
        self.moving = bool(wanted.any()) if moving is None else moving
        self.say_state(PERIOD)
        by_person = asked is not None
        self.actor.on_receipt(sequence, Receipt(wanted, wanted, wanted, 0.0, by_person))
        self.judge()


def _moving(state):
    from dataclasses import replace

    return replace(state, velocity_rad_s=np.full(7, 0.1))


@pytest.fixture
def desk() -> Desk:
    desk = Desk()
    desk.get_ready()
    return desk


def test_nobody_moves_the_arm_and_nothing_begins_while_nobody_acts(desk: Desk) -> None:
    for _ in range(3 * STEPS):
        desk.period(None)
        desk.actor.tick()
    assert desk.ready == 1 and desk.actor.phase is ActorPhase.READY
    assert {kind for kind, _ in desk.requests} == {ActionKind.HOLD}
    assert not desk.steps and not desk.started_s and not desk.ends


def test_taking_the_arm_is_not_yet_a_motion_and_begins_nothing(desk: Desk) -> None:
    for _ in range(STEPS):
        desk.period(REST)
    assert not desk.steps and not desk.started_s


def test_the_episode_begins_with_the_observation_that_the_first_motion_answers(
    desk: Desk,
) -> None:
    desk.period(None)
    began_s = desk.stamp_s
    desk.period(UP)
    assert desk.started_s == [pytest.approx(began_s)]
    (step,) = desk.steps
    assert step.stamp_s == pytest.approx(began_s) and step.episode_step == 0
    assert step.is_intervention and step.requested_action.tolist() == UP.tolist()


def test_let_go_the_arm_comes_to_rest_in_steps_and_then_the_clock_stands_still(
    desk: Desk,
) -> None:
    desk.period(UP)
    desk.period(None, moving=True)  # it slows down
    desk.period(None)  # and stands
    for _ in range(2 * STEPS):
        desk.period(None)
        desk.actor.tick()
    assert [step.is_intervention for step in desk.steps] == [True, False, False]
    desk.period(UP)
    assert [step.episode_step for step in desk.steps] == [0, 1, 2, 3]
    gaps_s = np.diff([step.stamp_s for step in desk.steps])
    assert gaps_s == pytest.approx([PERIOD, PERIOD, (1 + 2 * STEPS) * PERIOD])
    assert len(desk.started_s) == 1 and not desk.ends


def test_who_holds_the_arm_still_lets_time_pass(desk: Desk) -> None:
    desk.period(UP)
    for _ in range(5):
        desk.period(REST)
    assert len(desk.steps) == 6 and all(step.is_intervention for step in desk.steps)


def test_the_contracts_limit_counts_what_the_person_did_and_cuts(desk: Desk) -> None:
    for number in range(STEPS):
        if number in (1, STEPS // 2, STEPS - 1):  # pauses, one before the last step too
            for _ in range(4):
                desk.period(None)
        desk.period(UP, moving=False)
    assert len(desk.steps) == STEPS
    assert [step.truncated for step in desk.steps] == [False] * (STEPS - 1) + [True]
    assert [(end.outcome, end.steps) for end in desk.ends] == [(Outcome.FAILURE, STEPS)]


def test_a_goal_that_is_held_ends_the_episode_in_success_though_the_task_goes_on(
    desk: Desk,
) -> None:
    desk.period(UP)
    desk.success, desk.reward = True, 0.0
    for _ in range(HOLD_STEPS):
        desk.period(None)  # let go at the goal: it counts all the same
    assert len(desk.steps) == 1 + HOLD_STEPS
    assert desk.steps[-1].truncated and not desk.steps[-1].terminated
    assert desk.ends[0].outcome is Outcome.SUCCESS


def test_a_task_that_ends_by_itself_ends_the_episode_as_terminated(desk: Desk) -> None:
    desk.period(UP)
    desk.terminated = desk.success = True
    desk.period(None)
    assert desk.steps[-1].terminated and not desk.steps[-1].truncated
    assert len(desk.ends) == 1


@pytest.mark.parametrize("label", [Outcome.SUCCESS, Outcome.FAILURE])
def test_in_a_pause_the_person_ends_it_with_the_period_under_way(
    desk: Desk, label: Outcome
) -> None:
    desk.period(UP)
    for _ in range(5):
        desk.period(None)
    before = len(desk.steps)
    assert desk.actor.end_episode(label, "ended by keyboard-1")
    desk.period(None)
    assert len(desk.steps) == before + 1
    assert desk.steps[-1].truncated and not desk.steps[-1].is_intervention
    assert desk.ends[0].outcome is label


def test_before_the_first_motion_there_is_nothing_to_end_or_to_discard(desk: Desk) -> None:
    assert not desk.actor.end_episode(Outcome.SUCCESS, "") and not desk.actor.discard("")
    desk.period(UP)
    assert len(desk.steps) == 1 and not desk.steps[0].truncated


def test_a_discarded_episode_is_shown_again_from_its_scene_and_one_that_counts_is_not(
    desk: Desk,
) -> None:
    desk.period(UP)
    assert desk.actor.discard("discarded by keyboard-1")
    assert [end.outcome for end in desk.ends] == [Outcome.ABORTED]
    desk.get_ready()
    desk.period(UP)
    desk.actor.end_episode(Outcome.FAILURE, "")
    desk.period(UP)
    desk.get_ready()
    first, again, other = desk.resets
    assert first == again != other
    assert [step.episode for step in desk.steps] == [0, 1, 1]


def test_the_episode_that_is_over_is_taken_back_once_and_its_scene_comes_again(
    desk: Desk,
) -> None:
    assert not desk.program.take_back(), "nothing was shown yet"
    for _ in range(2):
        desk.period(UP)
        desk.actor.end_episode(Outcome.SUCCESS, "")
        desk.period(UP)
        desk.get_ready()
    assert desk.program.take_back() and not desk.program.take_back()
    desk.actor.abort("the last episode is shown again")
    assert len(desk.ends) == 2 and not desk.actor.aborted, "an episode that waits is none"
    desk.get_ready()
    assert desk.resets[-1] == desk.resets[1] != desk.resets[2]
    assert desk.program.next_line() == "episode 2 of 3"


def test_what_stops_the_arm_before_the_first_motion_is_no_episode(desk: Desk) -> None:
    desk.period(None)
    desk.actor.set_allowed("safety: ESTOP")
    assert desk.actor.phase is ActorPhase.WAITING and not desk.ends and not desk.actor.aborted
    desk.actor.set_allowed(None)
    desk.get_ready()
    desk.period(UP)
    assert [step.episode for step in desk.steps] == [0]


def test_as_many_episodes_as_asked_for_and_no_more(desk: Desk) -> None:
    for left in (2, 1, 0):
        desk.period(UP)
        desk.actor.end_episode(Outcome.SUCCESS, "")
        desk.period(UP)
        if left:
            desk.get_ready()
    assert desk.program.done
    desk.say_state(PERIOD)
    assert desk.actor.phase is ActorPhase.WAITING
    assert desk.actor.waiting_for == "all episodes are played"


@given(st.lists(st.sampled_from(["moves", "holds", "lets go"]), max_size=2 * STEPS))
def test_every_motion_of_the_person_is_a_step_numbered_without_gaps_and_in_order(
    done: list[str],
) -> None:
    desk = Desk()
    desk.get_ready()
    moved = 0
    for what in done:
        if desk.ends:
            break
        moved += what == "moves"
        desk.period({"moves": UP, "holds": REST, "lets go": None}[what])
    assert [step.episode_step for step in desk.steps] == list(range(len(desk.steps)))
    assert sum(bool(step.requested_action.any()) for step in desk.steps) == moved
    assert all(a.stamp_s < b.stamp_s for a, b in pairwise(desk.steps))
    assert bool(desk.steps) == bool(moved) and len(desk.steps) <= STEPS
    assert not desk.steps or desk.steps[0].is_intervention
