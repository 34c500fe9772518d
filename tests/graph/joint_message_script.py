"""Joint states and grips of several robots as messages; run where ROS 2 is found."""

from __future__ import annotations

import json
import math

import numpy as np
from rclpy.serialization import deserialize_message, serialize_message
from robot_learning_nodes.convert import JointNames, MessageError

from robot_learning.contract import load_robot
from robot_learning.hardware import RobotState

ORDER = np.array([7, 3, 0, 6, 1, 5, 2, 4])  # of eight joints, as a controller may have them


def state(stamp_s, width_m, speed_m_s=0.03):
    arm = np.arange(1.0, 8.0)
    return RobotState(stamp_s, arm / 10, -arm, arm * 2, width_m, speed_m_s, 12.0, np.zeros(6))


def there_and_back(message):
    return deserialize_message(serialize_message(message), type(message))


def shuffled(message, **changes):
    """The same in another order, some fields of the last joint changed."""
    for field, value in changes.items():
        getattr(message, field)[-1] = value
    for field in ("name", "position", "velocity", "effort"):
        values = getattr(message, field)
        setattr(message, field, [values[index] for index in ORDER])
    return message


def refusal(names, message):
    try:
        names.read_state(message)
    except MessageError as error:
        return str(error)
    return ""


def main():
    said = {}
    for robot in ("panda", "gen3"):
        names = JointNames(load_robot(robot))
        names.read_state(there_and_back(names.write_state(state(9.99, 0.0397), "")))
        back = names.read_state(there_and_back(names.write_state(state(10.0, 0.04), "")))
        width_m, force_n = names.read_grip(there_and_back(names.write_grip(0.02, 0.5, 25.0)))
        without = names.write_grip(0.02, 0.5)
        said[robot] = {
            "arm": back.position_rad.tolist(),
            "gripper": [back.gripper_width_m, back.gripper_speed_m_s, back.gripper_force_n],
            "grip": [width_m, force_n],
            "joints": list(without.joint_names),
            "without force": [len(without.points[-1].effort), names.read_grip(without)[1]],
        }
    # What ros2_kortex says: joints in any order, the knuckle's velocity 0 and its effort NaN.
    names = JointNames(load_robot("gen3"))
    for index in range(3):
        message = names.write_state(state(1.0 + 0.01 * index, 0.05 - 0.0004 * index), "")
        read = names.read_state(there_and_back(shuffled(message, velocity=0.0, effort=math.nan)))
    said["kortex"] = [read.gripper_width_m, read.gripper_speed_m_s, read.gripper_force_n]
    said["kortex arm"] = read.position_rad.tolist()
    again = names.read_state(shuffled(names.write_state(state(5.0, 0.01), ""), velocity=0.0))
    said["after a pause"] = again.gripper_speed_m_s
    # franka_gripper: no velocity, and 14 states a second among 100 of the arm's; then at rest.
    names, speeds = JointNames(load_robot("fr3")), []
    for index in range(70):
        width_m = 0.08 - 0.0035 * min(index // 7, 5)
        message = names.write_state(state(1.0 + 0.01 * index, width_m), "")
        message.velocity = [0.0] * 9
        speeds.append(names.read_state(message).gripper_speed_m_s)
    said["franka"] = [speeds[6], max(speeds[14:42]), min(speeds[14:42]), speeds[-1]]
    names = JointNames(load_robot("gen3"))
    bare = names.write_state(state(6.0, 0.01), "")
    bare.effort = [math.nan] * 8  # xarm_ros2 tells none at all
    said["no efforts"] = names.read_state(bare).effort_nm.tolist()
    for field, value in (("position", math.nan), ("velocity", math.nan), ("effort", math.inf)):
        bad = names.write_state(state(7.0, 0.01), "")
        getattr(bad, field)[2] = value
        said[field] = refusal(names, bad)
    grip = names.write_grip(0.02, 0.5, 10.0)
    grip.points[-1].effort = [math.nan]
    try:
        names.read_grip(grip)
    except MessageError as error:
        said["bad force"] = str(error)
    print(json.dumps(said))


main()
