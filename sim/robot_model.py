"""The simulated arm as URDF text: the contract's kinematics and limits on a stock model's links.

From the stock model come the links' masses, shapes and colours. Joint names, origins, axes and
limits come from the contract, because the stock limits are looser than the makers'. Every arm
carries the hand of the stock Panda on the contract's flange. Where there is no stock model, bars
between the joints do (`plain_links`).
"""

from __future__ import annotations

import copy
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import numpy as np
import pybullet_data
from numpy.typing import NDArray

from robot_learning.contract import ContractError, RobotContract
from robot_learning.contract.base import Transform
from robot_learning.contract.tabletop import PegContract
from sim.meshes import decimated
from sim.plain_links import PlainLinks

Visuals = Literal["decimated", "stock"]

STOCK_MODELS = {"panda": "franka_panda/panda.urdf", "iiwa": "kuka_iiwa/model.urdf"}
"""Names allowed in the contract's `simulation.model`, and the files in pybullet_data."""
PLAIN = "plain"
"""The other name allowed there: for any arm, without a file; see `plain_links`."""

HAND_LENGTH_M = 0.1034
"""From the origin of the Franka Hand to the point between its fingertips (the maker's F_T_NE)."""
HAND_LINK = "hand"
HELD_LINK = "held"
"""A peg between the fingers, where the task has one; it moves with the hand."""
FINGER_ROOT = Transform(xyz_m=(0.0, 0.0, 0.0584))
"""Where the fingers sit in the Franka Hand."""


def build_urdf(
    robot: RobotContract, visuals: Visuals = "decimated", held: PegContract | None = None
) -> str:
    """Builds the URDF of the robot with its hand; mesh paths are absolute.

    Links are called after the joint that moves them (`panda_joint1_link`), the hand `hand`.

    Args:
        robot: the contract's robot.
        visuals: `stock` keeps the stock visual meshes; they look like the others but take ten
            times as long to draw.
        held: a peg between the fingers.

    Raises:
        ContractError: the contract names a model that is not known here.
    """
    model = robot.simulation.model
    if model != PLAIN and model not in STOCK_MODELS:
        raise ContractError(
            f"simulation.model {model!r} of robot {robot.name} is not known; "
            f"known: {', '.join((*STOCK_MODELS, PLAIN))}"
        )
    stock = _plain(robot) if model == PLAIN else _Stock(STOCK_MODELS[model], visuals)
    out = ET.Element("robot", name=robot.name)
    arm = robot.arm
    base, moved = stock.chain(len(arm.joints))
    out.append(stock.link(base, arm.base_frame))
    parent = arm.base_frame
    for joint, link in zip(arm.joints, moved, strict=True):
        child = f"{joint.name}_link"
        out.append(stock.link(link, child))
        limit = {
            "lower": joint.position_min_rad,
            "upper": joint.position_max_rad,
            "effort": joint.effort_max_nm,
            "velocity": joint.velocity_max_rad_s,
        }
        out.append(_joint(joint.name, "revolute", parent, child, joint.origin, limit))
        parent = child
    _add_hand(out, robot, parent, visuals)
    if held is not None:
        _add_held(out, held)
    return ET.tostring(out, encoding="unicode")


def finger_joints(robot: RobotContract) -> tuple[str, str]:
    """Names of the simulated hand's joints; a knuckle's gripper has the Panda's fingers too."""
    names = robot.gripper.joint_names
    return (names[0], names[1]) if len(names) == 2 else (f"{names[0]}_left", f"{names[0]}_right")


def matrix(transform: Transform) -> NDArray[np.float64]:
    """Homogeneous matrix (4, 4) of a contract transform (fixed-axis roll, pitch, yaw)."""
    roll, pitch, yaw = transform.rpy_rad
    (sr, sp, sy), (cr, cp, cy) = np.sin([roll, pitch, yaw]), np.cos([roll, pitch, yaw])
    result = np.eye(4)
    result[:3, :3] = [
        [cy * cp, cy * sp * sr - sy * cr, cy * sp * cr + sy * sr],
        [sy * cp, sy * sp * sr + cy * cr, sy * sp * cr - cy * sr],
        [-sp, cp * sr, cp * cr],
    ]
    result[:3, 3] = transform.xyz_m
    return result


def hand_in_last_link(robot: RobotContract) -> NDArray[np.float64]:
    """Pose (4, 4) of the hand in the last arm link: the tool centre point is HAND_LENGTH_M
    along the hand's z, between the fingertips.
    """
    back = np.eye(4)
    back[2, 3] = -HAND_LENGTH_M
    return matrix(robot.arm.flange) @ matrix(robot.arm.tcp) @ back


def _plain(robot: RobotContract) -> PlainLinks:
    ends = [np.array(joint.origin.xyz_m) for joint in robot.arm.joints]
    return PlainLinks([*ends, hand_in_last_link(robot)[:3, 3]])


def _add_hand(out: ET.Element, robot: RobotContract, parent: str, visuals: Visuals) -> None:
    stock = _Stock(STOCK_MODELS["panda"], visuals)
    out.append(stock.link("panda_hand", HAND_LINK))
    mount = _transform(hand_in_last_link(robot))
    out.append(_joint("hand_mount", "fixed", parent, HAND_LINK, mount))
    gripper = robot.gripper
    limit = {
        "lower": 0.0,
        "upper": gripper.width_max_m / 2,
        "effort": gripper.force_max_n,
        "velocity": gripper.speed_max_m_s / 2,
    }
    sides = (("panda_leftfinger", 1.0), ("panda_rightfinger", -1.0))
    for name, (link, side) in zip(finger_joints(robot), sides, strict=True):
        out.append(stock.link(link, f"{name}_link"))
        out.append(
            _joint(name, "prismatic", HAND_LINK, f"{name}_link", FINGER_ROOT, limit, (0, side, 0))
        )


def _add_held(out: ET.Element, peg: PegContract) -> None:
    """The peg is part of the hand, as firm as a real one that is held well."""
    length = peg.below_tcp_m + peg.above_tcp_m
    link = ET.SubElement(out, "link", name=HELD_LINK)
    inertial = ET.SubElement(link, "inertial")
    ET.SubElement(inertial, "mass", value=repr(peg.mass_kg))
    across = repr(peg.mass_kg * (3 * peg.radius_m**2 + length**2) / 12)
    along = repr(peg.mass_kg * peg.radius_m**2 / 2)
    moments = {"ixx": across, "iyy": across, "izz": along, "ixy": "0", "ixz": "0", "iyz": "0"}
    ET.SubElement(inertial, "inertia", moments)
    for tag in ("collision", "visual"):
        shape = ET.SubElement(ET.SubElement(link, tag), "geometry")
        ET.SubElement(shape, "cylinder", radius=repr(peg.radius_m), length=repr(length))
    middle = HAND_LENGTH_M + (peg.below_tcp_m - peg.above_tcp_m) / 2
    at = Transform(xyz_m=(0.0, 0.0, middle))
    out.append(_joint("held_mount", "fixed", HAND_LINK, HELD_LINK, at))


def _joint(
    name: str,
    kind: str,
    parent: str,
    child: str,
    origin: Transform,
    limit: dict[str, float] | None = None,
    axis: tuple[float, float, float] = (0.0, 0.0, 1.0),
) -> ET.Element:
    joint = ET.Element("joint", name=name, type=kind)
    ET.SubElement(joint, "origin", xyz=_numbers(origin.xyz_m), rpy=_numbers(origin.rpy_rad))
    ET.SubElement(joint, "parent", link=parent)
    ET.SubElement(joint, "child", link=child)
    if limit is not None:
        ET.SubElement(joint, "axis", xyz=_numbers(axis))
        ET.SubElement(joint, "limit", {key: repr(float(value)) for key, value in limit.items()})
    return joint


def _transform(pose: NDArray[np.float64]) -> Transform:
    """The contract's form of a homogeneous matrix (4, 4)."""
    r = pose[:3, :3]
    pitch = np.arctan2(-r[2, 0], np.hypot(r[0, 0], r[1, 0]))
    if abs(np.cos(pitch)) > 1e-6:
        roll, yaw = np.arctan2(r[2, 1], r[2, 2]), np.arctan2(r[1, 0], r[0, 0])
    else:  # roll and yaw turn about one axis: all of it is called roll
        roll, yaw = np.arctan2(-r[1, 2], r[1, 1]), 0.0
    x, y, z = (float(value) for value in pose[:3, 3])
    return Transform(xyz_m=(x, y, z), rpy_rad=(float(roll), float(pitch), float(yaw)))


def _numbers(values: object) -> str:
    return " ".join(repr(float(value)) for value in np.asarray(values))


class _Stock:
    """A stock URDF file, read for its links."""

    def __init__(self, file: str, visuals: Visuals) -> None:
        self._path = Path(pybullet_data.getDataPath()) / file
        self._root = ET.parse(self._path).getroot()
        self._links = {link.attrib["name"]: link for link in self._root.findall("link")}
        self._visuals = visuals
        self._colours: dict[str, tuple[float, ...]] = {}
        for material in self._root.iter("material"):
            colour = material.find("color")
            if colour is not None:
                rgba = tuple(float(x) for x in colour.attrib["rgba"].split())
                self._colours.setdefault(material.attrib["name"], rgba)

    def chain(self, count: int) -> tuple[str, list[str]]:
        """The base link's name, and the links that the first `count` revolute joints move."""
        joints = [j for j in self._root.findall("joint") if j.attrib["type"] == "revolute"]
        pairs = [(_attribute(j, "parent", "link"), _attribute(j, "child", "link")) for j in joints]
        by_parent = dict(pairs)
        base = next(name for name in by_parent if name not in by_parent.values())
        moved = []
        link = base
        for _ in range(count):
            link = by_parent[link]
            moved.append(link)
        return base, moved

    def link(self, name: str, new_name: str) -> ET.Element:
        """A copy of a link under another name, its meshes at absolute paths."""
        source = self._links[name]
        out = ET.Element("link", name=new_name)
        for tag in ("contact", "inertial", "collision"):
            for element in source.findall(tag):
                part = copy.deepcopy(element)
                for mesh in part.iter("mesh"):
                    mesh.attrib["filename"] = str(self._mesh(mesh))
                for material in part.findall("material"):
                    part.remove(material)
                out.append(part)
        for index, element in enumerate(source.findall("visual")):
            out.extend(self._visual(element, f"{new_name}_{index}"))
        return out

    def _visual(self, source: ET.Element, name: str) -> Iterator[ET.Element]:
        material, mesh = source.find("material"), source.find("geometry/mesh")
        rgba: tuple[float, ...] = (1.0, 1.0, 1.0, 1.0)
        if material is not None:
            rgba = self._colours.get(material.attrib["name"], rgba)
        path = None if mesh is None else self._mesh(mesh)
        if path is None or self._visuals == "stock":
            pieces = [(path, (1.0, 1.0, 1.0))]
        else:
            pieces = [(part.path, part.rgb) for part in decimated(path)]
        for index, (piece, rgb) in enumerate(pieces):
            visual = copy.deepcopy(source)
            for old in visual.findall("material"):
                visual.remove(old)
            for element in visual.iter("mesh"):
                element.attrib["filename"] = str(piece)
            # A name of its own: PyBullet takes materials of one name for one material.
            own = ET.SubElement(visual, "material", name=f"{name}_{index}")
            ET.SubElement(own, "color", rgba=_numbers((*(np.array(rgba[:3]) * rgb), rgba[3])))
            yield visual

    def _mesh(self, mesh: ET.Element) -> Path:
        return self._path.parent / mesh.attrib["filename"].removeprefix("package://")


def _attribute(element: ET.Element, child: str, key: str) -> str:
    found = element.find(child)
    if found is None:
        raise ValueError(f"stock URDF: joint {element.attrib.get('name')} has no <{child}>")
    return found.attrib[key]
