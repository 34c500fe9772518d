"""Forward, differential and inverse kinematics of the contract's arm, by Pinocchio.

The model is built from the contract alone. A simulator's or a maker's URDF is never read, so
that simulation, driver and monitor cannot disagree about where the tool centre point is.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import pinocchio
from numpy.typing import NDArray

from robot_learning.contract.base import Transform
from robot_learning.contract.robot import ArmContract

Array = NDArray[np.float64]

# Below this smallest singular value of the Jacobian (m/rad and rad/rad mixed), damping sets in.
SINGULAR_VALUE_MIN = 0.04
DAMPING_MAX = 0.06


class InverseKinematicsError(ValueError):
    """No joint position within the maker's limits was found for a pose."""


class TcpState(NamedTuple):
    """The tool centre point at one joint position, in the robot's base frame.

    Attributes:
        position_m: shape (3,).
        rotation: axes of the tool as columns, shape (3, 3).
        jacobian: rows linear (m/rad) then angular (rad/rad), base axes, at the tool centre
            point; shape (6, 7).
    """

    position_m: Array
    rotation: Array
    jacobian: Array


class ArmKinematics:
    """Kinematics of one arm. Not to be shared between threads: calls reuse one workspace.

    Attributes:
        model: Pinocchio's; its joints are numbered from 1.
    """

    def __init__(self, arm: ArmContract) -> None:
        model = pinocchio.Model()
        parent = 0
        for joint in arm.joints:
            parent = model.addJoint(
                parent, pinocchio.JointModelRZ(), placement_of(joint.origin), joint.name
            )
        tool = placement_of(arm.flange) * placement_of(arm.tcp)
        self._frame = model.addFrame(
            pinocchio.Frame(arm.tcp_frame, parent, 0, tool, pinocchio.FrameType.OP_FRAME)
        )
        self.model = model
        self._data = model.createData()
        # Pinocchio writes into it in place; to ask for it anew takes a microsecond.
        self._placement = self._data.oMf[self._frame]
        self._axes = pinocchio.ReferenceFrame.LOCAL_WORLD_ALIGNED
        self.position_min_rad: Array = np.array([j.position_min_rad for j in arm.joints])
        self.position_max_rad: Array = np.array([j.position_max_rad for j in arm.joints])
        self.home_position_rad: Array = np.array([j.home_position_rad for j in arm.joints])
        self.reach_m: Array = _reach(arm)

    def tcp_position(self, q: Array) -> Array:
        """Position of the tool centre point in the base frame, metres, shape (3,)."""
        return self.tcp_pose(q)[0]

    def tcp_pose(self, q: Array) -> tuple[Array, Array]:
        """Position (3,) in metres and rotation matrix (3, 3), both in the base frame."""
        pinocchio.forwardKinematics(self.model, self._data, q)
        placement = pinocchio.updateFramePlacement(self.model, self._data, self._frame)
        return placement.translation.copy(), placement.rotation.copy()

    def jacobian(self, q: Array) -> Array:
        """Jacobian at the tool centre point, base axes: linear rows, then angular; (6, 7)."""
        return self.tcp(q).jacobian

    def tcp(self, q: Array) -> TcpState:
        """Pose and Jacobian together, for the price of the Jacobian."""
        jacobian: Array = pinocchio.computeFrameJacobian(
            self.model, self._data, q, self._frame, self._axes
        )
        placement = self._placement  # computed on the way to the Jacobian
        return TcpState(placement.translation.copy(), placement.rotation.copy(), jacobian)

    def inverse(
        self,
        position: Array,
        rotation: Array,
        q_start: Array,
        *,
        position_tolerance_m: float = 1e-5,
        rotation_tolerance_rad: float = 1e-4,
        iterations_max: int = 200,
    ) -> Array:
        """Joint position that puts the tool at a pose.

        Damped least squares from `q_start`, within the maker's position limits; of the many
        answers of a seven-joint arm it tends to the one near home (null space).

        Args:
            position: wanted position in the base frame, metres, shape (3,).
            rotation: wanted rotation matrix, shape (3, 3).
            q_start: where the search starts, rad, shape (7,).
            position_tolerance_m: distance at which the search ends.
            rotation_tolerance_rad: angle at which the search ends.
            iterations_max: steps before giving up.

        Returns:
            Joint position, rad, shape (7,).

        Raises:
            InverseKinematicsError: the pose was not reached; says by how much it was missed.
        """
        q = np.clip(q_start, self.position_min_rad, self.position_max_rad)
        miss_m = miss_rad = float("inf")
        for _ in range(iterations_max):
            here = self.tcp(q)
            error = np.concatenate([position - here.position_m, turn(here.rotation, rotation)])
            miss_m, miss_rad = float(np.linalg.norm(error[:3])), float(np.linalg.norm(error[3:]))
            if miss_m <= position_tolerance_m and miss_rad <= rotation_tolerance_rad:
                return q
            # A step stays where the Jacobian still holds.
            error *= min(1.0, 0.1 / max(miss_m, 1e-12), 0.3 / max(miss_rad, 1e-12))
            pull = 0.1 * (self.home_position_rad - q) * min(1.0, 10.0 * miss_m + miss_rad)
            step = resolve(here.jacobian, error, pull, damping_squared(here.jacobian))
            q = np.clip(q + step, self.position_min_rad, self.position_max_rad)
        raise InverseKinematicsError(
            f"no joint position reaches {np.round(position, 4).tolist()} m with that rotation: "
            f"missed by {miss_m:.4f} m and {miss_rad:.4f} rad after {iterations_max} steps; "
            "choose a pose nearer to the arm or another start"
        )


def turn(start: Array, end: Array) -> Array:
    """Rotation vector (rad, base axes, shape (3,)) that takes rotation `start` to `end`."""
    vector: Array = pinocchio.log3(end @ start.T)
    return vector


def condition_number(jacobian: Array) -> float:
    """Largest over smallest singular value of a Jacobian; infinite at a singularity."""
    values = np.linalg.svd(jacobian, compute_uv=False)
    return float(values[0] / values[-1]) if values[-1] > 0.0 else math.inf


def damping_squared(jacobian: Array) -> float:
    """Damping for `resolve`: zero away from singularities, rising smoothly towards one.

    The schedule of Maciejewski and Klein (1988) on the smallest singular value.
    """
    smallest = float(np.linalg.svd(jacobian, compute_uv=False)[-1])
    if smallest >= SINGULAR_VALUE_MIN:
        return 0.0
    return DAMPING_MAX**2 * (1.0 - (smallest / SINGULAR_VALUE_MIN) ** 2)


def resolve(jacobian: Array, twist: Array, pull: Array, damping: float) -> Array:
    """Joint velocity for a tool velocity: damped least squares, the rest of `pull` in null space.

    Args:
        jacobian: shape (6, 7).
        twist: wanted linear then angular velocity, shape (6,).
        pull: joint velocity wanted as far as the tool's motion leaves it free, shape (7,).
        damping: squared damping factor; 0 gives the exact solution of least norm.

    Returns:
        Joint velocity, shape (7,).
    """
    gram = jacobian @ jacobian.T
    # 1e-12 keeps an exactly singular arm solvable; it changes nothing that can be measured.
    gram.flat[::7] += damping + 1e-12
    solution: Array = pull + jacobian.T @ np.linalg.solve(gram, twist - jacobian @ pull)
    return solution


def placement_of(transform: Transform) -> pinocchio.SE3:
    """The contract's transform as Pinocchio's."""
    return pinocchio.SE3(pinocchio.rpy.rpyToMatrix(*transform.rpy_rad), np.array(transform.xyz_m))


def _reach(arm: ArmContract) -> Array:
    """Upper bound of the tool's distance from each joint's axis over all postures, (7,) metres.

    The part of the next offset along a joint's own axis does not count, as it turns on itself.
    """
    offsets = [np.array(joint.origin.xyz_m) for joint in arm.joints[1:]]
    offsets.append(np.array((placement_of(arm.flange) * placement_of(arm.tcp)).translation))
    reach = np.zeros(len(offsets))
    beyond = 0.0
    for index in reversed(range(len(offsets))):
        reach[index] = float(np.hypot(*offsets[index][:2])) + beyond
        beyond += float(np.linalg.norm(offsets[index]))
    return reach
