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


def followed_by(text: str) -> dict[str, str]:
    """For every line of comment the next line that is none."""
    lines = [line.strip() for line in text.splitlines()]
    return {
        line: next((below for below in lines[at:] if below and below[0] != "#"), "the end")
        for at, line in enumerate(lines)
        if line.startswith("#")
    }


SOMETHING = {"one": 1, "two": [1, 2], "three": {"four": [5, 6]}}


@pytest.mark.parametrize("parent", ["operation", "rates", "cameras.0", "simulation"])
@pytest.mark.parametrize("twice", [False, True])
def test_a_comment_stays_above_what_it_is_about(robot: Path, parent: str, twice: bool) -> None:
    """ruamel hangs a comment on the value before it, which here gets a neighbour."""
    before = robot.read_text() + "# The end.\n"
    key = f"{parent}.new"
    after = edited(before, {key: SOMETHING})
    if twice:
        after = edited(after, {key: {"other": SOMETHING}, f"{key}.more": 2.0})
    assert followed_by(after) == followed_by(before)
    assert [line for line in changed(before, after) if line.startswith("-")] == []


def test_a_comment_in_the_line_of_a_value_stays_there() -> None:
    text = "a:\n  b: 1  # one\n# about c\nc: [1, 2]  # two\n\n# about d\nd:\n- 1  # eins\n# end\n"
    after = edited(text, {"a.new": 2, "c": [3], "d": [4, 5]})
    assert after == (
        "a:\n  b: 1  # one\n  new: 2\n# about c\nc: [3]     # two\n\n# about d\nd: [4, 5]\n# end\n"
    )


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
    assert "/tmp/tmp" not in str(error.value)
    assert robot.read_bytes() == before and list(robot.parent.iterdir()) == [robot]


def test_editing_twice_with_the_same_values_changes_nothing() -> None:
    text = (config_dir() / "robots" / "panda.yaml").read_text()
    once = edited(text, {DELAY: 0.04, RESPONSE: VALUES})
    assert edited(once, {DELAY: 0.04, RESPONSE: VALUES}) == once
