"""launch/record_demos.launch.xml: who acts decides which nodes run, and on which clock."""

from __future__ import annotations

from pathlib import Path

import pytest

from robot_learning.launch.expand import expand
from robot_learning.workspace import graph_environment

FILE = Path(__file__).resolve().parents[2] / "launch" / "record_demos.launch.xml"


def plan(tmp_path: Path, **arguments: str) -> tuple[list[str], str]:
    """Names of the nodes, and all their parameters."""
    planned = expand(FILE, arguments, environment=graph_environment(0), parameters_dir=tmp_path)
    commands = [" ".join(process.command) for process in planned.processes]
    names = [command.partition("__node:=")[2].split()[0] for command in commands]
    values = [text for one in planned.processes for text in one.parameter_files.values()]
    return names, "".join(values)


@pytest.mark.parametrize("device", ["keyboard", "gamepad", "spacemouse", "leader"])
def test_a_person_alone_needs_a_device_and_nothing_else_and_has_real_time(
    tmp_path: Path, device: str
) -> None:
    names, values = plan(tmp_path, task="lift", device=device)
    assert {"demonstrator", "teleop", "recorder"} <= set(names) and "policy" not in names
    assert "mode: real_time" in values and "lockstep" not in values
    assert "camera" not in names and ",recorder,demonstrator," in values
    assert f"bindings: {device}" in values and "device" not in names


def test_a_policy_alone_acts_as_fast_as_the_machine_with_the_camera(tmp_path: Path) -> None:
    names, values = plan(tmp_path, policy="runs/mine")
    assert {"policy", "camera"} <= set(names) and not {"demonstrator", "teleop"} & set(names)
    assert "mode: lockstep" in values and "real_time" not in values
    assert "sim,camera," in values and ",recorder,policy," in values


def test_a_policy_that_a_person_corrects_runs_in_real_time(tmp_path: Path) -> None:
    names, values = plan(tmp_path, policy="runs/mine", device="gamepad")
    assert {"policy", "teleop"} <= set(names) and "demonstrator" not in names
    assert "mode: real_time" in values and "lockstep" not in values


def test_the_camera_and_the_clock_are_the_persons_choice(tmp_path: Path) -> None:
    names, _ = plan(tmp_path, device="keyboard", camera="true")
    assert "camera" in names
    _, values = plan(tmp_path, policy="runs/mine", mode="real_time", camera="true")
    assert "mode: real_time" in values
