"""Formulas of rewards against the environments that they are of."""

from __future__ import annotations

import gymnasium
import numpy as np
import pytest
import torch

from robot_learning.envs.cart_pole import CartPole
from robot_learning.planning.arm_objectives import Arrive, Lift
from robot_learning.planning.objectives import ObjectiveError, objective_of

NO_GOAL = torch.zeros(0)


def test_balancing_is_rewarded_and_ends_as_in_its_environment() -> None:
    objective = objective_of({"name": "balance", "centring": 0.0}, NO_GOAL)
    rng = np.random.default_rng(0)
    env, ends = CartPole(), 0
    for seed in range(5):
        seen, _ = env.reset(seed=seed)
        over = False
        while not over:
            action = rng.uniform(-1, 1, 1).astype(np.float32)
            after, reward, over, _, _ = env.step(action)
            rows = [torch.from_numpy(part)[None] for part in (seen, action, after)]
            assert objective.reward(*rows).item() == reward
            assert objective.terminated(rows[2]).item() == over
            seen, ends = after, ends + over
    assert ends == 5


def test_a_balanced_cart_is_worth_more_near_the_middle_and_always_more_than_a_fallen_one() -> None:
    objective = objective_of({"name": "balance"}, NO_GOAL)
    middle, side, fallen = torch.tensor([[0.1, 0, 0.0, 0], [2.3, 0, 0.0, 0], [0.1, 0, 0.3, 0]])
    worth = [objective.reward(row, torch.zeros(1), row).item() for row in (middle, side, fallen)]
    assert 1.0 > worth[0] > worth[1] > 0.9 and worth[2] == 0.0


def test_the_pendulums_reward_is_gymnasiums() -> None:
    objective, rng = objective_of({"name": "swing_up"}, NO_GOAL), np.random.default_rng(0)
    env = gymnasium.make("Pendulum-v1")
    seen, _ = env.reset(seed=0)
    for _ in range(150):
        unit = rng.uniform(-1, 1, 1).astype(np.float32)
        after, reward, *_ = env.step(2.0 * unit)
        rows = [torch.from_numpy(part)[None] for part in (seen, unit, after)]
        assert objective.reward(*rows).item() == pytest.approx(float(reward), abs=1e-4)
        assert not objective.terminated(rows[2]).item()
        seen = after


def test_arriving_is_worth_more_the_nearer_and_most_at_the_goal() -> None:
    goal = torch.tensor([0.5, 0.0, 0.2])
    objective = Arrive(goal, place=1, distance_max_m=0.02)
    after = torch.zeros(3, 4)
    after[:, 1:] = goal + torch.tensor([[0.3, 0.0, 0.0], [0.1, 0.0, 0.0], [0.01, 0.0, 0.0]])
    far, near, there = objective.reward(after, torch.zeros(3, 1), after).tolist()
    assert far == pytest.approx(-3.0) and near == pytest.approx(-1.0)
    assert there == pytest.approx(0.9)


def test_to_push_the_tool_belongs_behind_the_object() -> None:
    """Object at 0.4, goal at 0.6: the tool's place is at 0.36, not at 0.44."""
    goal = torch.tensor([0.6, 0.0, 0.025])
    objective = Arrive(goal, place=3, distance_max_m=0.03, tool=0)
    item = torch.tensor([0.4, 0.0, 0.025])
    tools = torch.tensor([[0.36, 0.0, 0.025], [0.44, 0.0, 0.025], [0.2, 0.0, 0.025]])
    after = torch.cat((tools, item.expand(3, 3)), 1)
    behind, before, away = objective.reward(after, torch.zeros(3, 1), after).tolist()
    assert behind > before > away


def test_an_unknown_objective_is_named_with_the_nearest() -> None:
    with pytest.raises(ObjectiveError, match="did you mean balance"):
        objective_of({"name": "balanse"}, NO_GOAL)
    with pytest.raises(ObjectiveError, match=r"objective arrive: .*place"):
        objective_of({"name": "arrive"}, NO_GOAL)


def test_each_part_of_a_lift_is_worth_more_than_the_one_before() -> None:
    """From above the cube, down around it, close, up with it."""
    objective = Lift(
        NO_GOAL,
        place=0,
        tool=3,
        width=6,
        open_m=0.08,
        width_min_m=0.045,
        width_max_m=0.062,
        reach_m=0.04,
        height_min_m=0.10,
        lying_m=0.025,
    )

    def worth(tool_m: list[float], width_m: float, cube_height_m: float = 0.025) -> float:
        after = torch.tensor([0.5, 0.0, cube_height_m, *tool_m, width_m])
        return objective.reward(after, torch.zeros(4), after).item()

    stages = [
        worth([0.45, 0.1, 0.3], 0.08),
        worth([0.50, 0.0, 0.15], 0.08),
        worth([0.50, 0.0, 0.05], 0.08),
        worth([0.50, 0.0, 0.035], 0.08),
        worth([0.50, 0.0, 0.035], 0.07),
        worth([0.50, 0.0, 0.035], 0.05),
        worth([0.50, 0.0, 0.085], 0.05, cube_height_m=0.075),
        worth([0.50, 0.0, 0.12], 0.05, cube_height_m=0.11),
    ]
    assert stages == sorted(stages) and len(set(stages)) == len(stages)
    assert worth([0.50, 0.0, 0.035], 0.0) < stages[3]  # closed on nothing
    assert worth([0.54, 0.0, 0.035], 0.08) < worth([0.54, 0.0, 0.09], 0.08)  # fingers on the cube
    assert worth([0.50, 0.0, 0.15], 0.05) < stages[-2]  # it went up alone
    assert worth([0.45, 0.1, 0.3], 0.05) < stages[0]  # a hand comes open
