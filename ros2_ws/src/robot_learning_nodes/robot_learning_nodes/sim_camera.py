"""The camera's topics of the simulator node: what the driver of a real camera publishes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_srvs.srv import Trigger

from robot_learning.contract import BinGraspTask
from robot_learning.perception.task_camera import task_camera
from robot_learning_nodes import camera_messages
from robot_learning_nodes.convert import to_time
from robot_learning_nodes.qos import IMAGE, STREAM


class SimCameraTopics:
    """Draws and publishes the task's camera, or the robot's first.

    Attributes:
        images: published since the node was configured.
    """

    def __init__(self, node: Any, hardware: Any) -> None:
        """Advertises the topics on the simulator's node."""
        self._node, self._hardware = node, hardware
        self._camera = task_camera(node.contract)
        name = self._camera.name
        self.images = 0
        self._next_s = -np.inf
        # Where time stands still and every picture is acted on, one is taken when it is wanted.
        acted_on = isinstance(node.contract.task, BinGraspTask) or node.values["on_request"]
        self._on_request = node.lockstep and acted_on
        topic = f"{name}/color"
        self._image_out = node.advertise(CompressedImage, f"{topic}/image_raw/compressed", IMAGE)
        self._info_out = node.advertise(CameraInfo, f"{topic}/camera_info", STREAM)
        self._raw_out = None
        if node.values["raw_image"]:
            self._raw_out = node.advertise(Image, f"{topic}/image_raw", IMAGE)
        node.serve(Trigger, f"{name}/trigger", self._trigger)

    def publish_in_turn(self, now_s: float) -> None:
        """Publishes an image where the camera's rate says so.

        Args:
            now_s: the present, on the clock of the stamps.
        """
        if not self._on_request and now_s >= self._next_s:
            self._next_s = max(self._next_s, now_s) + 1.0 / self._camera.rate_hz
            self._publish()

    def _trigger(self, _request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        if not self._node.active:
            response.message = "the simulator is not active"
            return response
        self._publish()
        response.success = True
        return response

    def _publish(self) -> None:
        values = self._node.values
        region = values["region"]
        read = self._hardware.read_camera
        frame = self._hardware.read_picture() if region else read(self._camera.name)
        frame = replace(frame, stamp_s=frame.stamp_s + self._node.stamp_offset_s)
        frame_id = f"{self._camera.name}_color_optical_frame"
        stamp = to_time(frame.stamp_s)
        quality = None if region else values["jpeg_quality"]
        self._info_out.publish(camera_messages.write_camera_info(frame, frame_id))
        self._image_out.publish(
            camera_messages.write_compressed(frame.rgb, stamp, frame_id, quality)
        )
        if self._raw_out is not None:
            self._raw_out.publish(camera_messages.write_image(frame.rgb, stamp, frame_id))
        self.images += 1
