"""Editing a contract's file: only what was asked for changes, and it still loads."""

from __future__ import annotations

import difflib
from pathlib import Path

import pytest

from robot_learning.contract import ContractError, config_dir, load_robot
from robot_learning.contract.edit import edited, set_keys

DELAY, RESPONSE = "simulation.control_delay_s", "simulation.response"
VALUES = {"stiffness_1_s2": [400.0] * 7, "damping_1_s": [30.5] * 7}


@pytest.fixture(params=["panda", "fr3", "iiwa7"])
def robot(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / f"{request.param}.yaml"
    path.write_text((config_dir() / "robots" / path.name).read_text())
    return path


def changed(before: str, after: str) -> list[str]:
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm="")
    return [line for line in lines if not line.startswith(("---", "+++", "@@"))]


def test_only_the_lines_of_the_keys_change_and_comments_stay(robot: Path) -> None:
    before = robot.read_text()
    set_keys(robot, {DELAY: 0.04, RESPONSE: VALUES})
    assert changed(before, robot.read_text()) == [
        "-  control_delay_s: 0.0",
        "+  control_delay_s: 0.04",
        "+  response:",
        "+    stiffness_1_s2: [400.0, 400.0, 400.0, 400.0, 400.0, 400.0, 400.0]",
        "+    damping_1_s: [30.5, 30.5, 30.5, 30.5, 30.5, 30.5, 30.5]",
    ]
    simulation = load_robot(robot).simulation
    assert simulation.control_delay_s == 0.04 and simulation.response is not None
    assert list(robot.parent.iterdir()) == [robot]


def test_small_numbers_come_back_as_numbers(robot: Path) -> None:
    set_keys(robot, {"simulation.position_noise_rad": 5e-05, DELAY: 1.25e-05})
    simulation = load_robot(robot).simulation
    assert (simulation.position_noise_rad, simulation.control_delay_s) == (5e-05, 1.25e-05)


def test_a_number_in_a_key_is_a_place_in_a_list(robot: Path) -> None:
    before = robot.read_text()
    set_keys(robot, {"cameras.0.vertical_fov_rad": 0.9})
    assert load_robot(robot).cameras[0].vertical_fov_rad == 0.9
    assert len(changed(before, robot.read_text())) == 2


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({DELAY: -1.0}, "control_delay_s: Input should be greater than or equal to 0"),
        ({"simulation.control_delay": 0.1}, "unknown key; did you mean control_delay_s"),
        ({"name.first": "x"}, "name.first: there is no such place"),
        ({"cameras.7.rate_hz": 30.0}, "cameras.7.rate_hz: there is no such place"),
    ],
)
def test_what_would_not_load_is_not_written(
    robot: Path, values: dict[str, object], says: str
) -> None:
    before = robot.read_bytes()
    with pytest.raises(ContractError, match=says) as error:
        set_keys(robot, values)
    assert ".trial." not in str(error.value)
    assert robot.read_bytes() == before and list(robot.parent.iterdir()) == [robot]


def test_editing_twice_with_the_same_values_changes_nothing() -> None:
    text = (config_dir() / "robots" / "panda.yaml").read_text()
    once = edited(text, {DELAY: 0.04, RESPONSE: VALUES})
    assert edited(once, {DELAY: 0.04, RESPONSE: VALUES}) == once
