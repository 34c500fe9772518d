"""Pictures as messages have them."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

_CHANNELS = {"rgb8": 3, "bgr8": 3, "mono8": 1}


def decode_image(message: Any, *, compressed: bool) -> NDArray[np.uint8]:
    """A CompressedImage or an Image as RGB, shape (height, width, 3), uint8.

    Raises:
        ValueError: it does not decode, or is of an encoding that is not read here.
    """
    if compressed:
        data = np.frombuffer(bytes(message.data), np.uint8)
        found = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
        if found is None:
            raise ValueError(f"picture of {data.size} bytes ({message.format!r}) does not decode")
        return cv2.cvtColor(found, cv2.COLOR_BGR2RGB).astype(np.uint8, copy=False)
    channels = _CHANNELS.get(message.encoding)
    if channels is None:
        raise ValueError(
            f"picture is encoded as {message.encoding!r}; read are {', '.join(_CHANNELS)}"
        )
    height, width = int(message.height), int(message.width)
    rows = np.frombuffer(bytes(message.data), np.uint8)
    if rows.size < height * message.step or message.step < width * channels:
        raise ValueError(f"picture of {width} x {height} px holds {rows.size} bytes")
    rows = rows[: height * message.step].reshape(height, message.step)
    pixels = rows[:, : width * channels].reshape(height, width, channels)
    if message.encoding == "bgr8":
        pixels = pixels[..., ::-1]
    return np.ascontiguousarray(np.broadcast_to(pixels, (height, width, 3)))
