from __future__ import annotations

import math

import numpy as np
import pytest

from robot_learning.training.health import Health, HealthLimits, HealthMonitor


def monitor(gamma: float = 0.9, rewards: tuple[float, ...] = (-1.0, 0.0)) -> HealthMonitor:
    made = HealthMonitor(gamma)
    made.rewards(np.array(rewards, np.float32))
    return made


def test_values_that_rewards_and_discount_allow_are_good() -> None:
    watch = monitor()
    assert watch.value_range() == pytest.approx((-10.0, 0.0))
    assert watch.check({"q_min": -10.0, "q_max": 0.0, "critic_loss": 1.0}) is Health.GOOD
    assert watch.findings == []


def test_values_a_little_beyond_are_a_warning_that_says_the_range() -> None:
    watch = monitor()
    assert watch.check({"q_min": -10.0, "q_max": 2.0}) is Health.WARNING
    assert "allow -10 to 0" in watch.findings[0].text


def test_values_far_beyond_are_a_divergence() -> None:
    assert monitor().check({"q_min": -45.0, "q_max": 0.0}) is Health.DIVERGED


def test_random_first_values_are_no_divergence_however_small_the_rewards() -> None:
    watch = monitor(rewards=(-1e-4, 0.0))
    assert watch.check({"q_min": -0.4, "q_max": 0.4}) is not Health.DIVERGED
    assert watch.check({"q_min": -40.0, "q_max": 0.4}) is Health.DIVERGED


def test_the_reward_of_having_ended_counts() -> None:
    # An episode that ends earns 0 from then on, so its value may be as low as 0.
    assert monitor(rewards=(1.0, 1.0)).value_range() == pytest.approx((0.0, 10.0))


def test_an_entropy_bonus_widens_the_range() -> None:
    watch = monitor()
    assert watch.check({"q_mean": 4.0}) is Health.WARNING
    assert watch.check({"q_mean": 4.0, "reward_bonus": 0.5}) is Health.GOOD
    # Values follow a bonus that shrinks only slowly.
    assert watch.check({"q_mean": 4.0, "reward_bonus": 0.1}) is Health.GOOD


def test_a_bonus_that_is_not_finite_is_a_divergence_and_widens_nothing() -> None:
    watch = monitor()
    assert watch.check({"q_mean": 0.0, "reward_bonus": math.inf}) is Health.DIVERGED
    assert watch.check({"q_mean": 45.0}) is Health.DIVERGED


@pytest.mark.parametrize("name", ["critic_loss", "q_mean", "actor_gradient_norm", "temperature"])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_a_divergence(name: str, value: float) -> None:
    watch = monitor()
    assert watch.check({name: value}) is Health.DIVERGED
    assert name in watch.findings[0].text


def test_a_gradient_far_above_its_median_is_a_warning() -> None:
    watch = monitor()
    for step in range(60):
        assert watch.check({"critic_gradient_norm": 1.0 + 0.01 * step}) is Health.GOOD
    assert watch.check({"critic_gradient_norm": 500.0}) is Health.WARNING


@pytest.mark.parametrize(
    ("figures", "name"),
    [({"entropy": -11.0}, "entropy"), ({"dead_units": 0.95}, "dead_units")],
)
def test_other_signs_are_warnings(figures: dict[str, float], name: str) -> None:
    watch = monitor()
    assert watch.check(figures) is Health.WARNING
    assert watch.findings[0].name == name


def test_stale_labels_are_a_warning() -> None:
    watch = HealthMonitor(0.9, HealthLimits(age_max_updates=1000.0))
    assert watch.check({"label_age": 1001.0}) is Health.WARNING
    assert watch.check({"label_age": 999.0}) is Health.GOOD


def test_a_good_update_clears_the_findings() -> None:
    watch = monitor()
    watch.check({"q_mean": 5.0})
    assert watch.check({"q_mean": -5.0}) is Health.GOOD and watch.findings == []


def test_the_deadly_triad_is_caught_long_before_numbers_overflow() -> None:
    """Tsitsiklis and Van Roy 1997: values w and 2 w, learned from the first state only.

    Function approximation, bootstrapping and an off-policy distribution of states: with every
    reward of the transitions learned from at 0 and gamma 0.99 the one weight grows without end.
    """
    gamma, rate, weight = 0.99, 0.1, 0.1
    watch = HealthMonitor(gamma)
    watch.rewards(np.array([-0.01, 0.01], np.float32))  # of the task: returns lie within 1
    levels = []
    for _ in range(200):
        error = 0.0 + gamma * 2.0 * weight - weight
        weight += rate * error
        levels.append(watch.check({"q_min": weight, "q_max": 2.0 * weight, "critic_loss": error}))
    warned, diverged = levels.index(Health.WARNING), levels.index(Health.DIVERGED)
    assert weight > 1e6
    assert 0 < warned < diverged < 50
    assert all(level is Health.DIVERGED for level in levels[diverged:])
