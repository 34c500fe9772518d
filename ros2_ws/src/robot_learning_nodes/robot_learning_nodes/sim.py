"""The simulator behind the topics of a real arm: what ros2_control's controllers would be."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import numpy as np
from geometry_msgs.msg import PoseStamped, WrenchStamped
from robot_learning_interfaces.srv import ResetEpisode, Step
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import JointState
from std_msgs.msg import Header
from std_srvs.srv import Trigger
from trajectory_msgs.msg import JointTrajectory

from robot_learning.control.lockstep_driver import idle_stop_s
from robot_learning.hardware import JointPoint, RobotState, open_hardware
from robot_learning_nodes.convert import (
    JointNames,
    MessageError,
    to_seconds,
    to_time,
    write_position,
)
from robot_learning_nodes.graph_node import OK, WARN, GraphNode, Parameter
from robot_learning_nodes.node_process import exit_process, run
from robot_learning_nodes.qos import COMMAND, LATCHED, STREAM
from robot_learning_nodes.sim_camera import SimCameraTopics

# Lockstep without a command: after this long the present state is said again, so that watchdogs
# see a live simulator, ...
IDLE_REPEAT_S = 0.1
# ... and so long after the driver should have brought it to rest, simulated time passes until the
# arm is at rest, as it would in the world; at the latest so long after a command that ends at rest.
IDLE_SETTLE_AFTER_S, REST_SETTLE_S = 0.1, 1.0
IDLE_STEP_S = 0.02
AT_REST_RAD_S = 1e-3
# In real time: how far the world may fall behind before it gives the lost time up.
BEHIND_MAX_S = 0.04


class Sim(GraphNode):
    """Steps the simulator in real time, or by one trajectory at a time in lockstep."""

    name = "sim"
    linger_s = 0.5  # the arm's controller outlives the nodes that command it
    parameters = (
        Parameter("hardware", "sim", "entry point of the simulated hardware"),
        Parameter("seed", 0, "first scene's seed", minimum=0, maximum=2**31 - 1),
        Parameter("objects", "train", "what lies in a bin", choices=("train", "unseen")),
        Parameter("camera", False, "render and publish the task's camera, or the robot's first"),
        Parameter(
            "region",
            False,
            "publish only the part of the image that the task looks at, at its size and as PNG, as "
            "a camera's driver with a region of interest does; drawn far faster",
        ),
        Parameter(
            "on_request",
            False,
            "in lockstep take pictures only when asked, as it is where every picture is acted on",
        ),
        Parameter("raw_image", False, "also publish uncompressed images"),
        Parameter("jpeg_quality", 90, "JPEG quality of images", minimum=1, maximum=100),
        Parameter(
            "joint_state_pair",
            False,
            "serve robot_joint_states and robot_joint_command, the pair of ros-controls' "
            "joint_state_topic_hardware_interface, so that real controllers can run on top",
        ),
    )

    def configure(self) -> None:
        """Opens the simulator and the topics of the hardware interface."""
        robot = self.contract.robot
        self.names = JointNames(robot)
        self.hardware: Any = open_hardware(
            self.values["hardware"], self.contract, objects=self.values["objects"]
        )
        self.hardware.reset(self.values["seed"])
        self.states = 0
        self.stamp_offset_s = self.pace_s = 0.0
        self.overruns = 0
        self.last_command_s = time.monotonic()
        self.last_state_s = 0.0
        self.ends_at_rest = True
        self.idle_settle_s = idle_stop_s(self.contract) + IDLE_SETTLE_AFTER_S
        self.state_out = self.advertise(JointState, "joint_states", STREAM)
        self.clock_out = self.advertise(Clock, "/clock", STREAM)
        self.wrench_out = self.advertise(WrenchStamped, "wrench", STREAM)
        self.target_out = self.advertise(PoseStamped, "target_pose", LATCHED)
        self.object_out = None
        if "object_position_m" in self.contract.task.scene:
            self.object_out = self.advertise(PoseStamped, "object_pose", STREAM)
        self.listen(JointTrajectory, "arm_controller/joint_trajectory", self._arm, COMMAND)
        self.listen(JointTrajectory, "gripper_controller/joint_trajectory", self._gripper, COMMAND)
        self.serve(ResetEpisode, "reset", self._reset)
        self.serve(Step, "step", self._step_service)
        self.serve(Trigger, "free_arm", self._free_arm)
        self.camera = SimCameraTopics(self, self.hardware) if self.values["camera"] else None
        self.pair_out = None
        if self.values["joint_state_pair"]:
            self.pair_out = self.advertise(JointState, "robot_joint_states", STREAM)
            self.listen(JointState, "robot_joint_command", self._joint_command, COMMAND)
        if self.lockstep:
            self.every(IDLE_STEP_S, self._idle)
        else:
            self.every(1.0 / robot.rates.state_hz, self._real_time)

    def activate(self) -> None:
        """Says the first state and target."""
        simulated_s = self.hardware.read_state().stamp_s
        # In real time stamps are on the system clock, as a real robot's are.
        self.stamp_offset_s = 0.0 if self.lockstep else self.wall_now_s() - simulated_s
        self.pace_s = time.monotonic() - simulated_s
        self.last_command_s = time.monotonic()
        self._publish_target()
        self._publish_state()

    def diagnose(self) -> tuple[bytes, str, dict[str, Any]]:
        """States and images published, overruns of real time."""
        images = self.camera.images if self.camera is not None else 0
        figures = {"states": self.states, "images": images, "overruns": self.overruns}
        if self.overruns:
            return WARN, "slower than real time: lower physics_hz or the camera's rate", figures
        return OK, f"{self.values['mode']}", figures

    def _arm(self, message: JointTrajectory) -> None:
        points = self._from_now(message, self.names.read_trajectory(message))
        self.hardware.write_joint_trajectory(points)
        self.last_command_s = time.monotonic()
        self.ends_at_rest = not points[-1].velocity_rad_s.any()
        if self.lockstep:
            self.hardware.step(points[-1].time_from_start_s)
            self._publish_state()
            self._show()

    def _from_now(self, message: JointTrajectory, points: list[JointPoint]) -> list[JointPoint]:
        """Counts the points' times from now, as ros2_control does: a stamp is when time 0 is.

        Raises:
            MessageError: the trajectory is wholly in the past.
        """
        begins_s = to_seconds(message.header.stamp)
        if not begins_s:
            return points
        ago_s = self.hardware.time_s + self.stamp_offset_s - begins_s
        ahead = [
            replace(point, time_from_start_s=point.time_from_start_s - ago_s)
            for point in points
            if point.time_from_start_s - ago_s > 1e-4
        ]
        if not ahead:
            raise MessageError(
                f"trajectory ended {ago_s - points[-1].time_from_start_s:.3f} s ago; do the clocks "
                "agree?"
            )
        return ahead

    def _gripper(self, message: JointTrajectory) -> None:
        width_m, force_n = self.names.read_grip(message)
        if force_n is None:  # as much as it can
            force_n = self.contract.robot.gripper.force_max_n
        self.hardware.write_gripper(width_m, force_n)

    def _joint_command(self, message: JointState) -> None:
        """A position command of a ros2_control hardware interface: be there in one period."""
        wanted = dict(zip(message.name, message.position, strict=False))
        missing = [name for name in self.names.arm if name not in wanted]
        if missing:
            raise MessageError(f"robot_joint_command lacks {', '.join(missing)}")
        position = np.array([wanted[name] for name in self.names.arm])
        if not np.isfinite(position).all():
            raise MessageError("robot_joint_command has a position that is not finite")
        period_s = self.contract.command_period_s
        self.hardware.write_joint_trajectory([JointPoint(period_s, position, np.zeros(7))])

    def _reset(
        self, request: ResetEpisode.Request, response: ResetEpisode.Response
    ) -> ResetEpisode.Response:
        if not self.active:
            response.message = "the simulator is not active"
            return response
        self.hardware.redraw_scene(int(request.seed))
        self._publish_target()
        response.stamp = to_time(self._publish_state())
        response.success = True
        return response

    def _free_arm(self, _request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        """What a person does with a stopped arm that presses against something: takes it home."""
        if not self.active:
            response.message = "the simulator is not active"
            return response
        self.hardware.reset(self.values["seed"])
        self._publish_target()
        self._publish_state()
        response.success = True
        return response

    def _step_service(self, request: Step.Request, response: Step.Response) -> Step.Response:
        if not self.lockstep:
            response.message = "time passes by itself in real time; step is for lockstep"
        elif not (self.active and 0.0 < request.duration_s <= 10.0):
            response.message = f"duration_s {request.duration_s} is not in 0 to 10"
        else:
            self.hardware.step(request.duration_s)
            response.stamp = to_time(self._publish_state())
            response.success = True
        return response

    def _idle(self) -> None:
        now_s = time.monotonic()
        idle_s = now_s - self.last_command_s
        longest_s = self.idle_settle_s
        if self.ends_at_rest:
            longest_s = min(longest_s, REST_SETTLE_S)
        if idle_s > longest_s and not self._at_rest():
            self.hardware.step(IDLE_STEP_S)
            self._publish_state()
        elif now_s - self.last_state_s > IDLE_REPEAT_S:
            self._publish_state()

    def _at_rest(self) -> bool:
        return bool(np.abs(self.hardware.read_state().velocity_rad_s).max() < AT_REST_RAD_S)

    def _real_time(self) -> None:
        behind_s = time.monotonic() - self.pace_s - self.hardware.time_s
        if behind_s > BEHIND_MAX_S:
            # The machine is too slow: the world loses time, and the stamps stay true.
            lost_s = behind_s - self.contract.command_period_s
            self.overruns += 1
            self.pace_s += lost_s
            self.stamp_offset_s += lost_s
            behind_s -= lost_s
        # Whole physics steps, to the nearest: stamps are true on average.
        physics_hz = self.contract.robot.simulation.physics_hz
        if (steps := round(behind_s * physics_hz)) > 0:
            self.hardware.step(steps / physics_hz)
        self._publish_state()
        self._show()

    def _show(self) -> None:
        """An image, where its turn has come."""
        if self.camera is not None:
            self.camera.publish_in_turn(self._measured().stamp_s)

    def _measured(self) -> RobotState:
        """The newest measurement with its stamp on the clock of this mode."""
        state: RobotState = self.hardware.read_state()
        if self.stamp_offset_s:
            state = replace(state, stamp_s=state.stamp_s + self.stamp_offset_s)
        return state

    def _publish_state(self) -> float:
        state = self._measured()
        base = self.contract.robot.arm.base_frame
        message = self.names.write_state(state, base)
        # Wrench and object first: whoever joins them finds all of the same moment.
        wrench = WrenchStamped()
        wrench.header = message.header
        force, torque = wrench.wrench.force, wrench.wrench.torque
        force.x, force.y, force.z, torque.x, torque.y, torque.z = state.wrench.tolist()
        self.wrench_out.publish(wrench)
        if self.object_out is not None:
            place = self.hardware.read_scene()["object_position_m"]
            self.object_out.publish(write_position(place, message.header))
        self.state_out.publish(message)
        if self.pair_out is not None:
            self.pair_out.publish(message)
        self.clock_out.publish(Clock(clock=message.header.stamp))
        self.last_state_s = time.monotonic()
        self.states += 1
        return state.stamp_s

    def _publish_target(self) -> None:
        target = self.hardware.read_scene().get("target_position_m")
        if target is None:
            return
        header = Header(stamp=to_time(self._measured().stamp_s))
        header.frame_id = self.contract.robot.arm.base_frame
        self.target_out.publish(write_position(target, header))


def main() -> None:
    """Entry point."""
    exit_process(run(Sim))
