"""The regulator against the Riccati equation, and on the cart-pole."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.linalg import solve_discrete_are
from torch import Tensor

from robot_learning.envs.cart_pole import CartPole
from robot_learning.planning.lqr import Linear, linearised, regulate

A = torch.tensor([[1.0, 0.1], [0.0, 1.0]], dtype=torch.float64)
B = torch.tensor([[0.0], [0.1]], dtype=torch.float64)
Q, R = torch.diag(torch.tensor([1.0, 0.1])).double(), torch.tensor([[0.01]]).double()


def test_the_first_of_many_steps_is_the_stationary_solution() -> None:
    first = regulate(Linear(A, B, torch.zeros(2)), Q, R, torch.zeros(2), 500)[0]
    value = solve_discrete_are(A.numpy(), B.numpy(), Q.numpy(), R.numpy())
    a, b = A.numpy(), B.numpy()
    gain = np.linalg.solve(R.numpy() + b.T @ value @ b, b.T @ value @ a)
    np.testing.assert_allclose(first.gain, gain, rtol=1e-8)
    np.testing.assert_allclose(first.bias, 0.0, atol=1e-12)


@pytest.mark.parametrize("drift", [0.0, 0.02])
def test_it_goes_to_a_goal_also_where_everything_drifts(drift: float) -> None:
    """A constant push along the action is countered; nothing else could be held."""
    c = drift * B[:, 0]
    goal = torch.tensor([0.7, 0.0], dtype=torch.float64)
    first = regulate(Linear(A, B, c), Q, 1e-6 * R, goal, 500)[0]
    state = torch.zeros(2, dtype=torch.float64)
    for _ in range(300):
        state = A @ state + B @ first.act(state) + c
    torch.testing.assert_close(state, goal, atol=1e-3, rtol=0.0)


def test_a_plan_of_few_steps_is_the_least_squares_solution() -> None:
    steps = 4
    c = torch.tensor([0.01, -0.02], dtype=torch.float64)
    goal, start = torch.tensor([0.3, -0.1]).double(), torch.tensor([-0.2, 0.4]).double()
    plan = regulate(Linear(A, B, c), Q, R, goal, steps)

    def cost(actions: Tensor) -> Tensor:
        state, total = start, torch.zeros((), dtype=torch.float64)
        for action in actions:
            total = total + action @ R @ action
            state = A @ state + B @ action + c
            total = total + (state - goal) @ Q @ (state - goal)
        return total

    state, chosen = start, []
    for regulator in plan:
        chosen.append(regulator.act(state))
        state = A @ state + B @ chosen[-1] + c
    actions = torch.stack(chosen).requires_grad_()
    cost(actions).backward()
    assert actions.grad is not None and actions.grad.abs().max() < 1e-9


class TrueCartPole:
    """The environment's own dynamics as a model."""

    members, fitted = 1, True

    def predict(self, observations: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
        env, rows = CartPole(), []
        for state, action in zip(observations[0].numpy(), actions[0].numpy(), strict=True):
            env._state = state.astype(np.float64)
            env.step(action)
            rows.append(env._state)
        after = torch.tensor(np.array(rows), dtype=torch.float32)[None]
        return after, torch.zeros_like(after)


def test_it_balances_the_cart_pole_by_a_model_made_linear_where_it_stands() -> None:
    linear = linearised(TrueCartPole(), torch.zeros(4), torch.zeros(1))
    cost = torch.diag(torch.tensor([1.0, 0.1, 10.0, 0.1]))
    first = regulate(linear, cost, torch.tensor([[0.1]]), torch.zeros(4), 300)[0]
    for seed in range(3):
        env = CartPole()
        seen, _ = env.reset(seed=seed)
        for _ in range(500):
            action = first.act(torch.from_numpy(seen).double()).clamp(-1, 1)
            seen, reward, fallen, _, _ = env.step(action.numpy())
            assert reward == 1.0 and not fallen
        assert abs(seen[0]) < 0.1
