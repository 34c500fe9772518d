"""Which objective a planner has, by the environment or the task: descriptions, not formulas."""

from __future__ import annotations

from typing import Any

from robot_learning.contract import Contract, PushTask, ReachTask
from robot_learning.envs.observation import field_slices

# By the name that Gymnasium knows an environment by.
_OF_ENVIRONMENTS: dict[str, dict[str, Any]] = {
    "robot_learning/CartPole-v0": {"name": "balance"},
    "Pendulum-v1": {"name": "swing_up"},
}


def objective_of_environment(name: str) -> dict[str, Any]:
    """The description for `gymnasium:ID`; empty where none is known."""
    return dict(_OF_ENVIRONMENTS.get(name.removeprefix("gymnasium:"), {}))


def objective_of_task(contract: Contract) -> dict[str, Any]:
    """The description for a task of the contract; empty where none is known."""
    task, fields = contract.task, field_slices(contract)
    if not isinstance(task, ReachTask | PushTask):
        return {}
    pushed = isinstance(task, PushTask)
    place, tool = ("object_position_m", "tcp_position_m") if pushed else ("tcp_position_m", "")
    if place not in fields or (tool and tool not in fields):
        return {}
    described = {
        "name": "arrive",
        "place": fields[place].start,
        "distance_max_m": task.success.distance_max_m,
    }
    return described | ({"tool": fields[tool].start} if tool else {})
