"""Contracts of lift, push and insertion: what fits a robot, and what is refused with its key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from robot_learning.contract import ContractError, InsertionTask, load_contract, task_of
from robot_learning.contract.load import config_dir

TASKS = ("lift", "push", "insertion")


def written(tmp_path: Path, task: str, *keys: str, value: Any) -> Path:
    """A task's file with one value changed, found by its keys."""
    data = yaml.safe_load((config_dir() / "tasks" / f"{task}.yaml").read_text())
    inner = data
    for key in keys[:-1]:
        inner = inner[key]
    inner[keys[-1]] = value
    path = tmp_path / "task.yaml"
    path.write_text(yaml.safe_dump(data))
    return path


@pytest.mark.parametrize("robot", ["panda", "fr3", "iiwa7"])
@pytest.mark.parametrize("task", TASKS)
def test_they_fit_every_robot(robot: str, task: str) -> None:
    contract = load_contract(robot, task)
    assert contract.task.touches and contract.clear_height_m is not None
    assert contract.workspace == contract.task.workspace


@pytest.mark.parametrize(
    ("task", "goal", "scene"),
    [
        ("reach", True, {"target_position_m"}),
        ("lift", False, {"object_position_m"}),
        ("push", True, {"object_position_m", "target_position_m"}),
        ("insertion", False, {"target_position_m"}),
    ],
)
def test_a_task_says_what_of_the_scene_must_be_known(
    task: str, goal: bool, scene: set[str]
) -> None:
    found = load_contract("panda", task).task
    assert (found.has_goal, found.scene) == (goal, scene)


@pytest.mark.parametrize(
    ("task", "keys", "value", "said"),
    [
        ("lift", ("success", "width_max_m"), 0.01, "width_min_m 0.045 is not below"),
        ("lift", ("success", "width_max_m"), 0.09, "above robot.gripper.width_max_m 0.08"),
        ("lift", ("action", "gripper_force_n"), 90.0, "above robot.gripper.force_max_n 70.0"),
        ("lift", ("action", "near_speed_m_s"), 0.3, "near_speed_m_s 0.3 is not below"),
        ("lift", ("object", "region", "max_m"), [0.57, 0.5], "task.object.region leaves"),
        ("lift", ("workspace", "min_m"), [0.0, -0.18, 0.03], "task.workspace leaves robot."),
        ("push", ("target", "min_m"), [0.7, -0.16], "min_m 0.7 is not below max_m 0.6 on axis x"),
        ("push", ("action", "gripper_width_m"), 0.09, "above robot.gripper.width_max_m"),
        ("insertion", ("peg", "radius_m"), 0.012, "does not fit into socket.hole_width_m"),
        ("insertion", ("socket", "side_m"), 0.02, "is not below socket.side_m"),
        ("insertion", ("socket", "base_height_m"), [0.02, 0.01], "is no range from 0 up"),
        ("insertion", ("success", "depth_min_m"), 0.05, "is not below socket.height_m"),
        ("insertion", ("workspace", "min_m"), [0.38, -0.18, 0.04], "peg's tip down to 0.0000 m"),
        ("insertion", ("randomisation", "position_errr_m"), 0.1, "did you mean position_error_m?"),
    ],
)
def test_what_does_not_fit_is_refused(
    tmp_path: Path, task: str, keys: tuple[str, ...], value: Any, said: str
) -> None:
    path = written(tmp_path, task, *keys, value=value)
    with pytest.raises(ContractError) as caught:
        load_contract("panda", path)
    assert said in str(caught.value) and str(path) in str(caught.value)


def test_code_for_another_kind_of_task_says_so() -> None:
    with pytest.raises(ContractError, match="is of kind lift, and this is for insertion"):
        task_of(load_contract("panda", "lift"), InsertionTask)
