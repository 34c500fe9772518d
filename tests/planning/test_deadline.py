"""How long a planner may take, and what is said when it takes longer."""

from __future__ import annotations

import pytest

from robot_learning.contract import load_contract
from robot_learning.networks.policy import Thought
from robot_learning.planning.deadline import DeadlineError, PlanWatch, plan_budget_s

REACH, PUSH = load_contract("panda", "reach"), load_contract("panda", "push")
LIGHTER = "population (64), rounds (3), horizon (15)"


def watched(plans: list[Thought], budget_s: float | None = 0.03) -> PlanWatch:
    watch = PlanWatch(budget_s)
    for thought in plans:
        watch.see(thought, thought.seconds + 0.001, LIGHTER)
    return watch


def test_in_real_time_there_is_always_a_limit_that_leaves_room_for_the_messages() -> None:
    assert plan_budget_s(REACH, 0.0, real_time=True) == pytest.approx(0.03)  # of 50 ms
    assert plan_budget_s(PUSH, 0.0, real_time=True) == pytest.approx(0.06)  # of 100 ms
    assert plan_budget_s(REACH, 0.04, real_time=True) == 0.04


def test_in_lockstep_time_waits_and_there_is_a_limit_only_where_it_is_asked_for() -> None:
    assert plan_budget_s(REACH, 0.0, real_time=False) is None
    assert plan_budget_s(REACH, 0.5, real_time=False) == 0.5


def test_more_time_than_a_control_period_is_refused() -> None:
    with pytest.raises(DeadlineError, match=r"0\.06 is longer than the control period 0\.05 s"):
        plan_budget_s(REACH, 0.06, real_time=True)


def test_plans_in_time_are_no_news() -> None:
    watch = watched([Thought(0.02, 150, True)] * 100)
    assert not watch.complaint
    figures = watch.figures()
    assert figures["plans"] == 100 and figures["plans_late"] == 0
    assert figures["plans_complete"] == "1.000" and figures["plan_budget_ms"] == "30.0"
    assert figures["plan_p50_ms"] == "21.0"


def test_a_busy_moment_is_no_complaint_and_a_deadline_missed_again_and_again_is() -> None:
    good, late = Thought(0.02, 150, True), Thought(0.08, 32, False)
    assert not watched([good] * 40 + [late] * 4).complaint
    complaint = watched([good] * 40 + [late] * 20).complaint
    assert "the deadline cannot be met on this machine: 20 of the last 40" in complaint
    assert "30 ms" in complaint and complaint.endswith(f"lower one of {LIGHTER}")


def test_plans_that_are_mostly_cut_short_are_told_with_how_far_they_get() -> None:
    complaint = watched([Thought(0.029, 96, False)] * 40).complaint
    assert "0 of the last 40 were complete within 30 ms, with 96 candidates" in complaint
    assert LIGHTER in complaint


def test_a_complaint_is_news_once() -> None:
    watch = PlanWatch(0.03)
    news = []
    for _ in range(100):
        watch.see(Thought(0.05, 32, False), 0.05, LIGHTER)
        news.append(watch.news)
    assert sum(map(bool, news)) == 1


def test_without_a_limit_nothing_is_late() -> None:
    watch = watched([Thought(9.0, 150, True)] * 100, None)
    assert not watch.complaint and watch.figures()["plan_budget_ms"] == "none"
