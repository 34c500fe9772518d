"""Stands where a physical robot's ros2_control stands: its topics, its habits, and its faults.

No part of the graph's lifecycle, as a robot is none: it is there before the graph and after it.
"""

from __future__ import annotations

import json
import math
import time
from pathlib import Path
from typing import Any

import numpy as np
from geometry_msgs.msg import WrenchStamped
from rclpy.serialization import deserialize_message
from sensor_msgs.msg import JointState
from std_msgs.msg import String
from std_srvs.srv import Trigger
from trajectory_msgs.msg import JointTrajectory

from robot_learning.diagnosis.wire_faults import FaultError, WireFaults
from robot_learning.hardware import JointPoint, open_hardware
from robot_learning.kinematics.gripper_joints import GripperJoints
from robot_learning.safety.wire_record import WireRecord
from robot_learning_nodes.convert import JointNames, MessageError, doubles, to_seconds
from robot_learning_nodes.graph_node import ERROR, OK, GraphNode, Parameter, StartError
from robot_learning_nodes.node_process import exit_process, run
from robot_learning_nodes.qos import COMMAND, RECEIPT, STREAM
from robot_learning_nodes.taps import Tap, Taps

CYCLES_PER_S = 1000
# Cycles are run so late that a command is here before its cycle is, by however little DDS and this
# process delay it; states are as old, which is what an arm's own states are.
LATE_S = 0.006
TAKE_PERIOD_S = 0.005
COMMAND_TOPIC = "arm_controller/joint_trajectory"


class StandInRobot(GraphNode):
    """Feeds the stand-in arm, and says its states at the contract's rate."""

    name = "stand_in_robot"
    shares_memory = False
    parameters = (
        Parameter("record", "", "file of every cycle of the arm's controller; empty: none"),
        Parameter(
            "start_rad",
            "",
            "where its joints are at first, in the contract's order, with commas between; empty: "
            "at home",
        ),
        Parameter(
            "gripper_action",
            False,
            "the action gripper_controller/gripper_cmd moves its gripper, and no trajectory",
        ),
        Parameter(
            "object_m",
            0.0,
            "an object so wide lies between its fingers",
            minimum=0.0,
            maximum=0.5,
        ),
        Parameter(
            "record_s", 60.0, "seconds of cycles that the file keeps", minimum=1.0, maximum=3600.0
        ),
    )

    def __init__(self) -> None:
        """Acts at once: nobody configures a robot."""
        super().__init__()
        self.trigger_configure()
        self.trigger_activate()

    def configure(self) -> None:
        """Makes the arm and the topics of its controllers."""
        robot = self.contract.robot
        record = None
        if self.values["record"]:
            capacity = int(self.values["record_s"] * CYCLES_PER_S)
            record = WireRecord.make(Path(self.values["record"]), len(robot.arm.joints), capacity)
        self.arm: Any = open_hardware(
            "stand_in", self.contract, now_s=time.monotonic(), record=record
        )
        if self.values["start_rad"]:
            self.arm.put(_positions(self.values["start_rad"], len(robot.arm.joints)))
        self.names = JointNames(robot)
        self.faults = WireFaults(time.monotonic)
        self.states = self.dropped = 0
        self.reflex_said = ""
        self.state_out = self.advertise(JointState, "joint_states", STREAM)
        self.wrench_out = self.advertise(WrenchStamped, "wrench", STREAM)
        self.wall_ahead_s = time.time() - time.monotonic()
        # A controller takes a command in its next millisecond; this process may be late. So all
        # commands are taken, in order, each with the time at which it came.
        self.commands = Taps(self, [Tap(JointTrajectory, COMMAND_TOPIC, RECEIPT, RECEIPT.depth)])
        self._made.append((Taps.close, self.commands))
        self.arm.object_width_m = self.values["object_m"]
        self.gripper_server: Any = None
        if self.values["gripper_action"]:
            self._serve_gripper()
        else:
            topic = "gripper_controller/joint_trajectory"
            self.listen(JointTrajectory, topic, self._gripper, COMMAND)
        self.listen(String, "stand_in_robot/inject", self._inject, RECEIPT)
        self.serve(Trigger, "stand_in_robot/recover", self._recover)
        self.serve(Trigger, "stand_in_robot/free", self._free)
        self.said_s = -math.inf
        self.state_period_s = 1.0 / robot.rates.state_hz - 1e-3
        self.every(TAKE_PERIOD_S, self._cycle)

    def diagnose(self) -> tuple[bytes, str, dict[str, Any]]:
        """The drives' reflex, and what the controller dropped."""
        figures = {
            "states": self.states,
            "dropped": self.dropped,
            "not finite": self.arm.not_finite,
        }
        if self.gripper_server is not None:
            figures["goals at once"] = self.gripper_server.refused
            figures["gripper's max effort"] = self.gripper_server.max_effort_n
        return (ERROR, self.arm.reflex, figures) if self.arm.reflex else (OK, "follows", figures)

    def _serve_gripper(self) -> None:
        # Only here: where ROS 2 is installed, control_msgs is a package of its own.
        from robot_learning_nodes.gripper_action_server import GripperActionServer

        joints = GripperJoints(self.contract.robot.gripper)
        self.gripper_server = GripperActionServer(
            self, "gripper_controller/gripper_cmd", self.arm, joints
        )
        self.release_later(self.gripper_server.close)

    def _cycle(self) -> None:
        for received in self.commands.take_all():
            came_s = received.log_ns * 1e-9 - self.wall_ahead_s
            message = deserialize_message(received.data, JointTrajectory)
            for arrived in self.faults.command(message):
                self._obey(arrived, came_s)
        now_s = time.monotonic()
        for message in self.faults.commands_due():
            self._obey(message, now_s - LATE_S)
        self.arm.advance(now_s - LATE_S)
        if self.gripper_server is not None:
            self.gripper_server.look()
        if self.arm.reflex != self.reflex_said:
            self.reflex_said = self.arm.reflex
            if self.reflex_said:
                self.say(f"reflex: {self.reflex_said}", alarm=True)
        if self.arm.time_s - self.said_s < self.state_period_s:
            return
        self.said_s = self.arm.time_s
        self.arm.wrench = self.faults.wrench()
        state = self.faults.state(self.arm.state(self.arm.time_s + self.wall_ahead_s))
        if state is None:
            return
        message = self._in_its_order(self.names.write_state(state, ""))
        wrench = WrenchStamped()
        wrench.header = message.header
        force = wrench.wrench.force
        force.x, force.y, force.z = state.wrench[:3].tolist()
        self.wrench_out.publish(wrench)
        self.state_out.publish(message)
        self.states += 1

    def _in_its_order(self, message: JointState) -> JointState:
        """Fingers first and the arm from its tip, as a broadcaster may; less what is missing."""
        order = [message.name.index(name) for name in (*self.names.fingers, *self.arm.joints)]
        order = self.faults.joints(order)
        names = list(message.name)
        message.name = [names[index] for index in order]
        for field, of_knuckle in (("position", None), ("velocity", 0.0), ("effort", math.nan)):
            values = np.array(getattr(message, field))
            if of_knuckle is not None and self.contract.robot.gripper.knuckle is not None:
                values[len(self.names.arm)] = of_knuckle  # as ros2_kortex, which measures neither
            setattr(message, field, doubles(values[order]))
        return message

    def _obey(self, message: JointTrajectory, came_s: float) -> None:
        self.arm.advance(came_s)
        begins_s = to_seconds(message.header.stamp)
        ago_s = self.arm.time_s + self.wall_ahead_s - begins_s if begins_s else 0.0
        joints = len(message.joint_names)
        points = [
            JointPoint(
                to_seconds(point.time_from_start),
                np.array(point.positions),
                np.array(point.velocities) if point.velocities else np.zeros(joints),
            )
            for point in message.points
        ]
        reason = self.arm.command(message.joint_names, points, ago_s)
        if reason:
            self.dropped += 1
            self.get_logger().warning(f"dropped: {reason}", throttle_duration_sec=2.0)

    def _gripper(self, message: JointTrajectory) -> None:
        width_m, force_n = self.names.read_grip(message)
        if force_n is not None:
            self.dropped += 1
            raise MessageError("gripper trajectory has efforts: a controller of positions drops it")
        self.arm.command_gripper(width_m)

    def _inject(self, message: String) -> None:
        try:
            self.faults.inject(**json.loads(message.data))
        except (FaultError, TypeError, ValueError) as error:
            raise MessageError(str(error)) from None

    def _recover(self, _request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        """What the maker's recovery does: drives follow again, nothing resumes."""
        self.arm.recover()
        response.success = True
        return response

    def _free(self, _request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        """A person takes the arm home by hand."""
        self.arm.put_home()
        response.success = True
        return response


def _positions(text: str, count: int) -> np.ndarray:
    """Numbers with commas between.

    Raises:
        StartError: they are not so many finite numbers.
    """
    try:
        values = np.array([float(part) for part in text.split(",")])
    except ValueError:
        values = np.empty(0)
    if values.shape != (count,) or not np.isfinite(values).all():
        raise StartError(f"start_rad {text!r} is not {count} numbers with commas between")
    return values


def main() -> None:
    """Entry point."""
    exit_process(run(StandInRobot))
