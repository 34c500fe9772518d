"""The committed SROS2 policy: who may publish commands, and who may let the arm move."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner

from robot_learning.cli import app
from robot_learning.contract import ContractError
from robot_learning.launch.expand import expand
from robot_learning.security.access import KINDS, by_enclave, load_access
from robot_learning.security.policy import policy_xml
from robot_learning.workspace import graph_environment

REPOSITORY = Path(__file__).resolve().parents[2]
COMMITTED = REPOSITORY / "config" / "security" / "physical_robot.policy.xml"
TABLE = load_access()
EVERY_OPTION = tuple(TABLE.options)


def holders(kind: str, name: str, options: tuple[str, ...] = EVERY_OPTION) -> set[str]:
    """The enclaves that may do this, by their last names."""
    rows = by_enclave(TABLE.profiles(["camera"], options=options))
    return {path.rpartition("/")[2] for path, may in rows.items() if name in getattr(may, kind)}


def test_the_committed_policy_is_what_the_table_makes() -> None:
    assert COMMITTED.read_text() == policy_xml(TABLE.profiles(["camera"]))


@pytest.mark.parametrize(
    ("topic", "publisher"),
    [
        ("/arm_controller/joint_trajectory", "arm_driver"),
        ("/gripper_controller/joint_trajectory", "gripper_driver"),
        ("/active_action", "arbiter"),
        ("/safety/state", "safety_monitor"),
        ("/self_test/result", "self_test"),
    ],
)
def test_what_moves_or_frees_the_arm_has_one_publisher(topic: str, publisher: str) -> None:
    assert holders("publishes", topic) == {publisher}


def test_nobody_arms_or_resets_but_the_operator_and_whoever_holds_a_device_may_stop() -> None:
    assert holders("calls", "/safety/arm") == holders("calls", "/safety/reset") == {"operator"}
    assert holders("calls", "/safety/estop") == {"operator", "teleop"}
    assert holders("serves", "/safety/arm") == {"safety_monitor"}


def test_states_come_from_the_robot_unless_another_driver_is_named() -> None:
    assert holders("publishes", "/joint_states", ()) == {"robot"}
    assert holders("publishes", "/joint_states", ("xarm",)) == {"robot", "arm_driver"}


def test_nothing_is_allowed_by_a_pattern() -> None:
    text = COMMITTED.read_text()
    names = [node.text or "" for node in ElementTree.fromstring(text).iter() if not len(node)]
    assert names and not [name for name in names if set("*?[]{}") & set(name)]
    assert "DENY" not in text


@pytest.mark.parametrize(
    ("file", "arguments"),
    [
        ("real_robot", {"task": "reach", "policy": "p", "camera": "true"}),
        ("real_robot", {"task": "reach", "mode": "train", "gripper_action": "a"}),
        ("real_robot", {"task": "lift", "mode": "record", "device": "gamepad"}),
        ("real_robot", {"task": "lift", "mode": "record", "policy": "p", "device": "leader"}),
        ("real_play", {"policy": "p"}),
        ("real_shadow", {"policy": "p"}),
        ("stand_in", {}),
        ("camera_capture", {"source": "0"}),
        ("teleop", {"device": "keyboard"}),
        ("teleop", {"device": "spacemouse"}),
    ],
    ids=lambda value: value if isinstance(value, str) else "-".join(value.values()),
)
def test_every_node_of_a_launch_file_is_in_the_table(
    tmp_path: Path, file: str, arguments: dict[str, str]
) -> None:
    plan = expand(
        REPOSITORY / "launch" / f"{file}.launch.xml",
        {"robot": "panda", **arguments},
        environment=graph_environment(0),
        parameters_dir=tmp_path,
    )
    started = {
        " ".join(process.command).partition("__node:=")[2].split()[0] for process in plan.processes
    }
    known = {row.node for row in TABLE.profiles(["camera"], options=EVERY_OPTION)}
    assert started and started <= known


def test_a_namespace_and_cameras_of_other_names_make_another_policy() -> None:
    rows = TABLE.profiles(["left", "right"], namespace="/cell")
    may = by_enclave(rows)["/robot_learning/camera"]
    assert may.publishes[:2] == ("/cell/left/observation", "/cell/right/observation")
    assert "/cell/camera/change_state" in may.serves and "/rosout" in may.publishes
    assert {row.namespace for row in rows} == {"/cell"}


def test_a_process_of_two_nodes_has_both_in_one_enclave() -> None:
    root = ElementTree.fromstring(COMMITTED.read_text())
    recorder = root.find(".//enclave[@path='/robot_learning/recorder']")
    assert recorder is not None
    nodes = [profile.get("node") for profile in recorder.iter("profile")]
    assert nodes == ["recorder", "recorder_taps"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["--with", "stand-in"],
            "known: stand_in, xarm, gripper_action, camera_capture, joy, leader",
        ),
        (["--namespace", "left"], "expected / or a name such as /left"),
        (["--table", "nope"], "no such file"),
    ],
)
def test_what_cannot_be_made_is_refused_in_a_line(words: list[str], said: str) -> None:
    result = CliRunner().invoke(app, ["security", "policy", *words])
    assert isinstance(result.exception, ContractError)
    assert said in str(result.exception)


def test_a_table_with_a_kind_that_is_none_names_it(tmp_path: Path) -> None:
    path = tmp_path / "table.yaml"
    path.write_text("kinds: {}\nenclaves:\n  arm: {nodes: {arm: member}}\n")
    with pytest.raises(ContractError, match="kind 'member' is not of"):
        load_access(str(path))


def test_rights_are_four_kinds() -> None:
    assert KINDS == ("publishes", "hears", "serves", "calls")
