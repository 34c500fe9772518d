"""What `evaluate` says of single decisions."""

from __future__ import annotations

import pytest

from robot_learning.contract import load_robot
from robot_learning.evaluation.decisions import Decisions

LIMITS = load_robot("panda").operation.doubt


def decided(*doubts: float, limits=LIMITS) -> dict:
    decisions = Decisions(limits)
    for number, doubt in enumerate(doubts):
        decisions.add(0.001 * (number + 1), doubt)
    return decisions.as_json()


def test_times_are_in_milliseconds() -> None:
    assert decided(0.0, 0.0, 0.0)["decision_ms"] == {"median": 2.0, "p99": pytest.approx(2.98)}


def test_a_policy_without_a_model_is_said_to_doubt_nothing() -> None:
    assert "doubt" not in decided(0.0, 0.0)


def test_without_a_gate_nothing_is_slowed() -> None:
    assert "doubt" not in decided(5.0, limits=None)


def test_slowed_and_refused_are_what_the_gate_does_to_the_actions() -> None:
    between = (LIMITS.slow_above + LIMITS.stop_above) / 2
    facts = decided(0.5, LIMITS.slow_above, between, 2 * LIMITS.stop_above, float("nan"))["doubt"]
    assert (facts["slowed"], facts["refused"]) == (0.2, 0.4)
    assert facts["median"] == (LIMITS.slow_above + between) / 2  # what is no number has no rank
