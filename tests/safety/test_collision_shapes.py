"""The capsules of the shipped robots hold the maker's meshes, and tasks fit between the margins."""

from __future__ import annotations

import itertools
import xml.etree.ElementTree as ET
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from robot_learning.contract import load_contract, load_robot
from robot_learning.contract.base import Transform
from robot_learning.kinematics import ArmKinematics
from robot_learning.kinematics.collision_model import CollisionModel
from sim.robot_model import FINGER_ROOT, HAND_LENGTH_M, build_urdf, matrix

OVERHANG_MAX_M, FOOT_OVERHANG_MAX_M = 0.075, 0.09
"""The farthest that capsules stand out from the mesh inside them; those of the foot, below it."""

Array = np.ndarray


def triangles(path: Path) -> Array:
    """Corners of a mesh's triangles, shape (n, 3, 3)."""
    if path.suffix == ".stl":
        raw = path.read_bytes()
        facet = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("_", "<u2")])
        count = int.from_bytes(raw[80:84], "little")
        return np.frombuffer(raw[84:], facet, count)["corners"].astype(float)
    lines = [line.split() for line in path.read_text().splitlines()]
    points = np.array([[float(x) for x in words[1:4]] for words in lines if words[:1] == ["v"]])
    corners = []
    for words in lines:
        if words[:1] == ["f"]:
            first, *rest = (int(word.split("/")[0]) - 1 for word in words[1:])
            corners += [(first, a, b) for a, b in itertools.pairwise(rest)]
    return points[np.array(corners)]


def on_surface(corners: Array, count: int) -> Array:
    """Points spread evenly over triangles, shape (count, 3)."""
    rng = np.random.default_rng(0)
    sides = corners[:, 1:] - corners[:, :1]
    area = np.linalg.norm(np.cross(sides[:, 0], sides[:, 1]), axis=1)
    chosen = rng.choice(len(corners), count, p=area / area.sum())
    weights = rng.dirichlet([1.0, 1.0, 1.0], count)
    return np.einsum("nk,nkd->nd", weights, corners[chosen])


@cache
def meshes(robot: str) -> dict[str, Array]:
    """Triangles of visual and collision meshes, (n, 3, 3), by link, in the link's frame."""
    found: dict[str, list[Array]] = {}
    for link in ET.fromstring(build_urdf(load_robot(robot), "stock")).findall("link"):
        for element in [*link.findall("visual"), *link.findall("collision")]:
            mesh, origin = element.find("geometry/mesh"), element.find("origin")
            assert mesh is not None
            points = triangles(Path(mesh.attrib["filename"]))
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
        assert outside(found[link].reshape(-1, 3), body).max() <= 0.0, link
    hand = found["hand"].reshape(-1, 3) - [0.0, 0.0, HAND_LENGTH_M]
    assert outside(hand, bodies["hand"]).max() <= 0.0
    for side, name in zip((1.0, -1.0), contract.gripper.joint_names, strict=True):
        for travel in np.linspace(0.0, contract.gripper.width_max_m / 2, 5):
            root = np.add(FINGER_ROOT.xyz_m, [0.0, side * travel, -HAND_LENGTH_M])
            finger = found[f"{name}_link"].reshape(-1, 3) + root
            assert outside(finger, bodies["fingers"]).max() <= 0.0


def test_what_is_measured_here_can_fail() -> None:
    collision = load_robot("panda").collision
    assert collision is not None
    body = collision.bodies[2]
    smaller = [capsule.model_copy(update={"radius_m": 0.04}) for capsule in body.capsules]
    thin = body.model_copy(update={"capsules": tuple(smaller)})
    assert outside(meshes("panda")["panda_joint2_link"].reshape(-1, 3), thin).max() > 0.005


@pytest.mark.parametrize("robot", ["panda", "iiwa7"])
def test_capsules_are_not_much_larger_than_what_they_hold(robot: str) -> None:
    contract, found = load_robot(robot), meshes(robot)
    assert contract.collision is not None
    sphere = np.random.default_rng(0).normal(size=(400, 3))
    sphere /= np.linalg.norm(sphere, axis=1)[:, None]
    for number, body in enumerate(contract.collision.bodies[:8]):
        link = contract.arm.base_frame if number == 0 else f"{body.frame}_link"
        mesh = on_surface(found[link], 3_000)
        skin = np.concatenate(
            [
                np.add(end, capsule.radius_m * sphere)
                for capsule in body.capsules
                for end in (capsule.from_m, capsule.to_m)
            ]
        )
        skin = skin[outside(skin, body) > -1e-6]
        overhang = max(float(np.linalg.norm(mesh - point, axis=1).min()) for point in skin)
        print(robot, body.name, f"{overhang:.3f} m")
        assert overhang <= (OVERHANG_MAX_M if number else FOOT_OVERHANG_MAX_M), link


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


@pytest.mark.parametrize("robot", ["gen3", "xarm7"])
def test_shorter_arms_reach_all_goals_of_reach_near_clear_of_themselves_and_the_table(
    robot: str,
) -> None:
    contract = load_contract(robot, "reach_near")
    kinematics = ArmKinematics(contract.robot.arm)
    distances = CollisionModel(contract.robot, kinematics).workspace()
    home = kinematics.home_position_rad
    distances.update(home)
    assert distances.clearance().min() > 0.01
    rotation, box = kinematics.tcp_pose(home)[1], contract.task.goal.box
    for goal in itertools.product(*zip(box.min_m, box.max_m, strict=True)):
        distances.update(kinematics.inverse(np.array(goal), rotation, home))
        assert distances.clearance().min() > 0.005, goal


@pytest.mark.parametrize("robot", ["panda", "xarm7"])
def test_one_pairs_clearance_is_what_all_of_them_together_say_of_it(robot: str) -> None:
    contract = load_contract(robot)
    kinematics = ArmKinematics(contract.robot.arm)
    model = CollisionModel(contract.robot, kinematics)
    together, alone = model.workspace(), model.workspace()
    for way in (0.0, 0.3, -0.4):
        posture = kinematics.home_position_rad + way
        together.update(posture)
        alone.update(posture)
        clearance = together.clearance()
        for pair, expected in enumerate(clearance):
            assert alone.clearance_of(pair) == pytest.approx(expected, abs=1e-9)
            assert alone.normal(pair) == pytest.approx(together.normal(pair), abs=1e-6)
