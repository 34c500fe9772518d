"""From a wanted velocity of the tool centre point to joint velocities that the arm can follow.

The limits act here first and gently, by slowing down; the gate behind only has to act when
something is wrong.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from robot_learning.kinematics.arm_kinematics import (
    ArmKinematics,
    TcpState,
    condition_number,
    damping_squared,
    resolve,
    turn,
)
from robot_learning.safety.limits import MotionLimits

Array = NDArray[np.float64]

# Distance to a wall or joint limit over this time is the fastest allowed approach to it. Four
# control periods: slow enough to settle without overshoot, fast enough not to be felt elsewhere.
APPROACH_S = 0.2
# Walls stand this far inside the gate's box, so that its margins are never touched.
WALL_INSET_M = 0.005
# Part of the tool speed limit that is asked for; the rest is for transients.
SPEED_SHARE = 0.97
# Condition numbers of the Jacobian between which a tool that nears a singularity slows from full
# speed to none: MoveIt Servo's. Where the shipped tabletop tasks work it stays below 17.
CONDITION_SLOW, CONDITION_HALT = 17.0, 30.0
_AHEAD_S = 0.05  # what is ahead is looked at so far on, at the wanted speed
_TURN_GAIN_HZ = 2.0  # how fast an error of orientation is driven out
_TURN_SPEED_SHARE = 0.5
_PULL_GAIN_HZ = 0.5  # how fast the elbow is drawn to the home posture
_PULL_MAX_RAD_S = 0.2
_JOINT_SPEED_SHARE = 0.95
_SWING_SHARE = 0.5  # part of the distance to a wall that a stop may swing aside
_SWING_MIN_M = 0.001


@dataclass(frozen=True, slots=True)
class ServoCommand:
    """What the joints can follow of a wanted tool velocity, to be held for one action.

    Attributes:
        joint_velocity_rad_s: shape (7,); None when nothing is to move.
        followed_m_s: velocity of the tool centre point that results, base frame, shape (3,).
        limits: names of the limits that acted.
        spin_rad_s: turn about the base frame's z that results.
    """

    joint_velocity_rad_s: Array | None
    followed_m_s: Array
    limits: tuple[str, ...]
    spin_rad_s: float = 0.0


class TcpServo:
    """Shapes tool velocities by the limits, and turns them into joint velocities."""

    def __init__(self, limits: MotionLimits, kinematics: ArmKinematics) -> None:
        self._limits = limits
        self._kinematics = kinematics
        self._home = kinematics.home_position_rad
        reach_m = kinematics.reach_m
        self._pair_reach = np.minimum.outer(reach_m, reach_m)
        self._speed_max = SPEED_SHARE * limits.tcp_speed_m_s
        self._turn_max = _TURN_SPEED_SHARE * limits.tcp_angular_speed_rad_s
        self._spin_max = SPEED_SHARE * limits.tcp_angular_speed_rad_s
        self._joint_speed_max = _JOINT_SPEED_SHARE * limits.velocity_rad_s

    def plan(
        self,
        wanted_m_s: Array,
        q: Array,
        tcp: TcpState,
        rotation: Array,
        full_speed_m_s: float,
        spin_rad_s: float = 0.0,
    ) -> ServoCommand:
        """Limits a wanted tool velocity to what can be followed from here.

        Args:
            wanted_m_s: velocity of the tool centre point, base frame, shape (3,).
            q: commanded joint position, rad, shape (7,).
            tcp: the tool at `q`.
            rotation: orientation to hold, shape (3, 3).
            full_speed_m_s: speed, above 0, from which on orientation and elbow are corrected in
                full.
            spin_rad_s: wanted turn about the base frame's z, beside `rotation`.
        """
        names: list[str] = []
        velocity = self._within_speed(wanted_m_s, names)
        velocity = self._before_walls(velocity, tcp.position_m, names)
        speed = float(np.linalg.norm(velocity))
        if speed == 0.0 and spin_rad_s == 0.0:
            return ServoCommand(None, velocity, tuple(names))
        damping = damping_squared(tcp.jacobian)
        activity = 1.0 if spin_rad_s else min(1.0, speed / full_speed_m_s)
        angular = self._angular(tcp.rotation, rotation, activity, spin_rad_s)
        joint_velocity = self._resolve(velocity, angular, q, tcp.jacobian, activity, damping)
        scale = self._scale(joint_velocity, q, tcp.position_m, names)
        by_condition = self._condition_scale(joint_velocity, q, tcp.jacobian)
        scale *= by_condition
        if damping > 0.0 or by_condition < 1.0:
            names.append("singularity")
        followed = velocity
        if damping > 0.0 or scale < 1.0:
            joint_velocity *= scale
            followed = tcp.jacobian[:3] @ joint_velocity
        return ServoCommand(joint_velocity, followed, tuple(names), scale * spin_rad_s)

    def _angular(self, now: Array, rotation: Array, activity: float, spin_rad_s: float) -> Array:
        """Angular velocity: the correction of the orientation, and the wanted turn."""
        angular = turn(now, rotation) * (_TURN_GAIN_HZ * activity)
        size = math.hypot(*angular.tolist())
        if size > self._turn_max:
            angular *= self._turn_max / size
        angular[2] += spin_rad_s
        size = math.hypot(*angular.tolist())
        if size > self._spin_max:
            angular *= self._spin_max / size
        return angular

    def _resolve(
        self,
        velocity: Array,
        angular: Array,
        q: Array,
        jacobian: Array,
        activity: float,
        damping: float,
    ) -> Array:
        """Joint velocity for a tool's velocity; draws the elbow to the home posture on the way.

        The corrections fade with `activity`, so that an arm asked to rest does rest.
        """
        pull = (self._home - q) * (_PULL_GAIN_HZ * activity)
        fastest = max(map(abs, pull.tolist()))
        if fastest > _PULL_MAX_RAD_S:
            pull *= _PULL_MAX_RAD_S / fastest
        return resolve(jacobian, np.concatenate([velocity, angular]), pull, damping)

    def _within_speed(self, velocity: Array, names: list[str]) -> Array:
        speed = float(np.linalg.norm(velocity))
        if speed <= self._speed_max:
            return velocity
        names.append("tcp_speed")
        return velocity * (self._speed_max / speed)

    def _before_walls(self, velocity: Array, position: Array, names: list[str]) -> Array:
        above = (self._limits.box_max_m - WALL_INSET_M - position) / APPROACH_S
        below = (self._limits.box_min_m + WALL_INSET_M - position) / APPROACH_S
        # Outside the walls nothing pushes the arm; it may rest or come back.
        limited = np.clip(velocity, np.minimum(below, 0.0), np.maximum(above, 0.0))
        if (limited != velocity).any():
            names.append("workspace")
            return limited
        return velocity

    def _scale(self, joint_velocity: Array, q: Array, position_m: Array, names: list[str]) -> float:
        """Largest factor up to 1 that keeps joints, and the stop near a wall, within limits."""
        speed = np.abs(joint_velocity)
        moving = speed > 1e-9
        if not moving.any():
            return 1.0
        room = np.where(
            joint_velocity > 0.0,
            self._limits.position_max_rad - q,
            q - self._limits.position_min_rad,
        )
        by_speed = float((self._joint_speed_max[moving] / speed[moving]).min())
        by_room = float((np.maximum(room[moving], 0.0) / APPROACH_S / speed[moving]).min())
        if by_speed < 1.0:
            names.append("joint_velocity")
        if by_room < 1.0:
            names.append("joint_position")
        by_stop = self._stop_scale(speed, position_m)
        if by_stop < 1.0 and "workspace" not in names:
            names.append("workspace")
        return min(1.0, by_speed, by_room, by_stop)

    def _condition_scale(self, joint_velocity: Array, q: Array, jacobian: Array) -> float:
        """Factor by which motion towards a singularity slows; 1 away from one, or along it."""
        here = condition_number(jacobian)
        if here <= CONDITION_SLOW:
            return 1.0
        ahead = self._kinematics.jacobian(q + _AHEAD_S * joint_velocity)
        if condition_number(ahead) <= here:
            return 1.0
        return max(0.0, (CONDITION_HALT - here) / (CONDITION_HALT - CONDITION_SLOW))

    def _stop_scale(self, speed: Array, position_m: Array) -> float:
        """Factor on joint speeds for which a stop stays clear of the nearest wall.

        Joints brake together, and where they are fast for a slow tool, near a stretched arm, the
        tool swings aside meanwhile by up to stop time squared times its curvature, over 8: the
        fourth power of the speed (`Envelope` derives the bound).
        """
        stop_s = float((speed / self._limits.acceleration_rad_s2).max())
        swing_m = stop_s**2 / 8.0 * float(speed @ self._pair_reach @ speed)
        to_low, to_high = position_m - self._limits.box_min_m, self._limits.box_max_m - position_m
        wall_m = float(np.minimum(to_low, to_high).min())
        room_m = max(_SWING_SHARE * wall_m, _SWING_MIN_M)
        return 1.0 if swing_m <= room_m else float((room_m / swing_m) ** 0.25)
