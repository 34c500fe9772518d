"""The contract: what is refused, what the message says, and what the hash depends on."""

from __future__ import annotations

import math
import shutil
from pathlib import Path

import pytest
import yaml

from robot_learning.contract import (
    Contract,
    ContractError,
    config_dir,
    differences,
    load_contract,
    load_robot,
    load_task,
    require_same,
)

ROBOTS = ["panda", "fr3", "iiwa7", "xarm7", "gen3"]


def panda(tmp_path: Path, old: str, new: str, count: int = 1) -> Path:
    """A copy of the Panda's contract with something replaced."""
    text = (config_dir() / "robots" / "panda.yaml").read_text()
    assert old in text
    path = tmp_path / "panda.yaml"
    path.write_text(text.replace(old, new, count))
    return path


@pytest.mark.parametrize("robot", ROBOTS)
def test_every_shipped_robot_does_reach(robot: str) -> None:
    contract = load_contract(robot, "reach")
    assert len(contract.robot.arm.joints) == 7
    assert contract.commands_per_action == 5
    assert contract.control_period_s == 0.05


def test_panda_limits_are_the_makers_not_the_looser_ones_of_the_stock_urdf() -> None:
    joints = load_robot("panda").arm.joints
    assert [j.position_max_rad for j in joints] == [
        2.8973, 1.7628, 2.8973, -0.0698, 2.8973, 3.7525, 2.8973,
    ]  # fmt: skip
    assert [j.velocity_max_rad_s for j in joints] == [2.175] * 4 + [2.61] * 3
    assert [j.acceleration_max_rad_s2 for j in joints] == [15, 7.5, 10, 12.5, 15, 20, 20]


def test_xarm7_limits_are_the_makers() -> None:
    joints = load_robot("xarm7").arm.joints
    degrees = [
        (round(math.degrees(j.position_min_rad)), round(math.degrees(j.position_max_rad)))
        for j in joints
    ]
    turn = (-360, 360)
    assert degrees == [turn, (-117, 116), turn, (-6, 225), turn, (-97, 180), turn]
    for joint in joints:
        assert math.degrees(joint.velocity_max_rad_s) == pytest.approx(180.0)
        assert math.degrees(joint.acceleration_max_rad_s2) == pytest.approx(1145.0, abs=0.5)
        assert math.degrees(joint.jerk_max_rad_s3) == pytest.approx(28647.0, abs=10.0)


def test_gen3_limits_are_the_makers_and_joints_without_stops_keep_off_the_half_turn() -> None:
    joints = load_robot("gen3").arm.joints
    assert [j.continuous for j in joints] == [True, False, True, False, True, False, True]
    assert [j.position_max_rad for j in joints if not j.continuous] == [2.24, 2.57, 2.09]
    speeds = [round(math.degrees(j.velocity_max_rad_s)) for j in joints]
    assert speeds == [80, 80, 80, 80, 70, 70, 70]
    assert [j.acceleration_max_rad_s2 for j in joints] == [4.94] * 4 + [9.5] * 3
    for joint in joints:
        assert joint.position_min_rad == -joint.position_max_rad
        if joint.continuous:
            assert math.degrees(joint.position_max_rad) == pytest.approx(170.0, abs=0.01)


def test_limits_of_a_continuous_joint_that_reach_where_its_angle_jumps_are_refused(
    tmp_path: Path,
) -> None:
    text = (config_dir() / "robots" / "gen3.yaml").read_text()
    path = tmp_path / "gen3.yaml"
    path.write_text(text.replace("position_max_rad: 2.9671", "position_max_rad: 3.1", 1))
    with pytest.raises(ContractError, match=r"joint_1: a continuous joint's angle jumps"):
        load_robot(path)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("[robotiq_85_left_knuckle_joint]", "[left, right]", "with `knuckle` one joint"),
        ("[robotiq_85_left_knuckle_joint]", "[]", "at least 1"),
        ("width_max_m: 0.085", "width_max_m: 0.3", r"links close 0\.18\d+ m at most"),
        ("link_m: 0.05", "link_m: -0.05", "greater than 0"),
    ],
)
def test_a_gripper_whose_joints_cannot_be_is_refused(
    tmp_path: Path, old: str, new: str, says: str
) -> None:
    text = (config_dir() / "robots" / "gen3.yaml").read_text()
    assert old in text
    path = tmp_path / "gen3.yaml"
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(ContractError, match=says):
        load_robot(path)


def test_reduced_speed_near_people_is_the_default() -> None:
    assert all(load_robot(r).operation.tcp_speed_max_m_s == 0.25 for r in ROBOTS)


def test_unknown_key_names_file_line_and_the_nearest_key(tmp_path: Path) -> None:
    path = panda(tmp_path, "maker: Franka Emika", "makr: Franka Emika")
    with pytest.raises(ContractError) as error:
        load_robot(path)
    assert str(error.value) == f"{path}:5: makr: unknown key; did you mean maker?"


def test_a_key_that_is_missing_is_named(tmp_path: Path) -> None:
    path = panda(tmp_path, "maker: Franka Emika\n", "")
    with pytest.raises(ContractError, match="maker: required, and not given"):
        load_robot(path)


def test_wrong_unit_in_a_key_is_an_unknown_key_with_the_right_one_named(tmp_path: Path) -> None:
    path = panda(tmp_path, "velocity_max_rad_s: 2.175", "velocity_max_deg_s: 124.6")
    with pytest.raises(
        ContractError, match=r"velocity_max_deg_s: unknown key; did you mean velocity_max_rad_s\?"
    ):
        load_robot(path)


def test_inverted_limit_is_refused_with_both_values(tmp_path: Path) -> None:
    path = panda(tmp_path, "position_min_rad: -2.8973", "position_min_rad: 3.0")
    says = r"position_min_rad 3.0 is not below position_max_rad"
    with pytest.raises(ContractError, match=says) as error:
        load_robot(path)
    assert "\n" not in str(error.value)  # not also that one joint is missing now


def test_a_number_in_quotes_is_not_a_number(tmp_path: Path) -> None:
    path = panda(tmp_path, "tcp_speed_max_m_s: 0.25", 'tcp_speed_max_m_s: "0.25"')
    with pytest.raises(ContractError, match=r"tcp_speed_max_m_s: Input should be a valid number"):
        load_robot(path)


@pytest.mark.parametrize("value", [".nan", ".inf", "-.inf"])
def test_limits_that_are_not_finite_are_refused(tmp_path: Path, value: str) -> None:
    path = panda(tmp_path, "effort_max_nm: 87.0", f"effort_max_nm: {value}")
    with pytest.raises(ContractError, match="effort_max_nm"):
        load_robot(path)


def test_speed_beyond_the_makers_limit_is_refused(tmp_path: Path) -> None:
    path = panda(tmp_path, "tcp_speed_max_m_s: 0.25", "tcp_speed_max_m_s: 2.0")
    with pytest.raises(ContractError, match=r"2.0 is above the maker's .* 1.7"):
        load_robot(path)


def test_home_within_the_margin_of_a_limit_is_refused(tmp_path: Path) -> None:
    path = panda(tmp_path, "home_position_rad: -2.3", "home_position_rad: -3.05")
    with pytest.raises(ContractError, match=r"home_position_rad -3\.05 is outside the limits less"):
        load_robot(path)


def test_a_key_given_twice_is_refused(tmp_path: Path) -> None:
    path = panda(tmp_path, "name: panda\n", "name: panda\nname: other\n")
    with pytest.raises(ContractError, match=r":5: broken YAML: key 'name' is given twice"):
        load_robot(path)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: [1", "broken YAML"),
        ("", "is empty; expected a mapping of keys"),
        ("- 1\n- 2\n", "expected a mapping of keys, found list"),
        ("\t\n: :", "broken YAML"),
    ],
)
def test_broken_yaml_says_where(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    with pytest.raises(ContractError, match=says) as error:
        load_task(path)
    assert str(path) in str(error.value)


def test_binary_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_bytes(b"\xff\xfe\x00\x80")
    with pytest.raises(ContractError, match="is not UTF-8 text"):
        load_robot(path)


def test_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(
        ContractError, match=r"known: fr3, gen3, iiwa7, panda, xarm7; did you mean panda\?"
    ):
        load_robot("pandra")


def test_goal_outside_the_workspace_is_refused(tmp_path: Path) -> None:
    task = tmp_path / "far.yaml"
    text = (config_dir() / "tasks" / "reach.yaml").read_text()
    task.write_text(text.replace("max_m: [0.65, 0.20, 0.42]", "max_m: [0.65, 0.20, 1.42]"))
    with pytest.raises(ContractError, match=r"goal.box leaves robot.operation.workspace"):
        load_contract("panda", task)


def test_hash_does_not_depend_on_order_or_comments_of_the_files(tmp_path: Path) -> None:
    original = config_dir() / "robots" / "panda.yaml"
    data = yaml.safe_load(original.read_text())
    shuffled = tmp_path / "panda.yaml"
    shuffled.write_text(yaml.safe_dump(data, sort_keys=True))
    assert load_contract(shuffled).sha256 == load_contract("panda").sha256


def test_hash_changes_with_any_limit_and_the_difference_is_named(tmp_path: Path) -> None:
    other = load_contract(panda(tmp_path, "velocity_max_rad_s: 2.175", "velocity_max_rad_s: 2.0"))
    ours = load_contract("panda")
    assert other.sha256 != ours.sha256
    assert differences(ours, other) == [("robot.arm.joints.0.velocity_max_rad_s", 2.175, 2.0)]
    with pytest.raises(
        ContractError, match=r"a policy was made .*velocity_max_rad_s: 2.175 here, 2.0 there"
    ):
        require_same(ours, other, "a policy")


def test_limits_of_doubt_may_change_and_what_was_learned_stays_of_use(tmp_path: Path) -> None:
    other = load_contract(panda(tmp_path, "stop_above: 10.0", "stop_above: 5.0"))
    ours = load_contract("panda")
    assert other.robot.operation.doubt.stop_above == 5.0
    assert other.sha256 == ours.sha256 and differences(ours, other) == []
    require_same(ours, other, "a policy")


def test_a_robot_without_limits_of_doubt_has_the_defaults(tmp_path: Path) -> None:
    line = "  doubt: {slow_above: 3.0, stop_above: 10.0}\n"
    doubt = load_contract(panda(tmp_path, line, "")).robot.operation.doubt
    assert (doubt.slow_above, doubt.stop_above) == (3.0, 10.0)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ("slow_above: 10.0, stop_above: 10.0", "slow_above 10.0 is not below stop_above 10.0"),
        ("slow_above: 0.5, stop_above: 10.0", "slow_above"),
        ("slow_above: .nan, stop_above: 10.0", "slow_above"),
        ("slow_above: 3.0, stop_over: 10.0", "stop_over"),
    ],
)
def test_limits_of_doubt_that_make_no_sense_are_refused(
    tmp_path: Path, changed: str, why: str
) -> None:
    with pytest.raises(ContractError, match=why):
        load_contract(panda(tmp_path, "slow_above: 3.0, stop_above: 10.0", changed))


def test_shapes_for_collisions_changed_nothing_of_what_is_agreed_on() -> None:
    # What was learned before they were there stays of use.
    contract = load_contract("panda", "bin_grasp")
    assert contract.robot.collision is not None
    assert contract.sha256 == "e50e48ad693ce7de8be1786ff9bb0326fbec041d1b3270e3e865f6f388742607"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("self_margin_m: 0.01", "self_margin_m: 0.05"),
        ("point_m: [0.0, 0.0, 0.0]", "point_m: [0.0, 0.0, -0.1]"),
        ("to_m: [0.0, 0.065, -0.0954], radius_m: 0.0405", "to_m: [0, 0, 0.1], radius_m: 0.2"),
    ],
)
def test_shapes_for_collisions_may_change_and_what_was_learned_stays_of_use(
    tmp_path: Path, old: str, new: str
) -> None:
    if "[0, 0" in new:
        new = new.replace("[0, 0,", "[0.0, 0.0,")
    ours, other = load_contract("panda"), load_contract(panda(tmp_path, old, new))
    assert other.robot.collision != ours.robot.collision
    assert other.sha256 == ours.sha256 and differences(ours, other) == []
    require_same(ours, other, "a policy")


def test_a_robot_needs_no_shapes_for_collisions(tmp_path: Path) -> None:
    text = (config_dir() / "robots" / "panda.yaml").read_text()
    bare = tmp_path / "panda.yaml"
    bare.write_text(text[: text.index("collision:")])
    contract = load_contract(bare)
    assert contract.robot.collision is None
    assert contract.sha256 == load_contract("panda").sha256


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("self_margin_m: 0.01", "self_margin_m: -0.01", "self_margin_m"),
        ("self_margin_m: 0.01", "self_margin: 0.01", "did you mean self_margin_m"),
        ("frame: panda_joint3", "frame: panda_joint8", "'panda_joint8' of 'link3' is none of"),
        ("name: link3", "name: link2", "names of bodies and of parts of the table repeat"),
        ("[link3, link5]", "[link3, elbow]", "unchecked names 'elbow'"),
        ("radius_m: 0.0405", "radius_m: 0.0", "radius_m"),
        ("radius_m: 0.0405", "radius_m: .nan", "radius_m"),
        ("normal: [0.0, 0.0, 1.0]", "normal: [0.0, 0.0, 2.0]", "is not of length 1"),
        ("kind: half_space", "kind: plane", "half_space"),
    ],
)
def test_shapes_that_make_no_sense_are_refused(
    tmp_path: Path, old: str, new: str, why: str
) -> None:
    with pytest.raises(ContractError, match=why):
        load_contract(panda(tmp_path, old, new))


def test_contract_survives_its_json() -> None:
    contract = load_contract("iiwa7")
    again = Contract.model_validate_json(contract.model_dump_json())
    assert again.sha256 == contract.sha256


def test_config_folder_can_be_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(config_dir(), tmp_path / "config")
    monkeypatch.setenv("ROBOT_LEARNING_CONFIG", str(tmp_path / "config"))
    assert config_dir() == tmp_path / "config"


CALIBRATION = """
    calibration:
      lens:
        fx_px: 470.0
        fy_px: 469.0
        cx_px: 322.0
        cy_px: 238.0
        distortion: [-0.2, 0.0, 0.0, 0.0, 0.0]
        reprojection_error_px: 0.1
        focal_error_percent: 0.2
        centre_error_px: 0.4
        views: 30
        date: 2026-11-28
      pose:
        base_to_optical: {xyz_m: [-0.2, -0.7, 1.3], rpy_rad: [-2.3, 0.1, -0.7]}
        reprojection_error_px: 0.4
        position_error_mm: 0.8
        rotation_error_deg: 0.1
        views: 25
        date: 2026-11-28
"""


def test_a_calibrated_camera_leaves_what_was_learned_of_use(tmp_path: Path) -> None:
    line = "    age_max_s: 0.15\n"
    ours = load_contract("panda")
    measured = load_contract(panda(tmp_path, line, line.rstrip() + CALIBRATION))
    assert measured.robot.cameras[0].calibration is not None
    assert measured.sha256 == ours.sha256 and differences(ours, measured) == []
    require_same(ours, measured, "a policy")
    again = Contract.model_validate_json(measured.model_dump_json())
    assert again.robot.cameras[0].calibration == measured.robot.cameras[0].calibration


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("fx_px: 470.0", "fx_px: -470.0", "fx_px"),
        ("fx_px", "fx", r"lens\.fx: unknown key; did you mean"),
        ("cx_px: 322.0", "cx_px: 700.0", r"cx_px 700.0 is outside its image .* another resolution"),
        ("date: 2026-11-28", "date: yesterday", "date"),
        ("[-0.2, 0.0, 0.0, 0.0, 0.0]", "[-0.2, 0.0]", "distortion"),
        ("        views: 30\n", "", "views: required"),
    ],
)
def test_a_calibration_that_makes_no_sense_is_refused(
    tmp_path: Path, old: str, new: str, why: str
) -> None:
    line = "    age_max_s: 0.15\n"
    assert old in CALIBRATION
    changed = line.rstrip() + CALIBRATION.replace(old, new, 1)
    with pytest.raises(ContractError, match=why):
        load_robot(panda(tmp_path, line, changed))
