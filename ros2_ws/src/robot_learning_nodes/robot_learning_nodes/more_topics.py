"""Topics that a person names on the command line."""

from __future__ import annotations

import importlib

from rclpy.qos import QoSProfile, ReliabilityPolicy

from robot_learning_nodes.graph_node import StartError
from robot_learning_nodes.qos import STREAM
from robot_learning_nodes.taps import Tap

_BEST_EFFORT = QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT)


def more_taps(text: str) -> list[Tap]:
    """Taps of `NAME:package/msg/Type[:best_effort]`, with commas between them.

    Raises:
        StartError: an entry is of another form, or its type is not installed.
    """
    return [_tap(entry.strip()) for entry in text.split(",") if entry.strip()]


def _tap(entry: str) -> Tap:
    topic, _, rest = entry.partition(":")
    type_name, _, how = rest.partition(":")
    parts = type_name.split("/")
    if not topic or len(parts) != 3 or parts[1] != "msg" or how not in ("", "best_effort"):
        raise StartError(
            f"topics: {entry!r} is not NAME:package/msg/Type or NAME:package/msg/Type:best_effort"
        )
    try:
        kind = getattr(importlib.import_module(f"{parts[0]}.msg"), parts[2])
    except (ImportError, AttributeError):
        raise StartError(
            f"topics: there is no message {type_name}; is {parts[0]} installed?"
        ) from None
    return Tap(kind, topic, _BEST_EFFORT if how else STREAM)
