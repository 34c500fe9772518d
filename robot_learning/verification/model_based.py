"""Learning with models of the dynamics: the rows of `robot-learning verify models`.

Four steps of a lecture, each on cart-pole, `reach` and `push`. v0: a model of random data, a plan
by random search, carried out to its end. v1: a new plan at every step, and a model that is fitted
again to what came of them. v2: an ensemble, its expected value or less what it disagrees about, and
a search that goes on from the plan before. v3: no plans, but a policy that learns from what the
model says would have happened. Beside them what learns without a model.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from robot_learning.verification.row import Row
from robot_learning.verification.tabletop import TabletopRow

_ONE_NETWORK: Mapping[str, Any] = {"members": 1, "elites": 1, "likelihood": "squared_error"}
_SHOOTING: Mapping[str, Any] = {"planner": "random", "population": 500}

_CART_POLE: Mapping[str, Any] = {
    "environment": "robot_learning/CartPole-v0",
    "import_module": "robot_learning.envs",
    "steps": 1_200,
    "episodes": 20,
    "control_hz": 50.0,
}
_CART_POLE_MODEL: Mapping[str, Any] = {
    "hidden_sizes": [64, 64],
    "learning_rate": 2e-3,
    "epochs": 100,
}
_CART_POLE_PLANS: Mapping[str, Any] = {**_CART_POLE_MODEL, "horizon": 20}
_CART_POLE_BAR = "mbrl-lib's tutorial: about 200 within 10 trials of 200 steps"

_PENDULUM_MBPO: Mapping[str, Any] = {
    "gamma": 0.98,
    "hidden_sizes": [64, 64],
    "actor_learning_rate": 1e-3,
    "critic_learning_rate": 1e-3,
    "temperature_learning_rate": 1e-3,
    "model": {"members": 5, "elites": 4, "hidden_sizes": [64, 64], "learning_rate": 2e-3},
    "updates_per_step": 10.0,
}


def _cart_pole(name: str, algorithm: str, hyper: Mapping[str, Any], **more: Any) -> Row:
    return Row(
        name=f"{name}-cart-pole",
        algorithm=algorithm,
        hyper_parameters=hyper,
        **{"bar": None, "reference": "for comparison", **_CART_POLE, **more},
    )


CART_POLE_ROWS: tuple[Row, ...] = (
    _cart_pole(
        "v0",
        "pets",
        {
            **_CART_POLE_PLANS,
            **_ONE_NETWORK,
            **_SHOOTING,
            "replan_every_steps": 20,
            "warmup_steps": 1_200,
            "update_every_steps": 1_200,
        },
    ),
    _cart_pole("v1", "pets", {**_CART_POLE_PLANS, **_ONE_NETWORK, **_SHOOTING}),
    _cart_pole("v2", "pets", _CART_POLE_PLANS, bar=200.0, reference=_CART_POLE_BAR),
    _cart_pole("v2-pessimistic", "pets", {**_CART_POLE_PLANS, "pessimism": 1.0}),
    _cart_pole(
        "v3",
        "mbpo",
        {
            "gamma": 0.98,
            "hidden_sizes": [64, 64],
            "warmup_steps": 200,
            "refit_every_steps": 100,
            "model": {**_CART_POLE_MODEL, "members": 5, "elites": 5},
        },
    ),
)


_TASKS: Mapping[str, Mapping[str, Any]] = {
    "reach": {"control_hz": 20.0, "steps": 3_000},
    "push": {"control_hz": 10.0, "steps": 6_000},
    "lift": {"control_hz": 10.0, "steps": 12_000},
}
# The arm is no matter of chance: without noise a plan is worth what it is worth.
_ARM_MODEL: Mapping[str, Any] = {"hidden_sizes": [128, 128], "epochs": 150, "patience": 30}
_ARM_PLANS: Mapping[str, Any] = {
    **_ARM_MODEL,
    "sampling": "mean",
    "warmup_steps": 800,
    "update_every_steps": 400,
}


def _task(name: str, task: str, algorithm: str, hyper: Mapping[str, Any], **more: Any) -> Row:
    return TabletopRow(
        name=f"{name}-{task}",
        algorithm=algorithm,
        environment=task,
        measure="success",
        hyper_parameters=hyper,
        **{"bar": None, "reference": "for comparison", **_TASKS[task], **more},
    )


def _task_rows(task: str, bar: float) -> tuple[Row, ...]:
    steps = _TASKS[task]["steps"]
    once = {"replan_every_steps": 15, "warmup_steps": steps, "update_every_steps": steps}
    shooting = {**_ARM_PLANS, **_ONE_NETWORK, **_SHOOTING}
    return (
        _task("v0", task, "pets", {**shooting, **once}),
        _task("v1", task, "pets", shooting),
        _task(
            "v2",
            task,
            "pets",
            _ARM_PLANS,
            bar=bar,
            reference="at most 20 minutes of the robot",
        ),
        _task("v2-pessimistic", task, "pets", {**_ARM_PLANS, "pessimism": 1.0}),
        _task("v3", task, "mbpo", {}),
        _task("td3", task, "td3", {}, reference="for comparison: no model"),
        _task("sac", task, "sac", {}, reference="for comparison: no model"),
    )


MODEL_ROWS: tuple[Row, ...] = (
    *CART_POLE_ROWS,
    *_task_rows("reach", 0.95),
    *_task_rows("push", 0.70),
    _task("v2", "lift", "pets", _ARM_PLANS),
    _task("sac", "lift", "sac", {}, reference="for comparison: no model"),
    Row(
        name="mbpo-pendulum",
        algorithm="mbpo",
        environment="Pendulum-v1",
        steps=5_000,
        hyper_parameters=_PENDULUM_MBPO,
        bar=-175.0,
        reference="the bar of DDPG, TD3 and SAC, in a quarter of their steps",
    ),
)
