"""Between pictures as messages, plain or compressed, and as arrays; and a camera's calibration."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

import cv2
import numpy as np
from builtin_interfaces.msg import Time
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from robot_learning.hardware import CameraFrame
from robot_learning_nodes.convert import MessageError, to_time


def write_camera_info(
    frame: CameraFrame, frame_id: str, distortion: Sequence[float] = (0.0,) * 5
) -> CameraInfo:
    """Calibration of a camera; by default an undistorted one.

    Where the camera matrix is zero it is not calibrated, as sensor_msgs/CameraInfo has it.
    """
    height, width = frame.rgb.shape[:2]
    message = CameraInfo(height=height, width=width, distortion_model="plumb_bob")
    message.header.stamp = to_time(frame.stamp_s)
    message.header.frame_id = frame_id
    message.d = [float(value) for value in distortion]
    message.k = frame.intrinsics.reshape(-1).tolist()
    message.r = np.eye(3).reshape(-1).tolist()
    message.p = np.hstack([frame.intrinsics, np.zeros((3, 1))]).reshape(-1).tolist()
    return message


def write_image(rgb: np.ndarray, stamp: Time, frame_id: str) -> Image:
    """An rgb8 image, shape (height, width, 3)."""
    height, width = rgb.shape[:2]
    message = Image(height=height, width=width, encoding="rgb8", step=3 * width)
    message.header.stamp, message.header.frame_id = stamp, frame_id
    message.data = array("B", rgb.tobytes())
    return message


def read_image(message: Image) -> np.ndarray:
    """An rgb8 image as an array of shape (height, width, 3), uint8, that shares its memory.

    Raises:
        MessageError: it has another encoding, or not as much data as it says.
    """
    if message.encoding != "rgb8":
        raise MessageError(
            f"image is encoded as {message.encoding or 'nothing'!r}, expected 'rgb8': publish it so"
        )
    height, width = message.height, message.width
    data = np.frombuffer(message.data, np.uint8)
    if message.step != 3 * width or data.size != message.step * height or not data.size:
        raise MessageError(
            f"image of {width} x {height} px in rows of {message.step} bytes holds {data.size} "
            f"bytes; expected rows of {3 * width}, {3 * width * height} bytes in all"
        )
    return data.reshape(height, width, 3)


def write_compressed(
    rgb: np.ndarray, stamp: Time, frame_id: str, jpeg_quality: int | None
) -> CompressedImage:
    """A JPEG, or without a quality a PNG, which loses nothing; as image_transport names them."""
    kind, options = "png", [cv2.IMWRITE_PNG_COMPRESSION, 1]
    if jpeg_quality is not None:
        kind, options = "jpeg", [cv2.IMWRITE_JPEG_QUALITY, jpeg_quality]
    done, data = cv2.imencode(f".{kind}", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), options)
    if not done:
        raise MessageError(f"image of shape {rgb.shape} cannot be encoded as {kind}")
    message = CompressedImage(format=f"rgb8; {kind} compressed bgr8")
    message.header.stamp, message.header.frame_id = stamp, frame_id
    message.data = array("B", data.tobytes())
    return message


def read_compressed(message: CompressedImage) -> np.ndarray:
    """Decodes to RGB, shape (height, width, 3), uint8.

    Raises:
        MessageError: the data is not a colour image of 8 bits a channel.
    """
    data = np.frombuffer(message.data, np.uint8)
    bgr = cv2.imdecode(data, cv2.IMREAD_UNCHANGED) if data.size else None
    if bgr is None:
        raise MessageError(
            f"camera image ({data.size} bytes, format {message.format!r}) does not decode"
        )
    if bgr.ndim != 3 or bgr.shape[2] != 3 or bgr.dtype != np.uint8:
        channels = 1 if bgr.ndim == 2 else bgr.shape[2]
        raise MessageError(
            f"camera image has {channels} channels of {8 * bgr.itemsize} bits (format "
            f"{message.format!r}), expected 3 of 8: set the camera to colour"
        )
    return cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)
