from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch

from robot_learning.algorithms.returns import (
    episode_returns,
    generalised_advantages,
    k_step_advantages,
    retrace,
    reward_to_go,
    v_trace,
)

T, N, GAMMA = 40, 3, 0.9


def sample(seed: int = 0) -> dict[str, Any]:
    """A rollout with terminations and truncations in it; some values that follow are new."""
    rng = np.random.default_rng(seed)
    terminated = rng.random((T, N)) < 0.1
    truncated = ~terminated & (rng.random((T, N)) < 0.1)
    values = rng.normal(size=(T, N))
    following = np.concatenate((values[1:], rng.normal(size=(1, N))))
    ends = terminated | truncated
    return {
        "rewards": rng.normal(size=(T, N)),
        "values": values,
        "next_values": np.where(ends, rng.normal(size=(T, N)), following),
        "terminated": terminated,
        "truncated": truncated,
    }


def as_torch(array: Any) -> torch.Tensor:
    """Time-major (t, n) to torchrl's (n, t, 1)."""
    return torch.from_numpy(np.ascontiguousarray(array.T))[..., None]


def torchrl_functional() -> Any:
    return pytest.importorskip("torchrl.objectives.value.functional")


def test_generalised_advantages_are_torchrls() -> None:
    made = sample()
    done = made["terminated"] | made["truncated"]
    expected, _ = torchrl_functional().generalized_advantage_estimate(
        GAMMA,
        0.8,
        as_torch(made["values"]),
        as_torch(made["next_values"]),
        as_torch(made["rewards"]),
        as_torch(done),
        as_torch(made["terminated"]),
    )
    found = generalised_advantages(**made, gamma=GAMMA, trace=0.8)
    np.testing.assert_allclose(found, expected[..., 0].numpy().T, atol=1e-6)


@pytest.mark.parametrize(("rho_max", "c_max"), [(1.0, 1.0), (2.0, 0.7)])
def test_v_trace_is_torchrls(rho_max: float, c_max: float) -> None:
    made = sample()
    rng = np.random.default_rng(1)
    target, behaviour = rng.normal(size=(T, N)), rng.normal(size=(T, N))
    done = made["terminated"] | made["truncated"]
    advantages, targets = torchrl_functional().vtrace_advantage_estimate(
        GAMMA,
        as_torch(target),
        as_torch(behaviour),
        as_torch(made["values"]),
        as_torch(made["next_values"]),
        as_torch(made["rewards"]),
        as_torch(done),
        as_torch(made["terminated"]),
        rho_thresh=rho_max,
        c_thresh=c_max,
    )
    found = v_trace(
        **made, log_ratios=target - behaviour, gamma=GAMMA, rho_max=rho_max, c_max=c_max
    )
    np.testing.assert_allclose(found[0], targets[..., 0].numpy().T, atol=1e-6)
    np.testing.assert_allclose(found[1], advantages[..., 0].numpy().T, atol=1e-6)


def test_on_policy_v_trace_is_the_k_step_return() -> None:
    """Without corrections its targets are those of advantages that reach the rollout's end."""
    made = sample()
    targets, _ = v_trace(**made, log_ratios=np.zeros((T, N)), gamma=GAMMA)
    expected = k_step_advantages(**made, gamma=GAMMA, k=T) + made["values"]
    np.testing.assert_allclose(targets, expected)


def test_reward_to_go_stops_at_a_termination_and_goes_on_behind_a_truncation() -> None:
    rewards, value = np.array([[1.0], [2.0], [4.0]]), 100.0
    follows = np.full((3, 1), value)
    ended = np.array([[False], [True], [False]])
    none = np.zeros((3, 1), bool)
    terminated = reward_to_go(rewards, follows, ended, none, 0.5)
    truncated = reward_to_go(rewards, follows, none, ended, 0.5)
    np.testing.assert_allclose(terminated[:, 0], [2.0, 2.0, 54.0])
    # Confusing the two is wrong by the discounted value of what was cut off.
    np.testing.assert_allclose(truncated - terminated, [[0.25 * value], [0.5 * value], [0.0]])


@pytest.mark.parametrize("k", [1, 3, T, T + 5])
def test_k_step_advantages_are_those_of_a_loop(k: int) -> None:
    made = sample()
    found = k_step_advantages(**made, gamma=GAMMA, k=k)
    for t, n in itertools.product(range(T), range(N)):
        total, discount = 0.0, 1.0
        for step in range(t, min(t + k, T)):
            total += discount * made["rewards"][step, n]
            discount *= GAMMA
            if made["terminated"][step, n]:
                break
            last = step == min(t + k, T) - 1
            if made["truncated"][step, n] or last:
                total += discount * made["next_values"][step, n]
                break
        assert found[t, n] == pytest.approx(total - made["values"][t, n])


def test_lambda_zero_is_one_step_and_lambda_one_is_all_of_them() -> None:
    made = sample()
    for trace, k in ((0.0, 1), (1.0, T)):
        np.testing.assert_allclose(
            generalised_advantages(**made, gamma=GAMMA, trace=trace),
            k_step_advantages(**made, gamma=GAMMA, k=k),
        )


def test_a_probability_of_termination_shrinks_the_discount() -> None:
    made = sample() | {"terminated": np.full((T, N), 0.25), "truncated": np.zeros((T, N))}
    shrunk = sample() | {"terminated": np.zeros((T, N)), "truncated": np.zeros((T, N))}
    shrunk["next_values"] = made["next_values"]
    np.testing.assert_allclose(
        generalised_advantages(**made, gamma=0.8, trace=0.9),
        generalised_advantages(**shrunk, gamma=0.6, trace=0.9),
    )


def test_the_return_of_an_episode_stands_at_each_of_its_steps() -> None:
    rewards, ends = np.array([[1.0], [2.0], [4.0], [8.0]]), np.array([[0], [1], [0], [0]])
    np.testing.assert_allclose(episode_returns(rewards, ends, 0.5)[:, 0], [2, 2, 8, 8])


class Mdp:
    """Five states, two actions, everything known."""

    states, actions, gamma = 5, 2, 0.9

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        s, a = self.states, self.actions
        self.moves = rng.dirichlet(np.ones(s), (s, a))
        self.rewards = rng.normal(size=(s, a))
        self.target, self.behaviour = rng.dirichlet(np.ones(a), (2, s))
        self.ratios = self.target / self.behaviour

    def transition(self, policy: Any) -> Any:
        """P(s', a' | s, a), shape (s a, s a)."""
        pairs = self.moves[..., None] * policy
        return pairs.reshape(self.states * self.actions, -1)

    def values(self) -> Any:
        """Q of the target policy by solving the linear equations."""
        size = self.states * self.actions
        return np.linalg.solve(
            np.eye(size) - self.gamma * self.transition(self.target), self.rewards.ravel()
        ).reshape(self.states, self.actions)

    def operator(self, q: Any, trace: float, steps: int) -> Any:
        """Retrace's operator by matrices: Q + sum over t < steps of (gamma P^(c mu))^t (TQ - Q)."""
        cut = self.behaviour * trace * np.minimum(1.0, self.ratios)
        back = self.gamma * self.transition(cut)
        error = self.rewards.ravel() + self.gamma * self.transition(self.target) @ q.ravel()
        error = error - q.ravel()
        total = sum(np.linalg.matrix_power(back, t) @ error for t in range(steps))
        return q + np.reshape(total, q.shape)

    def mean_target(self, q: Any, trace: float, steps: int) -> Any:
        """The mean of `retrace` over every trajectory of that length, by its probability."""
        paths = np.array(list(itertools.product(range(self.states), range(2))))
        mean = np.zeros_like(q)
        following = list(itertools.product(range(len(paths)), repeat=steps - 1))
        for first in range(len(paths)):
            pairs = paths[[(first, *rest) for rest in following]]  # (paths, steps, 2)
            s, a = pairs[..., 0].T, pairs[..., 1].T  # time-major
            weight = np.prod(self.moves[s[:-1], a[:-1], s[1:]], 0)
            weight = weight * np.prod(self.behaviour[s[1:], a[1:]], 0)
            for last in range(self.states):  # where the last step led to
                states_after = np.concatenate((s[1:], np.full_like(s[:1], last)))
                never = np.zeros(s.shape)
                targets = retrace(
                    self.rewards[s, a],
                    q[s, a],
                    (self.target * q).sum(1)[states_after],
                    never,
                    never,
                    np.log(self.ratios[s, a]),
                    self.gamma,
                    trace,
                )
                share = weight * self.moves[s[-1], a[-1], last]
                mean[tuple(paths[first])] += targets[0] @ share
        return mean


@pytest.mark.parametrize("trace", [0.0, 0.7, 1.0])
def test_retrace_is_its_operator_by_exact_dynamic_programming(trace: float) -> None:
    mdp = Mdp(seed=3)
    q = np.random.default_rng(0).normal(size=(mdp.states, mdp.actions))
    found = mdp.mean_target(q, trace, steps=3)
    np.testing.assert_allclose(found, mdp.operator(q, trace, 3), atol=1e-10)


def test_retrace_leaves_the_target_policys_values_and_leads_to_them() -> None:
    mdp = Mdp(seed=4)
    exact = mdp.values()
    np.testing.assert_allclose(mdp.mean_target(exact, 0.9, steps=3), exact, atol=1e-10)
    q = np.zeros_like(exact)
    errors = []
    for _ in range(30):
        q = mdp.mean_target(q, 1.0, steps=2)
        errors.append(np.abs(q - exact).max())
    assert errors[-1] < 0.05 * errors[0]


def test_retrace_of_a_truncated_step_is_more_than_that_of_a_terminated_one() -> None:
    """By the discounted value of what follows, and neither hears of the next episode."""
    rewards, q = np.array([[1.0], [50.0]]), np.zeros((2, 1))
    follows, ratios = np.full((2, 1), 10.0), np.zeros((2, 1))
    ended, never = np.array([[True], [False]]), np.zeros((2, 1), bool)
    terminated = retrace(rewards, q, follows, ended, never, ratios, 0.5, 1.0)
    truncated = retrace(rewards, q, follows, never, ended, ratios, 0.5, 1.0)
    assert terminated[0, 0] == 1.0
    assert truncated[0, 0] == 1.0 + 0.5 * 10.0
