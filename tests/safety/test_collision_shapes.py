"""The capsules of the shipped robots hold the maker's meshes, and tasks fit between the margins."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest

from robot_learning.contract import load_contract, load_robot
from robot_learning.contract.base import Transform
from robot_learning.kinematics import ArmKinematics
from robot_learning.kinematics.collision_model import CollisionModel
from sim.robot_model import FINGER_ROOT, HAND_LENGTH_M, build_urdf, matrix

OVERHANG_MAX_M = 0.06
"""The farthest point of a capsule from the mesh inside; measured 0.056, at the Panda's base."""

Array = np.ndarray


def vertices(path: Path) -> Array:
    if path.suffix == ".stl":
        raw = path.read_bytes()
        facet = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("_", "<u2")])
        facets = np.frombuffer(raw[84:], facet, int.from_bytes(raw[80:84], "little"))
        return np.unique(facets["corners"].reshape(-1, 3).astype(float), axis=0)
    lines = (line.split() for line in path.read_text().splitlines() if line.startswith("v "))
    return np.unique([[float(x) for x in words[1:4]] for words in lines], axis=0)


def meshes(robot: str) -> dict[str, Array]:
    """Every vertex of visual and collision meshes, by link, in the link's frame."""
    found: dict[str, list[Array]] = {}
    for link in ET.fromstring(build_urdf(load_robot(robot), "stock")).findall("link"):
        for element in [*link.findall("visual"), *link.findall("collision")]:
            mesh, origin = element.find("geometry/mesh"), element.find("origin")
            assert mesh is not None
            points = vertices(Path(mesh.attrib["filename"]))
            if origin is not None:
                place = matrix(
                    Transform(xyz_m=_three(origin, "xyz"), rpy_rad=_three(origin, "rpy"))
                )
                points = points @ place[:3, :3].T + place[:3, 3]
            found.setdefault(link.attrib["name"], []).append(points)
    return {name: np.concatenate(parts) for name, parts in found.items()}


def _three(element: ET.Element, key: str) -> tuple[float, float, float]:
    x, y, z = (float(value) for value in element.attrib.get(key, "0 0 0").split())
    return x, y, z


def outside(points: Array, body) -> Array:
    """How far each point is outside of all capsules of a body; below 0: inside."""
    gaps = []
    for capsule in body.capsules:
        start, way = np.array(capsule.from_m), np.subtract(capsule.to_m, capsule.from_m)
        share = np.clip((points - start) @ way / max(way @ way, 1e-12), 0.0, 1.0)
        gaps.append(
            np.linalg.norm(points - start - share[:, None] * way, axis=1) - capsule.radius_m
        )
    return np.min(gaps, axis=0)


@pytest.mark.parametrize("robot", ["panda", "iiwa7"])
def test_every_vertex_of_the_makers_meshes_is_inside(robot: str) -> None:
    contract = load_robot(robot)
    assert contract.collision is not None
    bodies = {body.name: body for body in contract.collision.bodies}
    found = meshes(robot)
    links = [contract.arm.base_frame, *(f"{name}_link" for name in contract.arm.joint_names)]
    for number, link in enumerate(links):
        body = bodies["base" if number == 0 else f"link{number}"]
        assert body.frame == link.removesuffix("_link")
        assert outside(found[link], body).max() <= 0.0, link
    hand = found["hand"] - [0.0, 0.0, HAND_LENGTH_M]
    assert outside(hand, bodies["hand"]).max() <= 0.0
    for side, name in zip((1.0, -1.0), contract.gripper.joint_names, strict=True):
        for travel in np.linspace(0.0, contract.gripper.width_max_m / 2, 5):
            root = np.add(FINGER_ROOT.xyz_m, [0.0, side * travel, -HAND_LENGTH_M])
            assert outside(found[f"{name}_link"] + root, bodies["fingers"]).max() <= 0.0


def test_what_is_measured_here_can_fail() -> None:
    collision = load_robot("panda").collision
    assert collision is not None
    body = collision.bodies[2]
    smaller = [capsule.model_copy(update={"radius_m": 0.04}) for capsule in body.capsules]
    thin = body.model_copy(update={"capsules": tuple(smaller)})
    assert outside(meshes("panda")["panda_joint2_link"], thin).max() > 0.005


@pytest.mark.parametrize("robot", ["panda", "iiwa7"])
def test_capsules_are_not_much_larger_than_what_they_hold(robot: str) -> None:
    contract, found = load_robot(robot), meshes(robot)
    assert contract.collision is not None
    sphere = np.random.default_rng(0).normal(size=(400, 3))
    sphere /= np.linalg.norm(sphere, axis=1)[:, None]
    for number, body in enumerate(contract.collision.bodies[:8]):
        link = contract.arm.base_frame if number == 0 else f"{body.frame}_link"
        mesh = found[link]
        mesh = mesh[np.random.default_rng(1).permutation(len(mesh))[:1500]]
        skin = np.concatenate(
            [
                np.add(end, capsule.radius_m * sphere)
                for capsule in body.capsules
                for end in (capsule.from_m, capsule.to_m)
            ]
        )
        skin = skin[outside(skin, body) > -1e-6]
        nearest = np.linalg.norm(skin[:, None] - mesh[None], axis=2).min(axis=1)
        print(robot, body.name, f"{nearest.max():.4f} m")
        assert nearest.max() <= OVERHANG_MAX_M + 0.01, link


@pytest.mark.parametrize("robot", ["panda", "fr3", "iiwa7"])
@pytest.mark.parametrize("task", ["reach", "bin_grasp", "lift", "push", "insertion"])
def test_the_whole_workspace_of_a_task_is_clear_with_the_tool_down(robot: str, task: str) -> None:
    contract = load_contract(robot, task)
    kinematics = ArmKinematics(contract.robot.arm)
    distances = CollisionModel(contract.robot, kinematics).workspace()
    home = kinematics.home_position_rad
    distances.update(home)
    assert distances.clearance().min() > 0.01
    if task == "reach":
        return  # its workspace is the robot's: what of it the tool reaches, the gate says
    rotation, box = kinematics.tcp_pose(home)[1], contract.workspace
    for corner in np.array(np.meshgrid(*zip(box.min_m, box.max_m, strict=True))).reshape(3, -1).T:
        distances.update(kinematics.inverse(corner, rotation, home))
        assert distances.clearance().min() > 0.005, corner
