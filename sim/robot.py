"""The arm and hand in one PyBullet world: motors, measurements, contact forces."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pybullet
from numpy.typing import NDArray

from robot_learning.contract import RobotContract
from robot_learning.contract.tabletop import PegContract
from robot_learning.hardware import Array
from sim.robot_model import HAND_LENGTH_M, HELD_LINK, Visuals, build_urdf, finger_joints, matrix

POSITION_GAIN = 0.9
"""Part of a position error that a motor removes in one physics step. 1 would be the stiffest."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What the arm's and hand's sensors say at one physics step; units as in `RobotState`."""

    position_rad: Array
    velocity_rad_s: Array
    effort_nm: Array
    gripper_width_m: float
    gripper_speed_m_s: float
    gripper_force_n: float
    wrench: Array


class SimRobot:
    """One robot, its base fixed at the world's origin.

    The arm's motors are velocity constraints of the physics solver, limited to the contract's
    torques; they carry gravity like the controllers of a Panda or an iiwa do, so the arm does
    not sag and its efforts include gravity. Links of the robot do not collide with each other.
    """

    def __init__(
        self,
        client: int,
        robot: RobotContract,
        visuals: Visuals = "decimated",
        held: PegContract | None = None,
    ) -> None:
        """Loads it; `held` is a peg between its fingers, part of the hand."""
        self._client = client
        self._robot = robot
        self.body = _load(client, build_urdf(robot, visuals, held))
        index = {}
        links = {}
        for joint in range(pybullet.getNumJoints(self.body, physicsClientId=client)):
            info = pybullet.getJointInfo(self.body, joint, physicsClientId=client)
            index[info[1].decode()] = joint
            links[info[12].decode()] = joint
        self._arm = [index[name] for name in robot.arm.joint_names]
        self._fingers = [index[name] for name in finger_joints(robot)]
        self._movable = self._arm + self._fingers
        self._hand = links["hand"]
        self.held_link = links.get(HELD_LINK)
        self._wrench_links = {self._arm[-1], self._hand, *self._fingers}
        if self.held_link is not None:
            self._wrench_links.add(self.held_link)
        self._flange = matrix(robot.arm.flange)
        self._motors = [
            (index[joint.name], joint.effort_max_nm, joint.velocity_max_rad_s)
            for joint in robot.arm.joints
        ]
        self._mirror_fingers()

    def place(self, position_rad: Array, gripper_width_m: float) -> None:
        """Puts arm and fingers somewhere, at rest."""
        values = [*position_rad.tolist(), gripper_width_m / 2, gripper_width_m / 2]
        for joint, value in zip(self._movable, values, strict=True):
            pybullet.resetJointState(self.body, joint, value, 0.0, physicsClientId=self._client)

    def drive_arm(self, position_rad: list[float], velocity_rad_s: list[float]) -> None:
        """Sets the motors for the next physics step.

        Args:
            position_rad: where each joint should be now, before the step.
            velocity_rad_s: mean velocity over the step.
        """
        # One call a joint, because the call for several joints takes no velocity limits: after a
        # jump in the reference the motors would catch up faster than the real ones can turn.
        for motor, position, velocity in zip(
            self._motors, position_rad, velocity_rad_s, strict=True
        ):
            joint, effort_max, velocity_max = motor
            pybullet.setJointMotorControl2(
                self.body,
                joint,
                pybullet.POSITION_CONTROL,
                targetPosition=position,
                targetVelocity=velocity,
                force=effort_max,
                positionGain=POSITION_GAIN,
                velocityGain=1.0,
                maxVelocity=velocity_max,
                physicsClientId=self._client,
            )

    def drive_gripper(self, width_m: float, force_n: float) -> None:
        """Sets the finger motors until the next call; each finger uses at most `force_n`."""
        for finger in self._fingers:
            pybullet.setJointMotorControl2(
                self.body,
                finger,
                pybullet.POSITION_CONTROL,
                targetPosition=width_m / 2,
                force=force_n,
                maxVelocity=self._robot.gripper.speed_max_m_s / 2,
                physicsClientId=self._client,
            )

    def read(self) -> Reading:
        """Measures, without noise."""
        states = pybullet.getJointStates(self.body, self._movable, physicsClientId=self._client)
        position = np.array([state[0] for state in states])
        velocity = np.array([state[1] for state in states])
        effort = np.array([state[3] for state in states])
        left, right = states[7:]
        return Reading(
            position_rad=position[:7],
            velocity_rad_s=velocity[:7],
            effort_nm=effort[:7],
            gripper_width_m=left[0] + right[0],
            gripper_speed_m_s=left[1] + right[1],
            gripper_force_n=(abs(left[3]) + abs(right[3])) / 2,
            wrench=self._wrench(),
        )

    def read_at_rest(self) -> Reading:
        """Measures right after `place`, before any physics step.

        Efforts are those that hold gravity; PyBullet's own efforts and contacts are still those
        of the last step before.
        """
        reading = self.read()
        position = [*reading.position_rad.tolist(), *[reading.gripper_width_m / 2] * 2]
        still = [0.0] * len(position)
        holding = pybullet.calculateInverseDynamics(
            self.body, position, still, still, physicsClientId=self._client
        )
        return Reading(
            position_rad=reading.position_rad,
            velocity_rad_s=reading.velocity_rad_s,
            effort_nm=np.array(holding[:7]),
            gripper_width_m=reading.gripper_width_m,
            gripper_speed_m_s=reading.gripper_speed_m_s,
            gripper_force_n=0.0,
            wrench=np.zeros(6),
        )

    def tcp_pose(self) -> NDArray[np.float64]:
        """Pose (4, 4) of the contract's tool centre point in the base frame."""
        pose = self._link_pose(self._hand)
        pose[:3, 3] += HAND_LENGTH_M * pose[:3, 2]
        return pose

    def touching(self, body: int) -> set[str]:
        """Which of `left` and `right` finger touches a body."""
        sides = dict(zip(self._fingers, ("left", "right"), strict=True))
        contacts = pybullet.getContactPoints(
            bodyA=self.body, bodyB=body, physicsClientId=self._client
        )
        return {sides[contact[3]] for contact in contacts if contact[3] in sides}

    def joint_limits(self) -> dict[str, tuple[float, float, float, float]]:
        """Lower, upper, effort and velocity limit that PyBullet holds for each movable joint."""
        found = {}
        for joint in self._movable:
            info = pybullet.getJointInfo(self.body, joint, physicsClientId=self._client)
            found[info[1].decode()] = (info[8], info[9], info[10], info[11])
        return found

    def finger_travel_m(self) -> tuple[float, float]:
        """How far each finger is from the middle."""
        left, right = pybullet.getJointStates(
            self.body, self._fingers, physicsClientId=self._client
        )
        return left[0], right[0]

    def _link_pose(self, link: int) -> NDArray[np.float64]:
        state = pybullet.getLinkState(
            self.body, link, computeForwardKinematics=1, physicsClientId=self._client
        )
        pose = np.eye(4)
        pose[:3, :3] = np.reshape(pybullet.getMatrixFromQuaternion(state[5]), (3, 3))
        pose[:3, 3] = state[4]
        return pose

    def _wrench(self) -> Array:
        """Sum of the contact forces on the last link, hand and fingers, about the flange."""
        total = np.zeros(6)
        contacts = pybullet.getContactPoints(bodyA=self.body, physicsClientId=self._client)
        outside = [c for c in contacts if c[2] != self.body and c[3] in self._wrench_links]
        if not outside:
            return total
        flange = (self._link_pose(self._arm[-1]) @ self._flange)[:3, 3]
        for contact in outside:
            force = (
                contact[9] * np.array(contact[7])
                + contact[10] * np.array(contact[11])
                + contact[12] * np.array(contact[13])
            )
            total[:3] += force
            total[3:] += np.cross(np.array(contact[5]) - flange, force)
        return total

    def _mirror_fingers(self) -> None:
        """Couples the fingers as the real hand's belt does: what one is pushed, both move."""
        gear = pybullet.createConstraint(
            self.body,
            self._fingers[0],
            self.body,
            self._fingers[1],
            jointType=pybullet.JOINT_GEAR,
            jointAxis=[1, 0, 0],
            parentFramePosition=[0, 0, 0],
            childFramePosition=[0, 0, 0],
            physicsClientId=self._client,
        )
        # The axes point apart, so equal travel is a ratio of -1.
        pybullet.changeConstraint(
            gear, gearRatio=-1, erp=0.5, maxForce=1000.0, physicsClientId=self._client
        )


def _load(client: int, urdf: str) -> int:
    """Loads a URDF text; PyBullet reads files only."""
    with tempfile.TemporaryDirectory(prefix="robot-learning-") as folder:
        path = Path(folder) / "robot.urdf"
        path.write_text(urdf, encoding="utf-8")
        body: int = pybullet.loadURDF(str(path), useFixedBase=True, physicsClientId=client)
    return body
