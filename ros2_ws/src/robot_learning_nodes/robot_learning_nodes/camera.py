"""From the camera's topic to the observation image, with the source's stamp."""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from robot_learning.perception.freshness import StampCheck
from robot_learning.perception.image_pipeline import FreezeDetector, ImageError
from robot_learning.perception.task_camera import task_camera, task_pipeline
from robot_learning_nodes import camera_messages, convert
from robot_learning_nodes.convert import MessageError
from robot_learning_nodes.graph_node import ERROR, OK, WARN, GraphNode, Parameter
from robot_learning_nodes.node_process import exit_process, run
from robot_learning_nodes.qos import IMAGE, STREAM


class Camera(GraphNode):
    """Decodes, rectifies, crops and resizes; reports a silent, frozen or late camera."""

    name = "camera"
    parameters = (
        Parameter(
            "size_px",
            64,
            "side of the observation image, where the task does not say",
            minimum=16,
            maximum=1024,
        ),
        Parameter(
            "region",
            False,
            "the camera's own driver gives the task's part of the image, at its size",
        ),
        Parameter(
            "freeze_limit",
            30,
            "identical images in a row that count as frozen; 0 where pictures may stand still "
            "(a simulator has no sensor noise)",
            minimum=0,
            maximum=10000,
        ),
    )

    def configure(self) -> None:
        """Subscribes to the task's camera, or the first of the robot's contract."""
        self.camera = task_camera(self.contract)
        self.pipeline = task_pipeline(
            self.contract, self.values["size_px"], is_region=self.values["region"]
        )
        self.freeze = FreezeDetector(self.values["freeze_limit"] or 10**9)
        self.stamps = StampCheck(self.camera.age_max_s)
        self.trouble: str | None = None  # with the newest image
        self.calibrated = False
        self.images = 0
        self.last_s = -math.inf
        topic = f"{self.camera.name}/color"
        self.out = self.advertise(Image, f"{self.camera.name}/observation", IMAGE)
        self.listen(CameraInfo, f"{topic}/camera_info", self._info, STREAM, always=True)
        self.listen(CompressedImage, f"{topic}/image_raw/compressed", self._image, IMAGE)

    def diagnose(self) -> tuple[bytes, str, dict[str, Any]]:
        """Silent, or an image that cannot be used: error; no calibration yet: warning."""
        age_s = time.monotonic() - self.last_s
        figures = {"images": self.images, "age_s": f"{age_s:.2f}"}
        if self.trouble is not None:
            return ERROR, self.trouble, figures
        if age_s > max(1.0, 3.0 / self.camera.rate_hz) and not self.lockstep:
            return ERROR, f"no image for {age_s:.1f} s: is the camera plugged in?", figures
        if self.stamps.late is not None:
            return ERROR, self.stamps.late, figures
        if self.images and not self.calibrated:
            return WARN, "no camera_info yet: images are not rectified", figures
        return OK, "images arrive", figures

    def _info(self, message: CameraInfo) -> None:
        if self.calibrated:
            return
        try:
            self.pipeline.calibrate(
                np.array(message.k).reshape(3, 3), np.array(message.d, dtype=np.float64)
            )
        except ImageError as error:
            raise MessageError(str(error)) from None
        self.calibrated = True

    def _image(self, message: CompressedImage) -> None:
        try:
            small = self._prepared(message)
        except (ImageError, MessageError) as error:
            self.trouble = str(error)
            raise MessageError(self.trouble) from None
        self.trouble = None
        self.out.publish(
            camera_messages.write_image(small, message.header.stamp, message.header.frame_id)
        )
        self.images += 1
        self.last_s = time.monotonic()

    def _prepared(self, message: CompressedImage) -> np.ndarray:
        if not self.lockstep:
            stamp_s = convert.to_seconds(message.header.stamp)
            self.stamps.require_newer(stamp_s, self.wall_now_s())
        if self.freeze.update(memoryview(message.data).cast("B")):
            raise ImageError(
                f"{self.freeze.repeats} identical images in a row: frozen camera? Start its driver "
                "again"
            )
        return self.pipeline.process(camera_messages.read_compressed(message))


def main() -> None:
    """Entry point."""
    exit_process(run(Camera))
