"""The rows of learning with models: four steps of a lecture, each on the same budget."""

from __future__ import annotations

from itertools import groupby

import pytest

from robot_learning.algorithms import named_algorithm
from robot_learning.contract import load_contract
from robot_learning.envs.cart_pole import STEP_S
from robot_learning.training.settings import resolve_hyper_parameters
from robot_learning.training.task_settings import task_learner_settings
from robot_learning.verification import MODEL_ROWS
from robot_learning.verification.row import Row
from robot_learning.verification.tabletop import TabletopRow

NAMED = {row.name: row for row in MODEL_ROWS}
STEPS = ("v0", "v1", "v2", "v2-pessimistic", "v3")


@pytest.mark.parametrize("row", MODEL_ROWS, ids=lambda row: row.name)
def test_settings_are_ones_that_the_method_takes(row: Row) -> None:
    if isinstance(row, TabletopRow):
        contract = load_contract("panda", row.environment)
        task_learner_settings(
            contract, row.algorithm, row.hyper_parameters, seed=0, steps=1, evaluation_episodes=0
        )
        assert row.control_hz == contract.task.control_hz
    else:
        model = named_algorithm(row.algorithm).hyper_parameters
        resolve_hyper_parameters(row.algorithm, model, row.hyper_parameters, has_goals=False)


def test_all_that_is_compared_on_a_task_has_the_same_minutes_of_the_robot_twenty_at_most() -> None:
    by_environment = sorted(MODEL_ROWS, key=lambda row: row.environment)
    for environment, rows in groupby(by_environment, key=lambda row: row.environment):
        lengths = {(row.steps, row.control_hz) for row in rows}
        assert len(lengths) == 1, environment
        steps, hz = lengths.pop()
        assert hz is None or steps / hz / 60.0 <= 20.0
    assert NAMED["v2-cart-pole"].control_hz == 1.0 / STEP_S


@pytest.mark.parametrize("task", ["cart-pole", "push"])
def test_each_step_of_the_lecture_adds_to_the_one_before(task: str) -> None:
    v0, v1, v2, pessimistic, v3 = (NAMED[f"{step}-{task}"] for step in STEPS)
    first, second, third, fourth = (row.hyper_parameters for row in (v0, v1, v2, pessimistic))
    horizon = first.get("horizon", 15)
    # v0: all data is random, fitted once, a plan is carried out to its end.
    assert first["warmup_steps"] == first["update_every_steps"] == v0.steps
    assert first["replan_every_steps"] == horizon and "replan_every_steps" not in second
    assert second["members"] == 1 and "members" not in third
    assert dict(fourth) == {**third, "pessimism": 1.0}
    assert v3.algorithm == "mbpo"
