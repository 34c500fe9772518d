"""Every kind of policy through its bytes: it acts as before, and what does not fit is named."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from robot_learning.algorithms import (
    SAC,
    TD3,
    QTOpt,
    QTOptHyperParameters,
    SACHyperParameters,
    Spaces,
    TD3HyperParameters,
)
from robot_learning.networks import POLICIES, CemPolicy, GaussianPolicy, Policy
from robot_learning.training.policy_file import PolicyFileError, policy_from_bytes, policy_to_bytes

SPACES = Spaces(4, 2, (-2.0, 0.0), (2.0, 1.0))
KINDS = ("mlp", "gaussian", "cem")


def make_policy(kind: str, hidden: tuple[int, ...] = (9, 8)) -> Policy:
    algorithm: Any
    if kind == "mlp":
        algorithm = TD3(SPACES, TD3HyperParameters(hidden_sizes=hidden), 0)
    elif kind == "gaussian":
        algorithm = SAC(SPACES, SACHyperParameters(hidden_sizes=hidden), 0)
    else:
        algorithm = QTOpt(SPACES, QTOptHyperParameters(hidden_sizes=hidden), 0)
    algorithm.observe(np.random.default_rng(0).normal(1.0, 2.0, (50, 6)).astype(np.float32))
    policy: Policy = algorithm.policy().frozen(7)
    return policy


def inputs(n: int = 20) -> tuple[Any, Any]:
    drawn = np.random.default_rng(1).normal(1.0, 3.0, (n, 6)).astype(np.float32)
    return drawn[:, :4], drawn[:, 4:]


def test_all_kinds_are_tested_here() -> None:
    assert set(POLICIES) == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_a_policy_acts_the_same_after_its_bytes(kind: str) -> None:
    policy = make_policy(kind)
    assert policy.kind == kind
    found, contract = policy_from_bytes(policy_to_bytes(policy, "c0ffee"))
    assert (type(found), found.version, contract) == (type(policy), 7, "c0ffee")
    expected = policy.act(*inputs())
    assert expected.shape == (20, 2) and expected.dtype == np.float32
    assert np.array_equal(found.act(*inputs()), expected)
    assert policy_to_bytes(found, "c0ffee") == policy_to_bytes(policy, "c0ffee")


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_input_gives_the_same_action_alone_and_among_others(kind: str) -> None:
    policy, (observations, goals) = make_policy(kind), inputs()
    together = policy.act(observations, goals)
    np.testing.assert_array_equal(policy.act(observations, goals), together)
    for row in range(20):
        alone = policy.act(observations[row], goals[row])
        np.testing.assert_array_equal(policy.act(observations[row], goals[row]), alone)
        np.testing.assert_allclose(alone, together[row], atol=1e-5)
    assert (together >= SPACES.action_low).all() and (together <= SPACES.action_high).all()
    assert len(np.unique(together, axis=0)) > 5


@pytest.mark.parametrize("kind", KINDS)
def test_only_a_distribution_explores_by_itself_and_repeats_with_its_generator(kind: str) -> None:
    policy = make_policy(kind)
    drawn = [policy.explore(*inputs(), np.random.default_rng(seed)) for seed in (0, 0, 1)]
    np.testing.assert_array_equal(drawn[0], drawn[1])
    assert np.array_equal(drawn[0], drawn[2]) == (kind != "gaussian")
    assert np.array_equal(drawn[0], policy.act(*inputs())) == (kind != "gaussian")
    assert (drawn[0] >= SPACES.action_low).all() and (drawn[0] <= SPACES.action_high).all()


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=40, deadline=None)
@given(where=st.integers(0, 10**6))
def test_cut_at_any_byte_it_is_refused(kind: str, where: int) -> None:
    data = policy_to_bytes(make_policy(kind))
    with pytest.raises(PolicyFileError, match="policy parameters: "):
        policy_from_bytes(data[: where % len(data)])


def test_a_search_through_a_critic_without_hidden_layers_is_one_too() -> None:
    """Q = a_0 - a_1: the best action is a corner."""
    weights = (np.array([[0], [0], [0], [0], [0], [0], [1], [-1]], np.float32),)
    policy = make_policy("cem")
    assert isinstance(policy, CemPolicy)
    linear = replace(policy, weights=weights, biases=(np.zeros(1, np.float32),))
    found, _ = policy_from_bytes(policy_to_bytes(linear))
    np.testing.assert_allclose(found.act(*inputs(3)), [[2.0, 0.0]] * 3, atol=0.05)


GAUSSIAN, CEM = make_policy("gaussian"), make_policy("cem")
assert isinstance(GAUSSIAN, GaussianPolicy) and isinstance(CEM, CemPolicy)


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        (replace(CEM, noise=CEM.noise[..., :1]), "search.noise does not fit the action's size 2"),
        (replace(CEM, noise=CEM.noise[0]), "search.noise does not fit"),
        (replace(CEM, noise=CEM.noise[:, :0]), "search.noise does not fit"),
        (replace(CEM, noise=CEM.noise * np.float32("nan")), "search.noise holds NaN"),
        (replace(CEM, elites=0), "elites 0 are not among 64 samples"),
        (replace(CEM, elites=65), "elites 65 are not among 64 samples"),
        (replace(CEM, weights=CEM.weights[1:], biases=CEM.biases[1:]), "layer 0 has weight"),
        (
            replace(GAUSSIAN, weights=GAUSSIAN.weights[:-1], biases=GAUSSIAN.biases[:-1]),
            r"the last layer gives \(8,\), not",
        ),
        (
            replace(
                GAUSSIAN,
                weights=(*GAUSSIAN.weights[:-1], GAUSSIAN.weights[-1][:, :2]),
                biases=(*GAUSSIAN.biases[:-1], GAUSSIAN.biases[-1][:2]),
            ),
            r"the last layer gives \(2,\), not",
        ),
    ],
)
def test_what_does_not_fit_together_is_named(policy: Policy, message: str) -> None:
    with pytest.raises(PolicyFileError, match=message):
        policy_from_bytes(policy_to_bytes(policy))


@pytest.mark.parametrize("kind", KINDS)
def test_a_frozen_policy_does_not_change_with_what_it_was_made_from(kind: str) -> None:
    policy: Any = make_policy(kind)
    frozen = policy.frozen(8)
    before = policy_to_bytes(frozen)
    for weight in policy.weights:
        weight += 1.0
    assert policy_to_bytes(frozen) == before
