"""The grasping task's contract: what fits a robot, and what is refused with file and key."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from robot_learning.contract import BinGraspTask, ContractError, ReachTask, load_contract, task_of
from robot_learning.contract.load import config_dir

ROBOTS = ("panda", "fr3", "iiwa7")


def written(tmp_path: Path, **changes: object) -> Path:
    """The task's file with some keys of its sections changed."""
    data = yaml.safe_load((config_dir() / "tasks" / "bin_grasp.yaml").read_text())
    for key, value in changes.items():
        data[key] = data[key] | value if isinstance(value, dict) else value
    path = tmp_path / "task.yaml"
    path.write_text(yaml.safe_dump(data))
    return path


@pytest.mark.parametrize("robot", ROBOTS)
def test_it_fits_every_robot(robot: str) -> None:
    contract = load_contract(robot, "bin_grasp")
    task = task_of(contract, BinGraspTask)
    assert task.action.size == 8 and task.hold_steps == 1
    assert contract.sha256 != load_contract(robot, "reach").sha256


def test_code_for_another_kind_of_task_says_so() -> None:
    with pytest.raises(ContractError, match="is of kind bin_grasp, and this is for reach"):
        task_of(load_contract("panda", "bin_grasp"), ReachTask)


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (
            "bin_gras",
            "is not one of reach, bin_grasp, lift, push, insertion; did you mean bin_grasp?",
        ),
        (7, "'7'"),
    ],
)
def test_an_unknown_kind_of_task_is_refused(tmp_path: Path, kind: object, said: str) -> None:
    with pytest.raises(ContractError) as caught:
        load_contract("panda", written(tmp_path, kind=kind))
    assert said in str(caught.value) and "task.yaml: kind" in str(caught.value)


def test_a_file_without_its_kind_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "task.yaml"
    path.write_text("name: x\n")
    with pytest.raises(ContractError, match=r"kind: required, and not given; known: reach"):
        load_contract("panda", path)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"image": {"camera": "wrist"}}, "'wrist' is no camera of robot panda: camera"),
        ({"image": {"crop_centre": [0.9, 0.5]}}, "leaves the image of 640 x 480 px"),
        ({"bin": {"centre_m": [0.2, 0.0]}}, "task.bin leaves robot.operation.workspace on axis x"),
        ({"success": {"width_max_m": 0.2}}, "is above robot.gripper.width_max_m 0.08"),
        ({"success": {"width_min_m": 0.2}}, "width_min_m 0.2 is not below width_max_m"),
        ({"action": {"gripper_force_n": 500.0}}, "is above robot.gripper.force_max_n"),
        ({"action": {"turn_speed_max_rad_s": 3.0}}, "operation.tcp_angular_speed_max_rad_s 1.0"),
        ({"action": {"speed_max_m_s": 0.3}}, "is above robot.operation.tcp_speed_max_m_s 0.25"),
        ({"action": {"near_speed_m_s": 0.24}}, "near_speed_m_s 0.24 is not below speed_max_m_s"),
        ({"action": {"far_height_m": 0.1}}, "near_height_m 0.11 is not below far_height_m 0.1"),
        ({"workspace": {"min_m": [0.2, -0.1, 0.1]}}, "task.workspace leaves robot.operation"),
        ({"objects": {"count_min": 5, "count_max": 2}}, "count_min 5 is above count_max 2"),
        ({"randomisation": {"friction": [1.0, 0.5]}}, "friction: 1.0 to 0.5 is no range"),
        ({"randomisation": {"fricton": [1.0, 0.5]}}, "unknown key; did you mean friction?"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_key(
    tmp_path: Path, changes: dict[str, object], said: str
) -> None:
    with pytest.raises(ContractError) as caught:
        load_contract("panda", written(tmp_path, **changes))
    assert said in str(caught.value)
