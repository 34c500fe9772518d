"""launch/teleop.launch.xml starts the one device that was asked for, alone or beside others."""

from __future__ import annotations

from pathlib import Path

import pytest

from robot_learning.launch.errors import LaunchError
from robot_learning.launch.expand import expand
from robot_learning.launch.plan import Plan
from robot_learning.workspace import graph_environment

FILE = Path(__file__).resolve().parents[2] / "launch" / "teleop.launch.xml"


def plan(tmp_path: Path, **arguments: str) -> Plan:
    return expand(FILE, arguments, environment=graph_environment(0), parameters_dir=tmp_path)


@pytest.mark.parametrize("device", ["keyboard", "gamepad", "spacemouse", "leader"])
def test_one_device_comes_up_under_one_name_with_its_own_bindings(
    tmp_path: Path, device: str
) -> None:
    device_process, manager = plan(tmp_path, device=device).processes
    command = " ".join(device_process.command)
    assert f"teleop_{device}" in command and "__node:=teleop" in command
    assert f"bindings: {device}" in "".join(device_process.parameter_files.values())
    assert "lifecycle_manager" in " ".join(manager.command) and manager.required


def test_beside_others_a_device_that_cannot_be_used_ends_nothing(tmp_path: Path) -> None:
    _, manager = plan(tmp_path, device="gamepad", alone="false").processes
    assert not manager.required


def test_an_unknown_device_is_refused_with_those_that_are_known(tmp_path: Path) -> None:
    with pytest.raises(LaunchError, match="spacemouse"):
        plan(tmp_path, device="joystick")
