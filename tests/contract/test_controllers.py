"""The controllers' files for ros2_control agree with the contracts, and are named in the guide."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from robot_learning.contract import config_dir, load_robot
from robot_learning.contract.robot import RobotContract

FOLDER = config_dir() / "controllers"
GUIDE = config_dir().parent / "docs" / "how-to" / "ros2_control.md"
NAMES = sorted(path.stem for path in FOLDER.glob("*.yaml"))
# Parameters of ros2_controllers' jazzy branch (revision ed360c9) that the files may set.
JTC = {
    "type", "joints", "command_interfaces", "state_interfaces", "allow_partial_joints_goal",
    "allow_nonzero_velocity_at_trajectory_end", "interpolate_from_desired_state",
    "set_last_command_interface_value_as_state_on_activation", "cmd_timeout", "constraints",
    "gains", "update_rate",
}  # fmt: skip


def controllers(name: str) -> dict[str, Any]:
    """Parameters by the controller's name, which may be in any namespace."""
    data = yaml.safe_load((FOLDER / f"{name}.yaml").read_text())
    assert all(key.startswith("/**/") for key in data)
    return {key.removeprefix("/**/"): values["ros__parameters"] for key, values in data.items()}


def robot_of(name: str, tmp_path_factory: pytest.TempPathFactory) -> RobotContract:
    """The contract that a file is for; KUKA's with its joints renamed as the guide says."""
    if name != "lbr_iiwa7":
        return load_robot(name)
    found = re.search(r"sed 's/(.+)/(.+)/' config/robots/iiwa7.yaml", GUIDE.read_text())
    assert found is not None
    pattern, new = found.groups()
    path = tmp_path_factory.mktemp("lbr") / "lbr_iiwa7.yaml"
    path.write_text((config_dir() / "robots" / "iiwa7.yaml").read_text().replace(pattern, new))
    return load_robot(path)


def test_every_arm_of_the_guide_has_a_file() -> None:
    assert NAMES == ["fr3", "gen3", "lbr_iiwa7", "xarm7"]
    guide = GUIDE.read_text()
    assert all(f"config/controllers/{name}.yaml" in guide for name in NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_joints_and_rates_are_the_contracts(
    name: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    robot, found = robot_of(name, tmp_path_factory), controllers(name)
    assert found["arm_controller"]["joints"] == list(robot.arm.joint_names)
    if name == "fr3":
        assert f"joint_state_rate:={robot.rates.state_hz:.0f}" in GUIDE.read_text()
    else:
        assert found["joint_state_broadcaster"]["update_rate"] == robot.rates.state_hz
    if "gripper_controller" in found:
        assert found["gripper_controller"]["joints"] == list(robot.gripper.joint_names)
    assert ("gripper_controller" in found) == (name == "gen3")


@pytest.mark.parametrize("name", NAMES)
def test_a_controller_follows_the_stream_and_begins_where_the_arm_is(name: str) -> None:
    for controller, values in controllers(name).items():
        if controller == "joint_state_broadcaster":
            continue
        assert set(values) <= JTC
        assert values["interpolate_from_desired_state"] is True
        assert values["set_last_command_interface_value_as_state_on_activation"] is False
        # The gate's trajectories end at rest: one that does not is not the gate's.
        assert values["allow_nonzero_velocity_at_trajectory_end"] is False
        assert values["allow_partial_joints_goal"] is False
        # Neither gives a reference that jumps to where the arm was measured.
        assert values["cmd_timeout"] == 0.0 and values["constraints"]["goal_time"] == 0.0
        assert set(values["constraints"]) == {"goal_time", "stopped_velocity_tolerance"}


def test_gains_are_for_an_arm_that_is_told_torques() -> None:
    for name in NAMES:
        arm = controllers(name)["arm_controller"]
        assert ("gains" in arm) == (arm["command_interfaces"] == ["effort"])
        assert set(arm.get("gains", arm["joints"])) == set(arm["joints"])
