"""Asking for a new scene: the reset service's one caller."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rclpy.client import Client
from robot_learning_interfaces.srv import ResetEpisode

from robot_learning_nodes.convert import to_seconds

NOT_THERE = "the reset service is not there (sim, or a person's node)"
Answered = Callable[[float | None, str], None]
"""Takes the new scene's stamp, or None and the reason why there is none."""


def call_reset(client: Client, seed: int, answered: Answered) -> None:
    """Calls the service; `answered` is called once, at once where nobody serves it."""
    if not client.service_is_ready():
        answered(None, NOT_THERE)
        return

    def done(answer: Any) -> None:
        result = answer.result()
        if result is not None and result.success:
            answered(to_seconds(result.stamp), "")
        else:
            answered(None, result.message if result else "no answer")

    client.call_async(ResetEpisode.Request(seed=seed)).add_done_callback(done)
