"""Fills a folder for hand-eye calibration: a picture of each posture that the arm rests in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sensor_msgs.msg import CompressedImage, JointState

from robot_learning.perception.calibration.resting import REST_S, RestingViews
from robot_learning.perception.calibration.views import ViewFolder
from robot_learning.perception.task_camera import task_camera
from robot_learning_nodes.convert import JointNames, MessageError, to_seconds
from robot_learning_nodes.graph_node import OK, WARN, GraphNode, Parameter, StartError
from robot_learning_nodes.node_process import exit_process, run
from robot_learning_nodes.qos import IMAGE, SENSOR


class CalibrationViews(GraphNode):
    """Keeps the camera's own pictures, with the joint positions of the rest they were taken in."""

    name = "calibration_views"
    parameters = (
        Parameter("out", "runs/hand_eye", "folder for pictures and joints.jsonl"),
        Parameter("camera", "", "camera of the robot; by default the one that the task looks by"),
    )

    def configure(self) -> None:
        """Subscribes to the camera and to the arm's states."""
        robot = self.contract.robot
        name = self.values["camera"] or task_camera(self.contract).name
        if name not in [camera.name for camera in robot.cameras]:
            raise StartError(f"camera: robot {robot.name} has no camera {name!r}")
        self.joints = JointNames(robot)
        self.resting = RestingViews()
        self.folder = ViewFolder(Path(self.values["out"]), robot.arm.joint_names)
        self.heard = {"states": 0, "pictures": 0}
        self.listen(JointState, "joint_states", self._state, SENSOR)
        self.listen(CompressedImage, f"{name}/color/image_raw/compressed", self._picture, IMAGE)

    def diagnose(self) -> tuple[bytes, str, dict[str, Any]]:
        """What is missing, or how many there are."""
        figures = {"views": self.folder.count, **self.heard}
        for what, count in self.heard.items():
            if not count:
                return WARN, f"no {what} yet", figures
        return OK, f"{self.folder.count} views; move the arm on, and rest for {REST_S} s", figures

    def _state(self, message: JointState) -> None:
        state = self.joints.read_state(message)
        self.heard["states"] += 1
        self.resting.on_state(state.stamp_s, state.position_rad, state.velocity_rad_s)

    def _picture(self, message: CompressedImage) -> None:
        self.heard["pictures"] += 1
        stamp_s = to_seconds(message.header.stamp)
        position_rad = self.resting.on_picture(stamp_s)
        if position_rad is None:
            return
        kind = "png" if "png" in message.format else "jpg"
        try:
            path = self.folder.add(bytes(message.data), kind, position_rad, stamp_s)
        except OSError as error:
            raise MessageError(f"the picture cannot be kept: {error}") from None
        self.say(f"{path}: kept; move the arm on")


def main() -> None:
    """Entry point."""
    exit_process(run(CalibrationViews))
