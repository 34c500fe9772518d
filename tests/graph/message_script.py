"""Messages of pictures and grasp episodes, there and back; run where ROS 2 is found."""

from __future__ import annotations

import json
from array import array

import cv2
import numpy as np
from builtin_interfaces.msg import Time
from rclpy.serialization import deserialize_message, serialize_message
from robot_learning_interfaces.msg import GraspEpisode as GraspEpisodeMessage
from robot_learning_interfaces.msg import GraspOrder
from robot_learning_nodes import camera_messages
from robot_learning_nodes.convert import MessageError
from robot_learning_nodes.grasp_messages import read_order, write_episode, write_order

from robot_learning.grasping.episode import GraspEpisode
from robot_learning.grasping.log import from_bytes
from robot_learning.grasping.orders import Wanted

RNG = np.random.default_rng(0)
PICTURE = RNG.integers(0, 256, (64, 64, 3), dtype=np.uint8)


def refusal(read, message, **changes):
    for name, value in changes.items():
        setattr(message, name, value)
    try:
        read(message)
    except MessageError as error:
        return str(error)
    return ""


def image():
    return camera_messages.write_image(PICTURE, Time(sec=7), "camera")


def compressed(picture):
    message = camera_messages.write_compressed(PICTURE, Time(sec=7), "camera", None)
    message.data = array("B", cv2.imencode(".png", picture)[1].tobytes())
    return message


def episode(steps=40):
    return GraspEpisode(
        RNG.integers(0, 256, (steps + 1, 64, 64, 3), dtype=np.uint8),
        RNG.normal(size=(steps + 1, 2)).astype(np.float32),
        RNG.uniform(-1, 1, (steps, 8)).astype(np.float32),
        RNG.uniform(-1, 1, (steps, 8)).astype(np.float32),
        RNG.normal(size=steps).astype(np.float32),
        True,
        False,
        "noisy",
        123,
    )


sent = episode()
wire = serialize_message(write_episode(sent, "actor", 7.5, "base", "c" * 64))
read = deserialize_message(wire, GraspEpisodeMessage)
(got,) = from_bytes(bytes(read.shard), "c" * 64)
order = write_order([Wanted(3, True), Wanted(4, False)], [1, 2], "c" * 64, done=False)
lossless = camera_messages.write_compressed(PICTURE, Time(sec=7), "camera", None)
print(
    json.dumps(
        {
            "bytes": len(wire),
            "seed": read.seed,
            "stamp": [read.header.stamp.sec, read.header.stamp.nanosec],
            "same": all(
                np.array_equal(getattr(sent, name), getattr(got, name))
                for name in ("images", "states", "actions", "requested", "rewards")
            ),
            "ends": [got.terminated, got.success, got.source],
            "order": read_order(order),
            "uneven": refusal(read_order, GraspOrder(seeds=[1, 2], by_policy=[True])),
            "image": bool((camera_messages.read_image(image()) == PICTURE).all()),
            "png": bool((camera_messages.read_compressed(lossless) == PICTURE).all()),
            "encoding": refusal(camera_messages.read_image, image(), encoding="bgr8"),
            "step": refusal(camera_messages.read_image, image(), step=64),
            "cut off": refusal(camera_messages.read_image, image(), data=array("B", bytes(100))),
            "grey": refusal(camera_messages.read_compressed, compressed(PICTURE[..., 0])),
            "deep": refusal(camera_messages.read_compressed, compressed(PICTURE.astype(np.uint16))),
            "no image": refusal(camera_messages.read_compressed, lossless, data=array("B", b"abc")),
        }
    )
)
