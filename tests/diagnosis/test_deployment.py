"""`robot-learning deploy check`: what speaks against trying a policy on a robot."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from robot_learning.cli import app
from robot_learning.contract import Contract, load_contract
from robot_learning.diagnosis.check import Status
from robot_learning.diagnosis.deployment import check_deployment
from robot_learning.networks.mlp_policy import MlpPolicy
from robot_learning.training.policy_file import PolicyFile, read_policy, save_policy

CONTRACT = load_contract("panda", "reach")


def policy(**changes: Any) -> MlpPolicy:
    """One layer of zeros for reach on the panda, normalised around home."""
    home = np.array([joint.home_position_rad for joint in CONTRACT.robot.arm.joints], np.float32)
    mean = np.zeros(23, np.float32)
    mean[:7] = home
    fields: dict[str, Any] = {
        "weights": (np.zeros((23, 3), np.float32),),
        "biases": (np.zeros(3, np.float32),),
        "mean": mean,
        "std": np.ones(23, np.float32),
        "clip": 5.0,
        "action_low": np.full(3, -1.0, np.float32),
        "action_high": np.full(3, 1.0, np.float32),
        "goal_size": 3,
        "version": 7,
    }
    return MlpPolicy(**(fields | changes))


def saved(folder: Path, contract: Contract | None = CONTRACT, **changes: Any) -> Path:
    evaluation = {"n": 100, "success_rate": 0.98}
    file = PolicyFile(
        policy=policy(**changes),
        algorithm="td3",
        hyper_parameters={},
        contract=contract,
        environment=None if contract else "gymnasium:Pendulum-v1",
        metrics={"evaluation": evaluation},
        git_revision="0123456789abcdef",
    )
    save_policy(folder, file)
    return folder


def findings(folder: Path) -> dict[str, tuple[Status, str]]:
    checks = check_deployment(folder, CONTRACT, decisions=5)
    return {check.name: (check.status, check.fact) for check in checks}


def test_nothing_speaks_against_a_policy_of_this_robot_and_task(tmp_path: Path) -> None:
    found = findings(saved(tmp_path))
    assert {status for status, _ in found.values()} == {Status.OK}
    assert {"contract", "rates", "decisions", "normaliser", "actions", "speed"} <= set(found)


def test_another_robot_is_refused_with_the_keys_that_differ(tmp_path: Path) -> None:
    status, fact = findings(saved(tmp_path, load_contract("fr3", "reach")))["contract"]
    assert status is Status.FAIL and "robot.arm.base_frame: 'panda_link0' here" in fact


def test_another_rate_and_another_camera_are_refused_by_their_keys(tmp_path: Path) -> None:
    (camera, *others), task = CONTRACT.robot.cameras, CONTRACT.task
    narrower = camera.model_copy(update={"height_px": camera.height_px // 2})
    robot = CONTRACT.robot.model_copy(update={"cameras": (narrower, *others)})
    slower = task.model_copy(update={"control_hz": task.control_hz / 2.0})
    for name, other, key in (
        ("rate", Contract(robot=CONTRACT.robot, task=slower), "task.control_hz"),
        ("camera", Contract(robot=robot, task=task), "robot.cameras"),
    ):
        status, fact = findings(saved(tmp_path / name, other))["contract"]
        assert status is Status.FAIL and key in fact, fact


def test_a_policy_of_another_world_and_no_policy_at_all_are_refused(tmp_path: Path) -> None:
    assert findings(saved(tmp_path, None))["contract"][0] is Status.FAIL
    assert findings(tmp_path / "nothing")["files"][0] is Status.FAIL


@pytest.mark.parametrize(
    "changes",
    [{"std": np.zeros(23, np.float32)}, {"mean": np.full(23, np.nan, np.float32)}],
    ids=["no deviation", "not finite"],
)
def test_a_normaliser_that_is_none_makes_no_policy(tmp_path: Path, changes: dict[str, Any]) -> None:
    assert findings(saved(tmp_path, **changes))["files"][0] is Status.FAIL


def test_a_policy_that_was_trained_from_another_home_is_warned_of(tmp_path: Path) -> None:
    status, fact = findings(saved(tmp_path, mean=np.full(23, 9.0, np.float32)))["normaliser"]
    assert status is Status.WARN and "joint_position_rad is 11.3" in fact


def test_a_robot_that_may_be_fast_and_a_policy_that_was_never_judged_are_warned_of(
    tmp_path: Path,
) -> None:
    operation = CONTRACT.robot.operation.model_copy(update={"tcp_speed_max_m_s": 0.5})
    robot = CONTRACT.robot.model_copy(update={"operation": operation})
    fast = Contract(robot=robot, task=CONTRACT.task)
    file = replace(read_policy(saved(tmp_path, fast)), metrics={"evaluation": None})
    save_policy(tmp_path, file)
    checks = {check.name: check.status for check in check_deployment(tmp_path, fast, decisions=5)}
    assert checks["speed"] is Status.WARN and checks["success in simulation"] is Status.WARN


def test_the_command_says_it_all_as_json_and_exits_by_it(tmp_path: Path) -> None:
    run = CliRunner()
    good = run.invoke(app, ["deploy", "check", str(saved(tmp_path)), "--robot", "panda", "--json"])
    assert good.exit_code == 0 and json.loads(good.stdout)["ok"] is True
    other = run.invoke(app, ["deploy", "check", str(tmp_path), "--robot", "iiwa7", "--json"])
    assert other.exit_code == 1 and json.loads(other.stdout)["ok"] is False
