from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest

from robot_learning.contract import Contract, ContractError, load_contract, load_robot
from sim.robot_model import build_urdf, finger_joints


def rotation(rpy: tuple[float, float, float]) -> np.ndarray:
    """Turns about the fixed x, then y, then z axis, composed one by one."""
    (cr, cp, cy), (sr, sp, sy) = np.cos(rpy), np.sin(rpy)
    about_x = np.array([[1, 0, 0], [0, cr, -sr], [0, sr, cr]])
    about_y = np.array([[cp, 0, sp], [0, 1, 0], [-sp, 0, cp]])
    about_z = np.array([[cy, -sy, 0], [sy, cy, 0], [0, 0, 1]])
    return about_z @ about_y @ about_x


def pose(transform) -> np.ndarray:
    result = np.eye(4)
    result[:3, :3] = rotation(transform.rpy_rad)
    result[:3, 3] = transform.xyz_m
    return result


def contract_tcp(contract: Contract, q: np.ndarray) -> np.ndarray:
    arm, result = contract.robot.arm, np.eye(4)
    for joint, angle in zip(arm.joints, q, strict=True):
        turn = np.eye(4)
        turn[:3, :3] = rotation((0.0, 0.0, angle))
        result = result @ pose(joint.origin) @ turn
    return result @ pose(arm.flange) @ pose(arm.tcp)


@pytest.mark.parametrize("name", ["panda", "fr3", "iiwa7", "xarm7", "gen3"])
def test_forward_kinematics_are_the_contracts(opened, name):
    contract = load_contract(name)
    hardware = opened(contract)
    low = [joint.position_min_rad for joint in contract.robot.arm.joints]
    high = [joint.position_max_rad for joint in contract.robot.arm.joints]
    rng = np.random.default_rng(0)
    for _ in range(50):
        q = rng.uniform(low, high)
        hardware.robot.place(q, 0.04)
        np.testing.assert_allclose(hardware.robot.tcp_pose(), contract_tcp(contract, q), atol=1e-6)


@pytest.mark.parametrize("name", ["panda", "fr3", "iiwa7", "xarm7", "gen3"])
def test_joint_names_and_limits_are_the_contracts(opened, name):
    contract = load_contract(name)
    limits = opened(contract).robot.joint_limits()
    gripper = contract.robot.gripper
    fingers = finger_joints(contract.robot)
    assert list(limits) == [*contract.robot.arm.joint_names, *fingers]
    for joint in contract.robot.arm.joints:
        assert limits[joint.name] == pytest.approx(
            (
                joint.position_min_rad,
                joint.position_max_rad,
                joint.effort_max_nm,
                joint.velocity_max_rad_s,
            )
        )
    for finger in fingers:
        assert limits[finger] == pytest.approx(
            (0.0, gripper.width_max_m / 2, gripper.force_max_n, gripper.speed_max_m_s / 2)
        )


def test_masses_are_the_stock_models_and_meshes_exist():
    root = ET.fromstring(build_urdf(load_robot("panda")))
    masses = [float(mass.attrib["value"]) for mass in root.iter("mass")]
    assert masses == [2.9, 2.7, 2.73, 2.04, 2.08, 3.0, 1.3, 0.2, 0.81, 0.1, 0.1]
    meshes = [Path(mesh.attrib["filename"]) for mesh in root.iter("mesh")]
    assert meshes
    assert all(mesh.is_absolute() and mesh.is_file() for mesh in meshes)


def test_an_unknown_model_is_refused_with_the_known_ones(panda, with_simulation):
    contract = with_simulation(panda, model="puma")
    with pytest.raises(
        ContractError, match=r"'puma' of robot panda is not known; known: panda, iiwa, plain"
    ):
        build_urdf(contract.robot)


def test_a_plain_arm_has_a_bar_from_each_joint_to_the_next():
    robot = load_robot("xarm7")
    root = ET.fromstring(build_urdf(robot))
    bars = {link.attrib["name"]: link.find("collision/geometry/*") for link in root.iter("link")}
    assert bars["link_base"].attrib["length"] == "0.267"
    assert float(bars["joint4_link"].attrib["length"]) == pytest.approx(np.hypot(0.0775, 0.3425))
    assert bars["joint1_link"].tag == "sphere"  # joints 1 and 2 meet
