"""A gripper's action server is told one goal at a time, and the newest one in the end."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from robot_learning.control.gripper_goals import (
    ANSWER_MAX_S,
    Ask,
    Cancel,
    CancelOthers,
    GripperGoal,
    GripperGoals,
)

CLOSED, OPEN = GripperGoal(0.0, 20.0), GripperGoal(0.04, 20.0)


def asked(goals: GripperGoals, goal: GripperGoal, now_s: float = 0.0) -> int:
    goals.want(goal)
    due = goals.next(now_s, True)
    assert isinstance(due, Ask) and due.goal == goal
    return due.number


def test_a_goal_is_asked_for_once() -> None:
    goals = GripperGoals()
    assert goals.next(0.0, True) is None
    number = asked(goals, CLOSED)
    goals.want(CLOSED)
    assert goals.next(0.1, True) is None
    goals.answered(number, True, 0.1)
    assert goals.under_way and goals.next(0.2, True) is None
    goals.ended(number)
    goals.want(CLOSED)
    assert not goals.under_way and goals.next(0.3, True) is None


def test_another_goal_waits_until_the_one_before_was_cancelled_and_has_ended() -> None:
    goals = GripperGoals()
    number = asked(goals, CLOSED)
    goals.want(OPEN)
    assert goals.next(0.1, True) is None  # not answered yet: there is nothing to cancel
    goals.answered(number, True, 0.1)
    assert isinstance(goals.next(0.1, True), Cancel)
    assert goals.next(0.2, True) is None
    goals.ended(number)
    due = goals.next(0.3, True)
    assert isinstance(due, Ask) and due.goal == OPEN


def test_a_refused_goal_is_asked_again_a_second_later() -> None:
    goals = GripperGoals()
    goals.answered(asked(goals, CLOSED), False, 0.1)
    assert goals.refused == 1 and goals.next(0.5, True) is None
    assert isinstance(goals.next(1.2, True), Ask)


def test_a_server_that_went_away_is_told_anew() -> None:
    goals = GripperGoals()
    goals.answered(asked(goals, CLOSED), True, 0.1)
    assert goals.next(0.2, False) is None and not goals.under_way
    assert isinstance(goals.next(0.3, True), Ask)


def test_a_server_that_does_not_answer_is_asked_again_and_what_it_takes_late_is_not_wanted() -> (
    None
):
    goals = GripperGoals()
    first = asked(goals, CLOSED)
    due = goals.next(ANSWER_MAX_S + 0.1, True)
    assert isinstance(due, Ask) and due.number != first
    assert not goals.answered(first, True, ANSWER_MAX_S + 0.2)
    goals.ended(first)
    assert goals.answered(due.number, True, ANSWER_MAX_S + 0.2)
    assert goals.under_way and goals.next(ANSWER_MAX_S + 0.3, True) is None


def test_a_goal_of_another_is_ended_before_one_is_asked_for_and_not_sooner() -> None:
    goals = GripperGoals()
    assert goals.next(0.0, True, others=True) is None  # nothing to ask for: it is left alone
    goals.want(CLOSED)
    assert isinstance(goals.next(0.1, True, others=True), CancelOthers)
    assert goals.next(0.2, True, others=True) is None
    assert isinstance(goals.next(0.2 + ANSWER_MAX_S, True, others=True), CancelOthers)
    due = goals.next(0.3 + ANSWER_MAX_S, True, others=False)
    assert isinstance(due, Ask) and due.goal == CLOSED


@given(
    st.lists(
        st.sampled_from(["close", "open", "look", "accept", "refuse", "end", "away"]), max_size=60
    )
)
def test_whatever_happens_no_second_goal_is_asked_for_while_one_is_under_way_and_the_last_one_comes(
    events: list[str],
) -> None:
    goals, now_s, last, wanted = GripperGoals(), 0.0, 0, None
    at_work = False  # the server, as far as it said so
    for event in [*events, "look", "accept", "end", "look"]:
        now_s += 0.01  # never so long that a server would count as silent
        if event in ("close", "open"):
            wanted = CLOSED if event == "close" else OPEN
            goals.want(wanted)
        elif event == "accept":
            at_work |= goals.under_way
            goals.answered(last, True, now_s)
        elif event == "refuse":
            goals.answered(last, False, now_s)
        elif event == "end":
            goals.ended(last)
            at_work = False
        due = goals.next(now_s, event != "away")
        at_work &= event != "away"
        if isinstance(due, Ask):
            assert not at_work and due.goal == wanted
            last = due.number
    for _ in range(20):  # a server that does what it is asked
        now_s += 0.3
        due = goals.next(now_s, True)
        if isinstance(due, Ask):
            last = due.number
            goals.answered(last, True, now_s)
        goals.ended(last)
    assert goals.given == wanted
