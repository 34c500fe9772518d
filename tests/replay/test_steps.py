from __future__ import annotations

import numpy as np
import pytest
from step_samples import make_step

from robot_learning.replay import Arrival, Ledger, StepError, check_step

ARRAYS = (
    "observation",
    "achieved_goal",
    "desired_goal",
    "requested_action",
    "gated_action",
    "executed_action",
    "next_observation",
    "next_achieved_goal",
)


@pytest.mark.parametrize("name", ARRAYS)
@pytest.mark.parametrize("poison", [np.nan, np.inf, -np.inf])
def test_a_value_that_is_not_finite_is_named(name: str, poison: float) -> None:
    step = make_step(7, **{name: np.array([0.0, poison], np.float32)})
    with pytest.raises(StepError, match=f"step 7 of a: {name} is not finite"):
        check_step(step, 2, 2, 2)


@pytest.mark.parametrize("name", ["reward", "stamp_s", "observation_age_s"])
def test_a_number_that_is_not_finite_is_named(name: str) -> None:
    with pytest.raises(StepError, match=f"{name} is nan"):
        check_step(make_step(7, **{name: float("nan")}), 2, 2, 2)


@pytest.mark.parametrize("name", ARRAYS)
def test_a_wrong_length_is_named(name: str) -> None:
    with pytest.raises(StepError, match=f"{name} has shape"):
        check_step(make_step(0, **{name: np.zeros(3, np.float32)}), 2, 2, 2)


def test_large_finite_values_pass() -> None:
    huge = np.full(2, 3.4e38, np.float32)
    check_step(make_step(0, observation=huge), 2, 2, 2)


def test_duplicates_and_gaps_are_told_apart_and_counted() -> None:
    ledger = Ledger()
    assert ledger.judge("a", 0) is Arrival.NEXT
    ledger.advance("a")
    assert ledger.judge("a", 0) is Arrival.DUPLICATE
    assert ledger.judge("a", 2) is Arrival.GAP
    assert ledger.judge("a", 1) is Arrival.NEXT
    assert ledger.judge("b", 1) is Arrival.GAP  # an actor begins with 0
    assert (ledger.duplicates, ledger.gaps, ledger.next_numbers()) == (1, 2, {"a": 1})
