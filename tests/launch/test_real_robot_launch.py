"""launch/real_robot.launch.xml: what runs beside a physical arm, and what never does."""

from __future__ import annotations

from pathlib import Path

import pytest

from robot_learning.benchmark.fault_graph import QUICK
from robot_learning.launch.errors import LaunchError
from robot_learning.launch.expand import expand
from robot_learning.workspace import graph_environment

LAUNCH = Path(__file__).resolve().parents[2] / "launch"
SAFE = {
    "safety_monitor",
    "black_box",
    "arm_driver",
    "gripper_driver",
    "self_test",
    "arbiter",
    "scene",
}


def parameters(tmp_path: Path, file: str = "real_robot", **arguments: str) -> dict[str, str]:
    """The parameters' text of every node, by name."""
    plan = expand(
        LAUNCH / f"{file}.launch.xml",
        arguments,
        environment=graph_environment(0),
        parameters_dir=tmp_path,
    )
    return {
        " ".join(process.command).partition("__node:=")[2].split()[0]: "".join(
            process.parameter_files.values()
        )
        for process in plan.processes
    }


@pytest.mark.parametrize("missing", ["robot", "task"])
def test_it_does_not_start_without_the_robots_contract(tmp_path: Path, missing: str) -> None:
    arguments = {"robot": "panda", "task": "reach"}
    del arguments[missing]
    with pytest.raises(LaunchError, match=missing):
        parameters(tmp_path, **arguments)
    with pytest.raises(LaunchError, match="robot"):
        parameters(tmp_path, "real_play", policy="runs/mine")


@pytest.mark.parametrize(
    ("arguments", "acting"),
    [
        ({"policy": "runs/mine"}, {"policy"}),
        ({"mode": "train"}, {"policy", "learner"}),
        (
            {"mode": "record", "device": "gamepad"},
            {"demonstrator", "recorder", "teleop", "teleop_lifecycle"},
        ),
        ({"mode": "record", "policy": "runs/mine"}, {"policy", "recorder"}),
        ({"mode": "excite"}, {"exciter", "recorder"}),
    ],
    ids=["play", "train", "record by hand", "record a policy", "excite"],
)
def test_nobody_arms_it_but_a_person_after_the_self_test(
    tmp_path: Path, arguments: dict[str, str], acting: set[str]
) -> None:
    nodes = parameters(tmp_path, robot="panda", task="reach", **arguments)
    assert set(nodes) == SAFE | {"reward_monitor", "lifecycle_manager"} | acting
    assert "self_test: true" in nodes["safety_monitor"]
    assert "lockstep" not in "".join(nodes.values())
    managed = nodes["lifecycle_manager"].partition("nodes: ")[2].splitlines()[0].split(",")
    assert set(managed) == set(nodes) - {"lifecycle_manager", "teleop", "teleop_lifecycle"}
    assert managed.index("safety_monitor") < managed.index("arm_driver")
    assert max(managed.index(name) for name in SAFE) < min(
        managed.index(name) for name in acting & {"policy", "demonstrator", "exciter"}
    )


def test_a_camera_that_stands_still_is_frozen_on_a_robot(tmp_path: Path) -> None:
    nodes = parameters(tmp_path, robot="panda", task="reach", policy="runs/mine", camera="true")
    assert "freeze_limit: 30" in nodes["camera"] and "camera: true" in nodes["self_test"]


def test_playing_is_one_of_its_modes(tmp_path: Path) -> None:
    nodes = parameters(tmp_path, "real_play", robot="panda", policy="runs/mine", episodes="3")
    assert set(nodes) == SAFE | {"reward_monitor", "lifecycle_manager", "policy"}
    assert "episodes: 3" in nodes["policy"] and "runs/mine" in nodes["policy"]


@pytest.mark.parametrize("file", ["real_robot", "real_play"])
def test_a_gripper_without_a_trajectory_controller_is_moved_by_its_action(
    tmp_path: Path, file: str
) -> None:
    given = {"robot": "fr3", "task": "lift", "policy": "runs/mine"}
    nodes = parameters(tmp_path, file, **given, gripper_action="/franka_gripper/gripper_action")
    assert "action: /franka_gripper/gripper_action" in nodes["gripper_action"]
    assert "gripper_driver,gripper_action," in nodes["lifecycle_manager"]
    assert "says_force: true" in nodes["gripper_driver"]  # it becomes the goal's max_effort
    assert "gripper_action" not in parameters(tmp_path, file, **given)


@pytest.mark.parametrize(
    ("file", "node"), [("real_play", "policy"), ("sim_play", "policy"), ("real_shadow", "shadow")]
)
def test_a_policy_is_shown_where_the_arm_is_told_to_be_only_if_asked_for(
    tmp_path: Path, file: str, node: str
) -> None:
    given = {"robot": "panda", "policy": "runs/mine"}
    assert "anticipate: false" in parameters(tmp_path, file, **given)[node]
    assert "anticipate: true" in parameters(tmp_path, file, **given, anticipate="true")[node]


def test_excitation_in_the_simulator_is_that_of_a_robot(tmp_path: Path) -> None:
    given = {"robot": "panda", "task": "reach", "seconds_per_joint": "3.0", "seed": "7"}
    real = parameters(tmp_path, mode="excite", **given)
    simulated = parameters(tmp_path, "sim_excite", **given)
    assert real["exciter"] == simulated["exciter"]
    assert "seconds_per_joint: 3.0" in real["exciter"] and "seed: 7" in real["exciter"]
    assert set(real) - set(simulated) == {"scene", "self_test", "black_box"}
    assert set(simulated) - set(real) == {"sim", "sim_operator"}


def test_calibrating_brings_its_nodes_up_and_moves_nothing(tmp_path: Path) -> None:
    file = "calibration_views"
    nodes = parameters(tmp_path, file, robot="panda", out="runs/mine")
    assert set(nodes) == {"calibration_views", "views_lifecycle"}
    assert "runs/mine" in nodes["calibration_views"]
    nodes = parameters(tmp_path, file, robot="panda", source="/dev/video0", camera="camera")
    assert set(nodes) == {
        "calibration_views",
        "views_lifecycle",
        "camera_capture",
        "camera_lifecycle",
    }
    assert "/dev/video0" in nodes["camera_capture"]
    with pytest.raises(LaunchError, match="robot"):
        parameters(tmp_path, file)
    with pytest.raises(LaunchError, match="source"):
        parameters(tmp_path, "camera_capture", robot="panda")


def test_in_the_shadow_nothing_runs_that_could_move_the_arm(tmp_path: Path) -> None:
    nodes = parameters(tmp_path, "real_shadow", robot="panda", policy="runs/mine")
    assert set(nodes) == {"scene", "shadow", "lifecycle_manager"}


def test_each_layer_notices_as_soon_as_in_the_bench_of_faults(tmp_path: Path) -> None:
    nodes = parameters(tmp_path, robot="panda", task="reach", policy="runs/mine")
    for node, values in QUICK.items():
        for name, value in values.items():
            assert f"{name}: {value}" in nodes[node]


@pytest.mark.parametrize(("backend", "says"), [("topic", "false"), ("xarm", "true")])
def test_a_gripper_under_ros2_control_is_told_no_efforts_which_it_drops(
    tmp_path: Path, backend: str, says: str
) -> None:
    nodes = parameters(tmp_path, robot="panda", task="lift", policy="runs/mine", backend=backend)
    assert f"says_force: {says}" in nodes["gripper_driver"]
