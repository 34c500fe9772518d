"""The actor: episodes out of states, rewards and receipts, whatever is late or missing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from actor_world import CONTRACT, HOME, PERIOD, STEPS, World

from robot_learning.contract import load_contract
from robot_learning.control.action import ActionKind
from robot_learning.envs.anticipation import as_told
from robot_learning.envs.observation import field_slices
from robot_learning.hardware import RobotState
from robot_learning.kinematics import ArmKinematics
from robot_learning.training.actor_types import (
    ActorPhase,
    Choice,
    EpisodePlan,
    Outcome,
    Receipt,
)
from robot_learning.training.episode_cycle import RESET_AGAIN_S


@pytest.mark.parametrize(("lockstep", "asked"), [(True, 1), (False, 4)])
def test_it_goes_home_first_then_resets_then_acts(lockstep: bool, asked: int) -> None:
    # In real time home is asked for every period, so that silence stops the arm; in lockstep the
    # driver goes on by itself.
    world = World(lockstep=lockstep)
    for _ in range(4):
        world.say_state(PERIOD)
    assert [kind for kind, _ in world.requests] == [ActionKind.HOME] * asked
    world.begin()
    assert world.resets == [7]
    assert world.requests[-1][0] is ActionKind.ACTION


def test_an_episode_of_the_contracts_length_is_truncated_not_terminated() -> None:
    world = World()
    world.begin()
    for _ in range(STEPS):
        world.answer()
    assert [s.episode_step for s in world.steps] == list(range(STEPS))
    assert [s.truncated for s in world.steps] == [False] * (STEPS - 1) + [True]
    assert not any(s.terminated for s in world.steps)
    assert world.ends[0].outcome is Outcome.FAILURE and world.ends[0].steps == STEPS
    assert world.ends[0].episode_return == -STEPS


def test_the_tasks_own_end_is_terminated_and_not_truncated() -> None:
    task = CONTRACT.task.model_copy(update={"terminates": True})
    world = World(terminated=True, contract=CONTRACT.model_copy(update={"task": task}))
    world.begin()
    world.answer()
    [step] = world.steps
    assert step.terminated and not step.truncated
    assert len(world.ends) == 1


def test_what_was_executed_is_recorded_beside_what_was_asked() -> None:
    world = World()
    world.begin()
    world.answer()
    [step] = world.steps
    assert step.requested_action.tolist() == [1, 1, 1]
    assert step.executed_action.tolist() == [0.5, 0.5, 0.5]
    assert step.policy_version == 5 and step.stamp_s == pytest.approx(100.05)


@pytest.mark.parametrize("held", [CONTRACT.task.success.hold_steps - 1, STEPS])
def test_success_must_be_held_to_the_end_of_the_episode(held: int) -> None:
    world = World()
    world.begin()
    for index in range(STEPS):
        world.success = index >= STEPS - held
        world.answer()
    enough = held >= CONTRACT.task.success.hold_steps
    assert world.ends[0].outcome is (Outcome.SUCCESS if enough else Outcome.FAILURE)


def test_lockstep_waits_for_the_reward_where_the_task_may_end_by_it() -> None:
    task = CONTRACT.task.model_copy(update={"terminates": True})
    world = World(contract=CONTRACT.model_copy(update={"task": task}))
    world.begin()
    before = len(world.requests)
    asked = np.ones(3, np.float32)
    world.actor.on_receipt(before, Receipt(asked, asked, asked, 0.0))
    world.say_state(PERIOD)
    assert len(world.requests) == before
    world.judge()
    assert len(world.requests) == before + 1


def test_real_time_acts_at_once_and_completes_the_step_when_its_reward_comes() -> None:
    world = World(lockstep=False)
    world.begin()
    asked = np.ones(3, np.float32)
    before = len(world.requests)
    for _ in range(5):  # states at 100 Hz, actions at 20 Hz
        world.say_state(0.01)
    assert len(world.requests) == before + 1 and not world.steps
    world.actor.on_receipt(before, Receipt(asked, asked, asked, 0.0))
    world.judge()
    assert len(world.steps) == 1


def test_a_repeated_state_is_not_a_step() -> None:
    world = World()
    world.begin()
    world.say_state(0.0)
    assert not world.steps and world.actor.phase is ActorPhase.RUNNING


def test_time_that_passed_without_an_action_ends_the_episode_as_aborted() -> None:
    world = World()
    world.begin()
    world.answer(passed_s=PERIOD + 0.02)
    assert not world.steps
    assert world.ends[0].outcome is Outcome.ABORTED
    assert "time passed without an action" in world.ends[0].note


def test_a_clock_that_goes_back_ends_the_episode_and_the_next_one_begins() -> None:
    world = World()
    world.begin()
    world.answer()
    world.stamp_s = 0.0
    world.say_state(0.0)
    assert "clock went back" in world.ends[0].note
    world.begin()
    world.answer()
    assert [s.step_number for s in world.steps] == [0, 1]
    assert [s.episode for s in world.steps] == [0, 1]


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ([], "executed_action of step 0 from the arm driver"),
        (["receipt"], "new state from the arm"),
        (["receipt", "state"], "reward from the reward monitor"),
    ],
)
def test_what_stays_away_is_named_and_the_actor_begins_again(
    given: list[str], missing: str
) -> None:
    world = World()
    world.begin()
    asked = np.ones(3, np.float32)
    if "receipt" in given:
        world.actor.on_receipt(len(world.requests), Receipt(asked, asked, asked, 0.0))
    if "state" in given:
        world.say_state(PERIOD)
    world.now_s += 2.5
    world.actor.tick()
    assert f"no {missing} for" in world.ends[0].note
    assert world.actor.phase is ActorPhase.WAITING
    world.begin()


def test_losing_the_permission_to_move_ends_the_episode_and_asks_for_nothing() -> None:
    world = World()
    world.begin()
    world.actor.set_allowed("safety: FAULT")
    count = len(world.requests)
    world.say_state(PERIOD)
    assert world.ends[0].note == "safety: FAULT"
    assert len(world.requests) == count
    world.actor.set_allowed(None)
    world.begin()


def test_it_waits_while_the_plan_says_why() -> None:
    world = World(plan_="the learner's status")
    world.say_state()
    assert world.actor.phase is ActorPhase.WAITING
    assert world.actor.waiting_for == "the learner's status"
    assert not world.requests


def test_a_refused_reset_is_said_and_tried_again() -> None:
    world = World()
    world.position = HOME.copy()
    world.say_state()
    world.actor.on_reset(None, "the simulator is not active")
    assert "the simulator is not active" in world.actor.waiting_for
    asked = len(world.resets)
    world.say_state(PERIOD)
    assert len(world.resets) == asked  # not with every state: a person may be at it
    world.now_s += RESET_AGAIN_S
    world.begin()
    assert len(world.resets) == asked + 1


def test_an_old_target_is_not_the_new_episodes_goal() -> None:
    world = World()
    world.position = HOME.copy()
    world.actor.on_target(world.stamp_s - 1.0, np.zeros(3))
    world.say_state()
    world.actor.on_reset(world.stamp_s)
    assert world.actor.phase is ActorPhase.RESETTING
    world.actor.on_target(world.stamp_s, np.array([0.4, 0.1, 0.2]))
    assert world.actor.phase is ActorPhase.RUNNING
    world.answer()
    assert world.steps[0].desired_goal.tolist() == pytest.approx([0.4, 0.1, 0.2])


def test_evaluation_steps_say_so() -> None:
    world = World(plan_=EpisodePlan(3, True))
    world.begin()
    world.answer()
    assert world.steps[0].is_evaluation and replace(world.steps[0], is_evaluation=False)


def test_a_step_in_which_a_person_acted_says_so_and_names_no_policy() -> None:
    world = World()
    world.begin()
    for by_person in (False, True, False):
        world.answer(by_person=by_person)
    assert [step.is_intervention for step in world.steps] == [False, True, False]
    assert [step.policy_version for step in world.steps] == [5, 0, 5]


@pytest.mark.parametrize("lockstep", [True, False])
@pytest.mark.parametrize("label", [Outcome.SUCCESS, Outcome.FAILURE])
def test_a_person_ends_an_episode_with_the_step_under_way_and_labels_it(
    lockstep: bool, label: Outcome
) -> None:
    world = World(lockstep=lockstep)
    world.begin()
    world.answer()
    assert world.actor.end_episode(label, "ended by keyboard-1")
    assert not world.ends, "the step under way is recorded first"
    world.answer()
    assert [step.truncated for step in world.steps] == [False, True]
    assert not any(step.terminated for step in world.steps)
    assert (world.ends[0].outcome, world.ends[0].note) == (label, "ended by keyboard-1")
    world.begin()
    world.answer()
    assert not world.steps[-1].truncated, "the next episode has its whole length"


def test_a_person_who_ends_an_episode_without_a_label_leaves_it_to_the_task() -> None:
    world = World()
    world.begin()
    for _ in range(CONTRACT.task.success.hold_steps):
        world.success = True
        world.answer()
    world.actor.end_episode(None, "ended by gamepad-1")
    world.answer()
    assert world.ends[0].outcome is Outcome.SUCCESS


def test_where_the_reward_comes_first_a_person_ends_with_the_step_under_way_too() -> None:
    task = CONTRACT.task.model_copy(update={"terminates": True})
    world = World(contract=CONTRACT.model_copy(update={"task": task}))
    world.begin()
    world.answer()
    world.actor.end_episode(Outcome.SUCCESS, "")
    world.answer()
    assert world.steps[-1].truncated and world.ends[0].outcome is Outcome.SUCCESS


def test_a_discarded_episode_is_given_up_and_its_scene_begins_again() -> None:
    world = World()
    world.begin()
    world.answer()
    world.plan_ = EpisodePlan(8, False)
    assert world.actor.discard("discarded by keyboard-1")
    assert world.ends[0].outcome is Outcome.ABORTED
    world.begin()
    assert world.resets == [7, 7]
    for _ in range(STEPS):
        world.answer()
    world.say_state(PERIOD)
    assert world.resets == [7, 7, 8]


def test_a_discarded_training_scene_is_not_begun_again_as_an_evaluation() -> None:
    world = World()
    world.begin()
    world.plan_ = EpisodePlan(8, True)
    world.actor.discard("discarded by keyboard-1")
    world.begin()
    assert world.resets == [7, 8]


def test_between_episodes_there_is_nothing_to_end_or_to_discard() -> None:
    world = World()
    world.say_state()
    assert not world.actor.end_episode(Outcome.SUCCESS, "") and not world.actor.discard("")


def test_an_evaluation_in_which_a_person_acted_counts_for_nothing() -> None:
    world = World(plan_=EpisodePlan(3, True))
    world.begin()
    world.answer()
    world.answer(by_person=True)
    assert len(world.steps) == 1 and world.ends[0].outcome is Outcome.ABORTED
    assert "a person acted" in world.ends[0].note


class TableWorld(World):
    """Says where the object is with every state; it is elsewhere after a reset."""

    place = np.array([0.5, 0.0, 0.025])

    def say_state(self, passed_s: float = 0.0) -> None:
        self.stamp_s += passed_s
        self.now_s += passed_s
        self.actor.on_state(self.state(), {"object_position_m": self.place.copy()})

    def begin(self) -> None:
        self.position = HOME.copy()
        self.say_state(self.contract.control_period_s)
        assert self.actor.phase is ActorPhase.RESETTING
        self.actor.on_reset(self.stamp_s)

    def shown_place(self) -> np.ndarray:
        """Where the object is in the first observation of the newest episode."""
        at = field_slices(self.contract)["object_position_m"]
        return self.steps[self.steps_before].observation[at]


@pytest.mark.parametrize("lockstep", [True, False])
def test_an_episode_begins_with_what_was_seen_after_the_reset(lockstep: bool) -> None:
    """The state that the reset was asked for has the same stamp, and the object of before."""
    contract = load_contract("panda", "lift")
    world = TableWorld(lockstep=lockstep, contract=contract, executed=np.zeros(4, np.float32))
    world.begin()
    assert world.actor.phase is ActorPhase.RESETTING
    if lockstep:
        assert world.requests[-1] == (ActionKind.HOLD, world.stamp_s)
    world.place = np.array([0.45, 0.1, 0.025])
    world.say_state(contract.control_period_s)
    assert world.actor.phase is ActorPhase.RUNNING
    world.answer(contract.control_period_s)
    np.testing.assert_allclose(world.shown_place(), world.place, atol=1e-6)


def test_a_task_without_goals_has_steps_without_goals_and_ends_when_it_is_done() -> None:
    contract = load_contract("panda", "lift")
    world = TableWorld(contract=contract, executed=np.zeros(4, np.float32))
    world.begin()
    world.say_state(contract.control_period_s)
    world.reward, world.success, world.terminated = 1.0, True, True
    world.answer(contract.control_period_s)
    (step,) = world.steps
    assert (
        step.desired_goal.shape == step.achieved_goal.shape == step.next_achieved_goal.shape == (0,)
    )
    assert (step.reward, step.terminated, step.truncated) == (1.0, True, False)
    assert [end.outcome for end in world.ends] == [Outcome.SUCCESS]


@pytest.mark.parametrize("judge_says_success", [True, False])
@pytest.mark.parametrize("label", [Outcome.SUCCESS, Outcome.FAILURE])
def test_a_persons_word_is_the_reward_of_the_last_step_whatever_its_judge_says(
    label: Outcome, judge_says_success: bool
) -> None:
    contract = load_contract("panda", "lift")
    world = TableWorld(contract=contract, executed=np.zeros(4, np.float32), reward=0.0)
    world.begin()
    world.say_state(contract.control_period_s)
    world.answer(contract.control_period_s)
    world.actor.end_episode(label, "ended by keyboard-1")
    word = judge_says_success
    world.reward, world.success, world.terminated = float(word), word, word
    world.answer(contract.control_period_s)
    succeeded = label is Outcome.SUCCESS
    last = world.steps[-1]
    assert (last.reward, last.success) == (float(succeeded), succeeded)
    assert (last.terminated, last.truncated) == (succeeded, not succeeded)
    assert [step.reward for step in world.steps[:-1]] == [0.0]
    assert world.ends[0].outcome is label and world.ends[0].episode_return == last.reward


def test_the_target_of_an_insertion_is_seen_by_the_policy_though_it_is_no_goal() -> None:
    contract = load_contract("panda", "insertion")
    world = World(contract=contract, executed=np.zeros(3, np.float32))
    world.position = HOME.copy()
    world.say_state(contract.control_period_s)
    world.actor.on_reset(world.stamp_s)
    assert world.actor.phase is ActorPhase.RESETTING  # no target_pose yet
    tip = ArmKinematics(contract.robot.arm).tcp_position(HOME) - [0.0, 0.0, 0.04]
    world.actor.on_target(world.stamp_s, tip + np.array([0.01, 0.02, -0.2]))
    assert world.actor.phase is ActorPhase.RUNNING
    world.answer(contract.control_period_s)
    shown = world.steps[0].observation[field_slices(contract)["target_offset_m"]]
    np.testing.assert_allclose(shown, [0.01, 0.02, -0.2], atol=1e-5)
    assert world.steps[0].desired_goal.shape == (0,)


def test_what_whoever_chooses_sees_can_be_another_than_what_is_measured() -> None:
    """Observations and steps are of what is shown; when and whether, of what is measured."""

    class Anticipating(World):
        def shown(self, state: RobotState) -> RobotState:
            return as_told(state, HOME + 0.2, np.zeros(7))

        def choose(self, observation: Any, goal: Any, is_evaluation: bool) -> Choice:
            np.testing.assert_allclose(observation[:7], HOME + 0.2, atol=1e-6)
            return super().choose(observation, goal, is_evaluation)

    world = Anticipating()
    world.begin()
    world.answer()
    (step,) = world.steps
    np.testing.assert_allclose(step.observation[:7], HOME + 0.2, atol=1e-6)
    np.testing.assert_allclose(step.next_observation[:7], HOME + 0.2, atol=1e-6)
