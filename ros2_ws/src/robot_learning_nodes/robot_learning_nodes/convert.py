"""Between ROS messages and the library's types. Joints are always mapped by name."""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence

import numpy as np
from builtin_interfaces.msg import Duration, Time
from geometry_msgs.msg import PoseStamped, WrenchStamped
from sensor_msgs.msg import JointState
from std_msgs.msg import Header
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from robot_learning.contract import RobotContract
from robot_learning.hardware import Array, JointPoint, RobotState
from robot_learning.kinematics.gripper_joints import GripperJoints

_PAUSE_S = 0.5
_SAID_AGAIN_S = 0.15  # franka_gripper says its state 15 times a second


def doubles(values: Array) -> array[float]:
    """A float64 array as a message takes it fastest: no check and no copy of each number."""
    return array("d", np.ascontiguousarray(values, np.float64).tobytes())


def floats(values: np.ndarray) -> array[float]:
    """The same for float32 fields."""
    return array("f", np.ascontiguousarray(values, np.float32).tobytes())


class MessageError(ValueError):
    """A message does not say what its receiver needs; one line: what, expected, found."""


def to_time(seconds: float) -> Time:
    """Seconds to a ROS time, to the nanosecond."""
    nanoseconds = round(seconds * 1e9)
    return Time(sec=nanoseconds // 1_000_000_000, nanosec=nanoseconds % 1_000_000_000)


def to_duration(seconds: float) -> Duration:
    """Seconds to a ROS duration, to the nanosecond."""
    nanoseconds = round(seconds * 1e9)
    return Duration(sec=nanoseconds // 1_000_000_000, nanosec=nanoseconds % 1_000_000_000)


def to_seconds(stamp: Time | Duration) -> float:
    """A ROS time or duration to seconds."""
    return float(stamp.sec) + float(stamp.nanosec) * 1e-9


class WidthSpeed:
    """How fast a width grows, from one message to the next.

    For drivers that leave the velocities of a gripper's joints at 0: ros2_kortex, franka_gripper.
    """

    def __init__(self, speed_max_m_s: float) -> None:
        self._max = speed_max_m_s
        self._width_m, self._stamp_s, self._speed_m_s = 0.0, -math.inf, 0.0

    def after(self, width_m: float, stamp_s: float) -> float:
        """With this measurement, m/s, within what the gripper can; 0 after a pause.

        A width that is the same to the last digit is taken for one said again, by whoever merges
        the gripper's slower states with the arm's, until it has been so for too long.
        """
        elapsed_s = stamp_s - self._stamp_s
        again = width_m == self._width_m and 0.0 <= elapsed_s < _SAID_AGAIN_S
        if again or elapsed_s == 0.0:
            return self._speed_m_s
        went_m = width_m - self._width_m if 0.0 < elapsed_s < _PAUSE_S else 0.0
        self._speed_m_s = min(max(went_m / elapsed_s, -self._max), self._max)
        self._width_m, self._stamp_s = width_m, stamp_s
        return self._speed_m_s


class JointNames:
    """Reads and writes joint messages of one robot, whatever order the other side uses."""

    def __init__(self, robot: RobotContract) -> None:
        self.arm = list(robot.arm.joint_names)
        self.fingers = list(robot.gripper.joint_names)
        self._gripper = GripperJoints(robot.gripper)
        self._width_speed = WidthSpeed(robot.gripper.speed_max_m_s)
        self._fingers_tell = False  # their velocities, as some drivers and a knuckle never do
        self._order: dict[tuple[str, ...], tuple[list[int], list[int]]] = {}

    def read_state(self, message: JointState, wrench: Array | None = None) -> RobotState:
        """A JointState as a RobotState.

        An effort may be NaN, which joint_state_broadcaster says of joints whose hardware tells none
        (xarm_ros2 all of them, ros2_kortex the gripper's): it is read as 0.

        Raises:
            MessageError: a joint is missing, or a value is missing or not finite.
        """
        names = tuple(message.name)
        if names not in self._order:
            missing = [name for name in self.arm + self.fingers if name not in names]
            if missing:
                raise MessageError(
                    f"joint_states lacks {', '.join(missing)}; it has {', '.join(names)}"
                )
            self._order = {
                names: ([names.index(n) for n in self.arm], [names.index(n) for n in self.fingers])
            }
        arm, fingers = self._order[names]
        fields = []
        for label in ("position", "velocity", "effort"):
            values = np.asarray(getattr(message, label), dtype=np.float64)
            if values.size != len(names):
                raise MessageError(
                    f"joint_states has {values.size} {label} values for {len(names)} joints"
                )
            if label == "effort":
                values = np.where(np.isnan(values), 0.0, values)
            finite = np.isfinite(values)
            if not finite.all():
                bad = [names[i] for i in np.flatnonzero(~finite)]
                raise MessageError(f"joint_states has a {label} that is not finite: {bad[0]}")
            fields.append(values)
        position, velocity, effort = fields
        stamp_s = to_seconds(message.header.stamp)
        width_m = self._gripper.width_m(position[fingers])
        speed_m_s = self._width_speed.after(width_m, stamp_s)
        self._fingers_tell |= len(fingers) > 1 and bool(velocity[fingers].any())
        if self._fingers_tell:
            speed_m_s = self._gripper.speed_m_s(position[fingers], velocity[fingers])
        return RobotState(
            stamp_s=stamp_s,
            position_rad=position[arm],
            velocity_rad_s=velocity[arm],
            effort_nm=effort[arm],
            gripper_width_m=width_m,
            gripper_speed_m_s=speed_m_s,
            gripper_force_n=self._gripper.force_n(position[fingers], effort[fingers]),
            wrench=np.zeros(6) if wrench is None else wrench,
        )

    def write_state(self, state: RobotState, frame: str) -> JointState:
        """A RobotState as a JointState of arm and fingers; velocity and effort always filled."""
        message = JointState()
        message.header.stamp = to_time(state.stamp_s)
        message.header.frame_id = frame
        message.name = self.arm + self.fingers
        width_m, gripper = state.gripper_width_m, self._gripper
        speeds = gripper.velocities(width_m, state.gripper_speed_m_s)
        efforts = gripper.efforts(width_m, state.gripper_force_n)
        message.position = doubles(np.append(state.position_rad, gripper.positions(width_m)))
        message.velocity = doubles(np.append(state.velocity_rad_s, speeds))
        message.effort = doubles(np.append(state.effort_nm, efforts))
        return message

    def read_grip(self, message: JointTrajectory) -> tuple[float, float | None]:
        """The width (m) that a gripper's trajectory ends at, and the force (N) if it says one.

        Raises:
            MessageError: as `read_trajectory`; or the force is not finite.
        """
        end = self._read_points(message, self.fingers)[-1].position_rad
        efforts = message.points[-1].effort
        if not efforts:
            return self._gripper.width_m(end), None
        if not finite_floats(efforts) or len(efforts) != len(self.fingers):
            raise MessageError(
                f"gripper trajectory has efforts {list(efforts)}; expected {len(self.fingers)}, "
                "finite"
            )
        return self._gripper.width_m(end), self._gripper.force_n(end, efforts)

    def write_grip(
        self, width_m: float, travel_s: float, force_n: float | None = None
    ) -> JointTrajectory:
        """A trajectory of one point that takes the gripper to a width.

        Args:
            width_m: between the fingers.
            travel_s: until it is there.
            force_n: of a finger, as the point's effort. ros2_control's joint trajectory controller
                drops a trajectory that has one, so only for whoever understands it.
        """
        point = JointPoint(travel_s, self._gripper.positions(width_m), np.zeros(len(self.fingers)))
        message = self._write_points([point], self.fingers)
        if force_n is not None:
            message.points[-1].effort = doubles(self._gripper.efforts(width_m, force_n))
        return message

    def read_trajectory(self, message: JointTrajectory) -> list[JointPoint]:
        """A JointTrajectory as points in contract order, checked as ros2_control checks it.

        Raises:
            MessageError: unknown or missing joints, wrong lengths, times that do not increase.
                Values that are not finite are refused too (ros2_control lets them through).
        """
        return self._read_points(message, self.arm)

    def write_trajectory(self, points: Sequence[JointPoint]) -> JointTrajectory:
        """The arm's points as a JointTrajectory that begins on arrival (stamp 0)."""
        return self._write_points(points, self.arm)

    def _read_points(self, message: JointTrajectory, expected: list[str]) -> list[JointPoint]:
        names = list(message.joint_names)
        if sorted(names) != sorted(expected):
            raise MessageError(
                f"trajectory names joints {', '.join(names) or '(none)'}; "
                f"expected {', '.join(expected)}"
            )
        if not message.points:
            raise MessageError("trajectory has no points")
        order = [names.index(name) for name in expected]
        points, before = [], 0.0
        for index, point in enumerate(message.points):
            time_s = to_seconds(point.time_from_start)
            if time_s <= before:
                raise MessageError(
                    f"trajectory point {index} is at {time_s} s, not after {before} s"
                )
            before = time_s
            position = np.asarray(point.positions, dtype=np.float64)
            velocity = np.asarray(point.velocities, dtype=np.float64)
            if velocity.size == 0:
                velocity = np.zeros(len(expected))
            if position.size != len(expected) or velocity.size != len(expected):
                raise MessageError(
                    f"trajectory point {index} has {position.size} positions and "
                    f"{velocity.size} velocities for {len(expected)} joints"
                )
            if not (np.isfinite(position).all() and np.isfinite(velocity).all()):
                raise MessageError(f"trajectory point {index} has a value that is not finite")
            points.append(JointPoint(time_s, position[order], velocity[order]))
        return points

    def _write_points(self, points: Sequence[JointPoint], names: list[str]) -> JointTrajectory:
        message = JointTrajectory(joint_names=names)
        message.points = [
            JointTrajectoryPoint(
                positions=doubles(point.position_rad),
                velocities=doubles(point.velocity_rad_s),
                time_from_start=to_duration(point.time_from_start_s),
            )
            for point in points
        ]
        return message


def write_position(position_m: Array, header: Header) -> PoseStamped:
    """A position (3,) as a pose without a turn."""
    message = PoseStamped(header=header)
    position = message.pose.position
    position.x, position.y, position.z = position_m.tolist()
    message.pose.orientation.w = 1.0
    return message


def read_position(message: PoseStamped, topic: str, frame: str) -> Array:
    """A pose's position, shape (3,).

    Raises:
        MessageError: it is not finite, or in another frame.
    """
    place = message.pose.position
    position: Array = np.array([place.x, place.y, place.z])
    if not finite_floats(position.tolist()):
        raise MessageError(f"{topic} is not finite: {position.tolist()}")
    if message.header.frame_id != frame:
        raise MessageError(f"{topic} is in frame {message.header.frame_id!r}, not {frame!r}")
    return position


def read_wrench(message: WrenchStamped) -> Array:
    """Force (N) and torque (Nm), shape (6,)."""
    force, torque = message.wrench.force, message.wrench.torque
    return np.array([force.x, force.y, force.z, torque.x, torque.y, torque.z])


def finite_floats(values: Sequence[float]) -> bool:
    """True when every number is finite."""
    return all(math.isfinite(value) for value in values)
