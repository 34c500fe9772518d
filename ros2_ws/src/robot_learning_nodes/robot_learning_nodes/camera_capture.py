"""A camera by OpenCV, on the topics of a camera's driver: for cameras that have no ROS 2 driver."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from sensor_msgs.msg import CameraInfo, CompressedImage

from robot_learning.contract.robot import CameraContract
from robot_learning.hardware import CameraFrame
from robot_learning.perception.capture import CapturedFrame, CaptureThread, VideoSource
from robot_learning.perception.geometry import camera_matrix
from robot_learning.perception.task_camera import task_camera
from robot_learning_nodes import camera_messages
from robot_learning_nodes.convert import to_time
from robot_learning_nodes.graph_node import ERROR, OK, WARN, GraphNode, Parameter, StartError
from robot_learning_nodes.node_process import exit_process, run
from robot_learning_nodes.qos import IMAGE, STREAM

_SILENT_PERIODS, _SILENT_MIN_S = 3.0, 1.0


class CameraCapture(GraphNode):
    """Publishes frames as they are taken, each once; says when the device is lost."""

    name = "camera_capture"
    parameters = (
        Parameter(
            "source",
            "0",
            "number or path of the device (/dev/v4l/by-id/...), address of a stream, video file, "
            "or numbered pictures",
        ),
        Parameter("camera", "", "camera of the robot; by default the one that the task looks by"),
        Parameter("jpeg_quality", 90, "of the images", minimum=10, maximum=100),
    )

    def configure(self) -> None:
        """Advertises what a camera's driver does; the device is opened on activation."""
        self.camera = self._chosen()
        self.frame_id = f"{self.camera.name}_color_optical_frame"
        calibration = self.camera.calibration
        self.matrix = camera_matrix(self.camera) if calibration else np.zeros((3, 3))
        self.distortion = calibration.lens.distortion if calibration else (0.0,) * 5
        topic = f"{self.camera.name}/color"
        self.info = self.advertise(CameraInfo, f"{topic}/camera_info", STREAM)
        self.image = self.advertise(CompressedImage, f"{topic}/image_raw/compressed", IMAGE)
        self.source = VideoSource(
            self.values["source"],
            self.camera.width_px,
            self.camera.height_px,
            self.camera.rate_hz,
            self.wall_now_s,
        )
        self.thread: CaptureThread | None = None
        self.said: str | None = None
        self.every(0.5, self._say_trouble)

    def activate(self) -> None:
        """Begins to read."""
        self.thread = CaptureThread(self.source, self._publish)

    def stop(self) -> None:
        """Ends the thread, before DDS goes."""
        if getattr(self, "thread", None) is not None:
            self.thread.stop()
            self.thread = None

    def diagnose(self) -> tuple[bytes, str, dict[str, Any]]:
        """Lost, hanging, or of another size: error; not calibrated: warning."""
        silent_s = self.thread.silent_s() if self.thread else 0.0
        figures = {
            "frames": self.source.frames,
            "losses": self.source.losses,
            "age_s": f"{silent_s:.2f}",
        }
        if self.source.trouble is not None:
            return ERROR, self.source.trouble, figures
        if silent_s > max(_SILENT_MIN_S, _SILENT_PERIODS / self.camera.rate_hz):
            return ERROR, f"{self.values['source']} gives no frame for {silent_s:.1f} s", figures
        if self.camera.calibration is None:
            return WARN, "not calibrated: run robot-learning calibrate intrinsics", figures
        return OK, "frames arrive", figures

    def _chosen(self) -> CameraContract:
        if not (name := self.values["camera"]):
            return task_camera(self.contract)
        cameras = {camera.name: camera for camera in self.contract.robot.cameras}
        if name not in cameras:
            raise StartError(
                f"camera: robot {self.contract.robot.name} has no camera {name!r}; known: "
                f"{', '.join(cameras) or 'none'}"
            )
        return cameras[name]

    def _publish(self, frame: CapturedFrame) -> None:
        rgb = np.asarray(cv2.cvtColor(frame.bgr, cv2.COLOR_BGR2RGB), np.uint8)
        stamp, quality = to_time(frame.stamp_s), self.values["jpeg_quality"]
        taken = CameraFrame(frame.stamp_s, rgb, self.matrix)
        self.info.publish(camera_messages.write_camera_info(taken, self.frame_id, self.distortion))
        self.image.publish(camera_messages.write_compressed(rgb, stamp, self.frame_id, quality))

    def _say_trouble(self) -> None:
        trouble = self.source.trouble
        if trouble != self.said:
            self.say(trouble or f"{self.values['source']}: frames arrive", alarm=bool(trouble))
            self.said = trouble


def main() -> None:
    """Entry point."""
    exit_process(run(CameraCapture))
