"""A stand-in for a physical arm under ros2_control: its trajectory controller, its drives.

It behaves as the makers' documents and ros2_control's sources say, habits included. The joint
trajectory controller replaces what it follows by what comes last, holds the last point for ever,
looks at names, counts and times of a trajectory and never at its numbers; it speaks of the joints
in an order of its own. Of a continuous joint it says an angle within half a turn of zero, and goes
the shorter way to a trajectory's first point, as with such a joint in the URDF. The drives follow a
little late, or as late and as softly as the robot's contract says under `simulation`
(`control_delay_s`, `response`), and, like Franka's reflexes, stop at a reference that jumps, until
somebody recovers them. No physics engine is behind it: what is proven against it is what goes over
the wire.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from robot_learning.contract import Contract
from robot_learning.control.trajectory import TrajectoryFollower
from robot_learning.hardware import Array, JointPoint, RobotState
from robot_learning.identification.joint_response import ResponseModel, ResponseState
from robot_learning.safety.wire_record import Cycles, WireRecord

CYCLE_S = 0.001
LAG_S = 0.004
"""Time constant by which the joints follow the reference, where the contract says nothing else."""
_JUMP_SHARE = 1.5
"""Of the maker's velocity: a reference that is faster between two cycles is a discontinuity."""
_BEHIND_MAX_S = 10.0
"""A process that was frozen for longer loses the cycles before."""


class _Lag:
    """Drives that are a little behind their reference."""

    def __init__(self, position_rad: Array) -> None:
        self._position = position_rad.copy()
        self._fresh = 1.0 - math.exp(-CYCLE_S / LAG_S)

    def follow(self, references: Array) -> Array:
        """Positions (n, joints) along the next references (n, joints), one a cycle."""
        followed = np.empty_like(references)
        for index, reference in enumerate(references):
            self._position = self._position + self._fresh * (reference - self._position)
            followed[index] = self._position
        return followed


@dataclass
class _Fingers:
    """A gripper that moves at its speed until something, or its target, stops it."""

    width_m: float
    target_m: float
    speed_m_s: float = 0.0
    told: bool = True  # the target was looked at since it was set


class StandInArm:
    """Controller, drives and gripper of one arm; time passes in `advance`.

    Attributes:
        time_s: of the last cycle, on the steady clock.
        reflex: why the drives stopped; empty while they follow.
        joints: names of the arm's joints in the order in which the controller says them.
        not_finite: commands with a number that is not finite: the controller let them pass.
        wrench: external force and torque that is felt, shape (6,).
        object_width_m: of what lies between the fingers; 0.0: nothing.
    """

    def __init__(self, contract: Contract, now_s: float, record: WireRecord | None = None) -> None:
        """At home and at rest.

        Args:
            contract: names, limits and home of the arm.
            now_s: the present on the steady clock.
            record: is told of every cycle.
        """
        robot = contract.robot
        self.joints = tuple(reversed(robot.arm.joint_names))
        self.reflex = ""
        self.not_finite = 0
        self.wrench = np.zeros(6)
        self._names = list(robot.arm.joint_names)
        self._gripper = robot.gripper
        self._home = np.array([joint.home_position_rad for joint in robot.arm.joints])
        top = np.array([joint.velocity_max_rad_s for joint in robot.arm.joints])
        self._jump_max = _JUMP_SHARE * top * CYCLE_S
        self._turn = np.array([math.tau if j.continuous else 0.0 for j in robot.arm.joints])
        self._record = record
        simulation = robot.simulation
        self._delay_s = simulation.control_delay_s
        self._response = (
            ResponseModel.of(simulation.response, CYCLE_S) if simulation.response else None
        )
        self.time_s = now_s
        self.put(self._home)

    def put(self, position_rad: Array) -> None:
        """A person takes the arm somewhere by hand; it rests there and its drives follow again."""
        self._position = np.array(position_rad, dtype=np.float64)
        self._velocity = np.zeros_like(self._position)
        self._reference = self._position.copy()
        self._follower = TrajectoryFollower(self._position)
        self._drives = self._drives_at(self._position)
        self.object_width_m = 0.0
        self._fingers = _Fingers(self._gripper.width_max_m, self._gripper.width_max_m)
        self.reflex = ""

    def put_home(self) -> None:
        """The same, to where it is at home."""
        self.put(self._home)

    def recover(self) -> None:
        """Clears a reflex; the controller begins anew from where the arm is."""
        self.reflex = ""
        self._follower = TrajectoryFollower(self._position)
        self._drives = self._drives_at(self._position)
        self._reference = self._position.copy()

    def command(self, names: Sequence[str], points: Sequence[JointPoint], ago_s: float) -> str:
        """What the controller's topic takes.

        Args:
            names: of the joints, in the order of the points' numbers.
            points: times count from when the trajectory begins.
            ago_s: how long ago that was.

        Returns:
            Why it was dropped (ros2_control: `validate_trajectory_msg`); empty when it replaces
            what was followed. Before its first point the reference goes there from where it is;
            after it, it is on the trajectory's own curve at once (`Trajectory::sample`).
        """
        if sorted(names) != sorted(self._names):
            return "joints do not match the controller's"
        times = [point.time_from_start_s for point in points]
        if not times or any(late <= early for early, late in pairwise(times)):
            return "no points, or times that do not increase"
        if any(len(p.position_rad) != len(names) for p in points):
            return "a point has another number of positions"
        if any(points[-1].velocity_rad_s):
            return "the last point has a velocity"
        if times[-1] <= ago_s:
            return "it is wholly in the past"
        order = [list(names).index(name) for name in self._names]
        turns = self._turns_to(np.asarray(points[0].position_rad, float)[order])
        told = [
            JointPoint(
                p.time_from_start_s - ago_s,
                np.asarray(p.position_rad, float)[order] + turns,
                np.asarray(p.velocity_rad_s, float)[order],
            )
            for p in points
        ]
        if self.reflex:
            return self.reflex
        if not all(np.isfinite([p.position_rad, p.velocity_rad_s]).all() for p in told):
            self.not_finite += 1
            self.reflex = "a reference that is not a number reached the drives"
            return ""
        ahead = [point for point in told if point.time_from_start_s > CYCLE_S]
        if not ahead:
            ahead = [JointPoint(CYCLE_S, told[-1].position_rad, told[-1].velocity_rad_s)]
        elif len(ahead) < len(told):
            # It has begun: the controller is on its curve with the next cycle, however far that is.
            ahead.insert(0, _between(told[-len(ahead) - 1], ahead[0], CYCLE_S))
        self._follower.write(self.time_s + self._delay_s, ahead)
        return ""

    def command_gripper(self, width_m: float) -> None:
        """Where the fingers are to go."""
        self._fingers.target_m = min(max(width_m, 0.0), self._gripper.width_max_m)
        self._fingers.told = False

    @property
    def gripper_told(self) -> bool:
        """Whether the fingers have had a cycle since they were told where to go."""
        return self._fingers.told

    def advance(self, now_s: float) -> None:
        """Runs the controller's cycles up to now, on the steady clock."""
        begins_s = max(self.time_s, now_s - _BEHIND_MAX_S)
        count = int((now_s - begins_s) / CYCLE_S)
        if count < 1:
            return
        times: Array = begins_s + CYCLE_S * np.arange(1, count + 1, dtype=np.float64)
        references = self._follower.references(times)
        for index, reference in enumerate(references):
            if not self.reflex and (np.abs(reference - self._reference) > self._jump_max).any():
                self.reflex = "the reference jumped: joint motion discontinuity"
            if self.reflex:
                references[index] = reference = self._reference
            self._reference = reference
        followed = self._drives.follow(references)
        before = followed[-2] if count > 1 else self._position
        self._position = followed[-1].copy()
        self._velocity = (self._position - before) / CYCLE_S
        self.time_s = float(times[-1])
        self._move_fingers(count * CYCLE_S)
        if self._record is not None:
            self._record.append(Cycles(times, references, followed))

    def state(self, stamp_s: float) -> RobotState:
        """What the joints' encoders say, in the contract's order.

        Args:
            stamp_s: for it, on the clock of the stamps.
        """
        return RobotState(
            stamp_s=stamp_s,
            position_rad=self._position + self._turns_to(self._position, np.zeros(7)),
            velocity_rad_s=self._velocity.copy(),
            effort_nm=np.zeros(len(self._names)),
            gripper_width_m=self._fingers.width_m,
            gripper_speed_m_s=self._fingers.speed_m_s,
            gripper_force_n=0.0,
            wrench=self.wrench,
        )

    def _drives_at(self, position_rad: Array) -> _Lag | ResponseState:
        """Drives at rest."""
        if self._response is None:
            return _Lag(position_rad)
        return ResponseState(self._response, position_rad)

    def _turns_to(self, position_rad: Array, near_rad: Array | None = None) -> Array:
        """Whole turns to add to continuous joints for the angle next to where the reference is."""
        near = self._reference if near_rad is None else near_rad
        way = np.where(np.isfinite(position_rad), near - position_rad, 0.0)
        turns: Array = self._turn * np.round(way / math.tau)
        return turns

    def _move_fingers(self, duration_s: float) -> None:
        fingers, most = self._fingers, self._gripper.speed_max_m_s * duration_s
        stops_m = max(fingers.target_m, min(self.object_width_m, fingers.width_m))
        way = min(max(stops_m - fingers.width_m, -most), most)
        fingers.width_m += way
        fingers.speed_m_s, fingers.told = way / duration_s, True


def _between(before: JointPoint, after: JointPoint, time_s: float) -> JointPoint:
    """The cubic through two points, at a time between them."""
    span = after.time_from_start_s - before.time_from_start_s
    x = (time_s - before.time_from_start_s) / span
    rise = after.position_rad - before.position_rad
    v0, v1 = before.velocity_rad_s * span, after.velocity_rad_s * span
    c2, c3 = 3.0 * rise - 2.0 * v0 - v1, v0 + v1 - 2.0 * rise
    position = before.position_rad + x * (v0 + x * (c2 + x * c3))
    return JointPoint(time_s, position, (v0 + x * (2.0 * c2 + x * 3.0 * c3)) / span)
