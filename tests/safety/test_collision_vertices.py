"""The capsules of robots whose makers' meshes are not here hold those vertices that are.

The tables beside this file say whose they are, from where, and how they were chosen.
"""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pinocchio
import pytest
from test_collision_shapes import outside

from robot_learning.contract import load_robot
from robot_learning.contract.collision import CollisionBody
from robot_learning.contract.robot import RobotContract

Array = np.ndarray

SPARE_M = 0.0025
"""By how much less radius a capsule of a link would lose one of its vertices, at most."""


class Moved(NamedTuple):
    """A link of the gripper as its maker's description places it; `turns`: with the drive joint."""

    pivot_m: tuple[float, float, float]
    arm_m: tuple[float, float, float] = (0.0, 0.0, 0.0)
    turns: bool = True


class Linkage(NamedTuple):
    """How one joint moves the left side of a gripper; the right side is its mirror image."""

    axis: tuple[float, float, float]
    drive_max_rad: float
    across: int
    links: dict[str, Moved]


LINKAGES = {
    "xarm7": Linkage(
        axis=(1.0, 0.0, 0.0),
        drive_max_rad=0.85,
        across=1,
        links={
            "outer_knuckle": Moved((0.0, 0.035, 0.059098)),
            "inner_knuckle": Moved((0.0, 0.02, 0.074098)),
            "finger": Moved((0.0, 0.035, 0.059098), (0.0, 0.035465, 0.042039), turns=False),
        },
    ),
    "gen3": Linkage(
        axis=(0.0, -1.0, 0.0),
        drive_max_rad=0.8,
        across=0,
        links={
            "knuckle": Moved((0.03060114, 0.0, 0.05490452)),
            "inner_knuckle": Moved((0.0127, 0.0, 0.06142)),
            "finger": Moved((0.03060114, 0.0, 0.05490452), (0.03152616, 0.0, -0.00376347)),
            "finger_tip": Moved(
                (0.03060114, 0.0, 0.05490452), (0.0371575, 0.0, 0.04342168), turns=False
            ),
        },
    ),
}


@cache
def robot_of(name: str) -> RobotContract:
    return load_robot(name)


@cache
def vertices(robot: str) -> dict[str, Array]:
    """Of each mesh, (n, 3), in its link's frame."""
    found: dict[str, list[list[float]]] = {}
    with (Path(__file__).parent / f"{robot}_vertices.csv").open() as file:
        for name, *point in list(csv.reader(line for line in file if line[0] != "#"))[1:]:
            found.setdefault(name, []).append([float(value) for value in point])
    return {name: np.array(points) for name, points in found.items()}


def in_tool(robot: str, points: Array) -> Array:
    """From the gripper's frame, which is the flange's, to the tool's."""
    tool = robot_of(robot).arm.tcp
    return (points - tool.xyz_m) @ pinocchio.rpy.rpyToMatrix(*tool.rpy_rad)


def fingers(robot: str, drive_rad: float) -> Array:
    """All vertices that the drive joint moves, where it moves them, (n, 3), in the tool's frame."""
    linkage = LINKAGES[robot]
    turn = pinocchio.exp3(drive_rad * np.array(linkage.axis))
    placed = []
    for name, link in linkage.links.items():
        points = vertices(robot)[name] @ turn.T if link.turns else vertices(robot)[name]
        placed.append(link.pivot_m + turn @ link.arm_m + points)
    left = np.concatenate(placed)
    right = left.copy()
    right[:, linkage.across] *= -1.0
    return in_tool(robot, np.concatenate([left, right]))


@cache
def held(robot: str) -> dict[str, tuple[Array, CollisionBody]]:
    """By body: vertices in its frame, and the body; the fingers' at thirty widths."""
    collision = robot_of(robot).collision
    assert collision is not None
    points = dict(vertices(robot))
    points["hand"] = in_tool(robot, points["hand"])
    widths = np.linspace(0.0, LINKAGES[robot].drive_max_rad, 30)
    points["fingers"] = np.concatenate([fingers(robot, width) for width in widths])
    return {body.name: (points[body.name], body) for body in collision.bodies}


@pytest.mark.parametrize("robot", LINKAGES)
def test_every_vertex_of_the_tables_is_inside_the_fingers_at_every_width(robot: str) -> None:
    for name, (points, body) in held(robot).items():
        assert len(points) > 20
        assert outside(points, body).max() <= 0.0, name


@pytest.mark.parametrize("robot", LINKAGES)
def test_no_capsule_of_a_link_can_be_much_thinner(robot: str) -> None:
    # So the tables do hold the vertices that matter: of every capsule, not only of the body.
    for name, (points, body) in held(robot).items():
        if not name.startswith(("base", "link")):
            continue  # along the fingers' way, and round the 2F-85, they are simpler than that
        for index, capsule in enumerate(body.capsules):
            thin = capsule.model_copy(update={"radius_m": capsule.radius_m - SPARE_M})
            capsules = (*body.capsules[:index], thin, *body.capsules[index + 1 :])
            thinner = body.model_copy(update={"capsules": capsules})
            assert outside(points, thinner).max() > 0.0, (name, index)


def test_the_pads_of_an_xarm_gripper_open_as_wide_as_the_contract_says_and_close() -> None:
    # The linkage here is the maker's: its pads are as far apart as the contract says, nearly.
    width_max_m = robot_of("xarm7").gripper.width_max_m
    pad = vertices("xarm7")["finger"][:, 1].min()
    link, turn = LINKAGES["xarm7"].links["finger"], LINKAGES["xarm7"].drive_max_rad
    for drive, width in ((0.0, width_max_m), (turn, 0.0)):
        arm = pinocchio.exp3(np.array([drive, 0.0, 0.0])) @ link.arm_m
        assert 2.0 * (link.pivot_m[1] + arm[1] + pad) == pytest.approx(width, abs=0.006)
