"""How far apart the robot's bodies are, and how far from the table: Pinocchio's Coal, exact.

Of every pair the margin of the contract is taken off, so that 0 is where motion ends. The shapes
are the contract's capsules; a simulator's or a maker's meshes are never read.
"""

from __future__ import annotations

from dataclasses import dataclass
from operator import attrgetter

import coal
import numpy as np
import pinocchio
from numpy.typing import NDArray

from robot_learning.contract.collision import Capsule, CollisionBody, HalfSpace, Obstacle
from robot_learning.contract.robot import RobotContract
from robot_learning.kinematics.arm_kinematics import ArmKinematics, placement_of

Array = NDArray[np.float64]

_distance = attrgetter("min_distance")


@dataclass(frozen=True)
class CollisionPair:
    """A capsule that something else must not come near.

    Attributes:
        names: of the two bodies, or of the body and the part of the table.
        with_table: whether it is the table's.
        flat: the other is a half space: the direction that parts them is always its normal.
        margin_m: distance at which motion ends.
        joint: number of the joint that carries the other; 0: nothing moves it.
        moved_joint: number of the joint that carries the capsule.
        ends_m: ends of the capsule's line in its joint's frame, shape (2, 3).
        radius_m: of the capsule.
        other: corners whose hull, widened by `other_radius_m`, is the other shape, in the frame of
            `joint`, shape (n, 3); of a half space: one point of its plane.
        other_radius_m: of the other shape.
    """

    names: tuple[str, str]
    with_table: bool
    flat: bool
    margin_m: float
    joint: int
    moved_joint: int
    ends_m: Array
    radius_m: float
    other: Array
    other_radius_m: float


class CollisionModel:
    """Clearances of one robot. Not to be shared between threads: calls reuse one workspace.

    Attributes:
        model: Pinocchio's, of the arm.
        pairs: what is kept apart.
        margin_m: of every pair, shape (p,).
        reach_m: how far the capsule of a pair moves, seen from the other, per rad of each joint, at
            most, over all postures; 0 for joints that move both or none; shape (p, 7).
    """

    def __init__(self, robot: RobotContract, kinematics: ArmKinematics) -> None:
        self.model = kinematics.model
        self._geometry = pinocchio.GeometryModel()
        self._bodies: dict[str, list[tuple[int, int, Capsule, Array]]] = {}
        self.pairs = tuple(self._build(robot))
        self.margin_m: Array = np.array([pair.margin_m for pair in self.pairs])
        self.reach_m: Array = np.array([_reach(robot, pair) for pair in self.pairs]).reshape(-1, 7)

    def workspace(self) -> Distances:
        """A workspace for one joint position; keep several where several are compared."""
        return Distances(self.model, self._geometry, self.margin_m)

    def describe(self, pair: int) -> str:
        """What a pair is, in words."""
        first, second = self.pairs[pair].names
        return f"{first} and {second}"

    def _build(self, robot: RobotContract) -> list[CollisionPair]:
        contract = robot.collision
        if contract is None:
            return []
        frames = robot.arm.frames
        for body in contract.bodies:
            self._bodies[body.name] = [
                self._add_capsule(robot, body, frames[body.frame], index, capsule)
                for index, capsule in enumerate(body.capsules)
            ]
        found = []
        for first, second in contract.self_pairs(frames):
            for number, joint, capsule, ends in self._bodies[first.name]:
                for moved, moved_joint, moved_capsule, moved_ends in self._bodies[second.name]:
                    self._geometry.addCollisionPair(pinocchio.CollisionPair(number, moved))
                    found.append(
                        CollisionPair(
                            (first.name, second.name),
                            with_table=False,
                            flat=False,
                            margin_m=contract.self_margin_m,
                            joint=joint,
                            moved_joint=moved_joint,
                            ends_m=moved_ends,
                            radius_m=moved_capsule.radius_m,
                            other=ends,
                            other_radius_m=capsule.radius_m,
                        )
                    )
        for part in contract.table:
            number, corners = self._add_obstacle(part)
            for body in contract.bodies:
                if frames[body.frame] == 0:
                    continue  # neither moves
                margin = body.table_margin_m
                for moved, moved_joint, capsule, ends in self._bodies[body.name]:
                    self._geometry.addCollisionPair(pinocchio.CollisionPair(number, moved))
                    found.append(
                        CollisionPair(
                            (body.name, part.name),
                            with_table=True,
                            flat=isinstance(part, HalfSpace),
                            margin_m=contract.table_margin_m if margin is None else margin,
                            joint=0,
                            moved_joint=moved_joint,
                            ends_m=ends,
                            radius_m=capsule.radius_m,
                            other=corners,
                            other_radius_m=0.0,
                        )
                    )
        return found

    def _add_capsule(
        self, robot: RobotContract, body: CollisionBody, joint: int, index: int, capsule: Capsule
    ) -> tuple[int, int, Capsule, Array]:
        ends = np.array([capsule.from_m, capsule.to_m])
        if body.frame == robot.arm.tcp_frame:
            tool = placement_of(robot.arm.flange) * placement_of(robot.arm.tcp)
            ends = np.array([tool.act(end) for end in ends])
        way = ends[1] - ends[0]
        length = float(np.linalg.norm(way))
        shape: coal.CollisionGeometry = coal.Sphere(capsule.radius_m)
        rotation = np.eye(3)
        if length > 0.0:
            shape = coal.Capsule(capsule.radius_m, length)
            rotation = pinocchio.Quaternion.FromTwoVectors(np.array([0.0, 0.0, 1.0]), way).matrix()
        placement = pinocchio.SE3(rotation, ends.mean(axis=0))
        name = f"{body.name}_{index}"
        number = self._geometry.addGeometryObject(
            pinocchio.GeometryObject(name, joint, placement, shape)
        )
        return number, joint, capsule, ends

    def _add_obstacle(self, part: Obstacle) -> tuple[int, Array]:
        if isinstance(part, HalfSpace):
            point, normal = np.array(part.point_m), np.array(part.normal)
            normal /= np.linalg.norm(normal)
            shape: coal.CollisionGeometry = coal.Halfspace(normal, float(normal @ point))
            placement, corners = pinocchio.SE3.Identity(), point[np.newaxis]
        else:
            low, high = np.array(part.min_m), np.array(part.max_m)
            shape = coal.Box(*(high - low).tolist())
            placement = pinocchio.SE3(np.eye(3), (low + high) / 2.0)
            corners = np.array(np.meshgrid(*zip(low, high, strict=True))).reshape(3, -1).T
        number = self._geometry.addGeometryObject(
            pinocchio.GeometryObject(part.name, 0, placement, shape)
        )
        return number, corners


class Distances:
    """Clearances at one joint position, measured when they are asked for.

    Attributes:
        data: Pinocchio's, with the placements of the joints at that position.
    """

    def __init__(
        self, model: pinocchio.Model, geometry: pinocchio.GeometryModel, margin_m: Array
    ) -> None:
        self._model, self._geometry, self._margin = model, geometry, margin_m
        self._margins: list[float] = margin_m.tolist()
        self.data = model.createData()
        self._found = geometry.createData()
        # Pinocchio writes into these in place; to ask it for them anew takes thrice as long.
        self._results = [self._found.distanceResults[i] for i in range(len(margin_m))]
        self._placements = [self.data.oMi[i] for i in range(model.njoints)]

    def update(self, q: Array) -> None:
        """Puts the shapes where a joint position has them, rad, shape (7,)."""
        pinocchio.updateGeometryPlacements(self._model, self.data, self._geometry, self._found, q)

    def clearance(self) -> Array:
        """Distance less margin of every pair, metres, shape (p,); below 0: too near."""
        pinocchio.computeDistances(self._geometry, self._found)
        count = len(self._results)
        return np.fromiter(map(_distance, self._results), np.float64, count) - self._margin

    def clearance_of(self, pair: int) -> float:
        """The same of one pair."""
        pinocchio.computeDistance(self._geometry, self._found, pair)
        return float(self._results[pair].min_distance - self._margins[pair])

    def normal(self, pair: int) -> Array:
        """Unit vector from the other to the capsule where they are nearest, base frame, (3,).

        Of the pair's clearance that was measured last.
        """
        found: Array = self._results[pair].normal
        return found

    def placement(self, joint: int) -> pinocchio.SE3:
        """Of a joint's frame in the base frame; joint 0 is the base itself."""
        return self._placements[joint]


def _reach(robot: RobotContract, pair: CollisionPair) -> list[float]:
    """Row of `CollisionModel.reach_m`; see there, and `ArmKinematics.reach_m` for the bound."""
    offsets = [np.array(joint.origin.xyz_m) for joint in robot.arm.joints[1 : pair.moved_joint]]
    longest = [0.0] * len(robot.arm.joints)
    for end in pair.ends_m:
        beyond = 0.0
        for index in reversed(range(pair.joint, pair.moved_joint)):
            offset = end if index == pair.moved_joint - 1 else offsets[index]
            longest[index] = max(longest[index], float(np.hypot(*offset[:2])) + beyond)
            beyond += float(np.linalg.norm(offset))
    return longest
