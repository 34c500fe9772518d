"""A classifier in the place of the simulator's truth: one argument, wherever a graph starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from robot_learning.launch.expand import expand
from robot_learning.workspace import graph_environment

LAUNCH = Path(__file__).resolve().parents[2] / "launch"


def parameters(tmp_path: Path, file: str, **arguments: str) -> dict[str, str]:
    """The parameters' text of every node, by executable."""
    if file != "sim_train":
        arguments["policy"] = "runs/any"
    plan = expand(
        LAUNCH / f"{file}.launch.xml",
        {"task": "lift"} | arguments,
        environment=graph_environment(0),
        parameters_dir=tmp_path,
    )
    return {
        Path(process.command[0]).name: "".join(process.parameter_files.values())
        for process in plan.processes
    }


@pytest.mark.parametrize("file", ["sim_train", "sim_play", "record_demos"])
def test_the_monitor_has_it_and_a_camera_that_is_asked_for_pictures(
    tmp_path: Path, file: str
) -> None:
    told = parameters(tmp_path, file, success_classifier="runs/lift_success", camera="false")
    assert "success_classifier: runs/lift_success" in told["reward_monitor"]
    assert "on_request: true" in told["sim"] and "camera: true" in told["sim"]
    assert "camera" in told and ",camera," in told["lifecycle_manager"]
    # Recorded is all of the image; else the part that is judged is drawn, far faster.
    region = "region: false" if file == "record_demos" else "region: true"
    assert region in told["sim"] and region in told["camera"]


@pytest.mark.parametrize("file", ["sim_train", "sim_play", "record_demos"])
def test_without_one_nothing_of_it_is_there(tmp_path: Path, file: str) -> None:
    told = parameters(tmp_path, file, camera="false")
    assert "success_classifier: ''" in told["reward_monitor"]
    assert "on_request: false" in told["sim"] and "camera" not in told
