from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from robot_learning.evaluation import Episode, EpisodeTracker, Evaluation, wilson_interval
from robot_learning.replay import Step


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [
        # Newcombe 1998, table I, method 3.
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
        # 58 of 60: 88.6 to 99.1 %.
        (58, 60, 0.8864, 0.9908),
    ],
)
def test_wilson_agrees_with_published_values(
    successes: int, trials: int, low: float, high: float
) -> None:
    found = wilson_interval(successes, trials)
    assert found == pytest.approx((low, high), abs=5e-5)


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_holds_the_rate_and_mirrors(case: tuple[int, int]) -> None:
    successes, trials = case
    low, high = wilson_interval(successes, trials)
    assert 0.0 <= low <= successes / trials <= high <= 1.0
    other_low, other_high = wilson_interval(trials - successes, trials)
    assert math.isclose(low, 1 - other_high, abs_tol=1e-12)
    assert math.isclose(high, 1 - other_low, abs_tol=1e-12)


def test_without_trials_nothing_is_known() -> None:
    assert wilson_interval(0, 0) == (0.0, 1.0)


def test_more_successes_than_trials_are_refused() -> None:
    with pytest.raises(ValueError, match="3 successes of 2 trials"):
        wilson_interval(3, 2)


def test_an_evaluation_gives_mean_sample_deviation_rate_and_interval() -> None:
    episodes = [Episode(-1.0, 10, True), Episode(-3.0, 10, False)]
    found = Evaluation.of(episodes, has_success=True)
    assert (found.n, found.mean_return, found.success_rate) == (2, -2.0, 0.5)
    assert found.std_return == pytest.approx(math.sqrt(2))
    assert found.wilson95 == wilson_interval(1, 2)


def test_success_is_null_where_there_is_none() -> None:
    found = Evaluation.of([Episode(5.0, 1, False)], has_success=False).as_json()
    assert found["success_rate"] is None and found["wilson95"] is None
    assert found["std_return"] == 0.0


def follow(hold_steps: int, successes: list[bool]) -> Episode:
    empty = np.zeros(0, np.float32)
    step = Step(
        "a", 0, 0, 0, False, False, empty, empty, empty, empty, empty, empty, -1.0, empty, empty,
        False, False, False,
    )  # fmt: skip
    tracker = EpisodeTracker(hold_steps)
    for index, success in enumerate(successes):
        last = index == len(successes) - 1
        finished = tracker.follow(replace(step, success=success, truncated=last))
        assert (finished is not None) == last
    assert finished is not None
    return finished


@pytest.mark.parametrize(
    ("successes", "expected"),
    [
        ([False, True, True, True], True),
        ([True, True, False, True], False),
        ([True, True, True, False], False),
    ],
)
def test_success_must_hold_during_the_last_steps(successes: list[bool], expected: bool) -> None:
    episode = follow(3, successes)
    assert (episode.success, episode.length, episode.episode_return) == (expected, 4, -4.0)
