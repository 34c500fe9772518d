"""Which objective a planner has for a task, against episodes of somebody who does the task."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from robot_learning.contract import load_contract
from robot_learning.demonstrations.operators import scripted_operator
from robot_learning.envs import make_env
from robot_learning.planning.objectives import objective_of
from robot_learning.training.objectives import objective_of_task


def _parts(observed: Any) -> tuple[Any, Any]:
    """Observation and goal, float32; the goal is empty where the task has none."""
    if isinstance(observed, dict):
        return observed["observation"], observed["desired_goal"]
    return observed, np.zeros(0, np.float32)


@pytest.mark.parametrize("task", ["lift", "push"])
def test_an_episode_that_succeeds_ends_far_above_its_beginning(task: str) -> None:
    pytest.importorskip("pybullet")
    env = make_env("panda", task)
    operator, described = scripted_operator(env.contract), objective_of_task(env.contract)
    worth, over = [], False
    observed, _ = env.reset(seed=1)
    while not over:
        seen, goal = _parts(observed)
        action = operator.act(seen, goal if goal.size else None).astype(np.float32)
        observed, _, terminated, truncated, info = env.step(action)
        over = terminated or truncated
        objective = objective_of(described, torch.from_numpy(goal))
        rows = (torch.from_numpy(row) for row in (seen, action, _parts(observed)[0]))
        worth.append(objective.reward(*rows).item())
    env.close()
    assert info["is_success"]
    assert worth[-1] == pytest.approx(max(worth), abs=0.05)
    assert worth[-1] > worth[0] + 0.5


def test_a_task_without_a_formula_has_none() -> None:
    assert objective_of_task(load_contract("panda", "insertion")) == {}
