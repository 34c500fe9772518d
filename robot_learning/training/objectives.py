"""Which objective a planner has, by the environment or the task: descriptions, not formulas."""

from __future__ import annotations

from typing import Any

from robot_learning.contract import Contract, LiftTask, PushTask, ReachTask
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

    def starts(**names: str) -> dict[str, int]:
        return {key: fields[name].start for key, name in names.items() if name in fields}

    match task:
        case ReachTask():
            places = starts(place="tcp_position_m")
            wanted, size = {"distance_max_m": task.success.distance_max_m}, 1
        case PushTask():
            places = starts(place="object_position_m", tool="tcp_position_m")
            wanted, size = {"distance_max_m": task.success.distance_max_m}, 2
        case LiftTask():
            places = starts(
                place="object_position_m", tool="tcp_position_m", width="gripper_width_m"
            )
            wanted, size = _lift(contract, task), 3
        case _:
            return {}
    if len(places) < size:
        return {}  # the observation does not show it
    name = "lift" if isinstance(task, LiftTask) else "arrive"
    return {"name": name, **places, **wanted}


def _lift(contract: Contract, task: LiftTask) -> dict[str, float]:
    success = task.success
    return {
        "open_m": contract.robot.gripper.width_max_m,
        "width_min_m": success.width_min_m,
        "width_max_m": success.width_max_m,
        "reach_m": success.reach_m,
        "height_min_m": success.height_min_m,
        "lying_m": task.object.size_m[2] / 2,
    }
