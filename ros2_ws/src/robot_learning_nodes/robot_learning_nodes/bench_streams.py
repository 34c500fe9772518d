"""What `robot-learning bench record` records: streams at their rates, and a list of what was sent.

Stands where robot, camera and actor stand: joint states, pictures, steps, and the news of episodes
that follow each other. Every message is stamped when it is made. The list says each one's stamp,
so that a recording can be held against it.
"""

from __future__ import annotations

import argparse
import json
import signal
import time
from array import array
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import rclpy
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions
from robot_learning_interfaces.msg import EpisodeEvent, EpisodeStep
from sensor_msgs.msg import CompressedImage, JointState

from robot_learning.contract import load_contract
from robot_learning.envs.observation import observation_size
from robot_learning_nodes.camera_messages import write_compressed
from robot_learning_nodes.convert import floats, to_time
from robot_learning_nodes.node_process import exit_process
from robot_learning_nodes.qos import IMAGE, RECORD, STREAM

WAIT_S = 60.0  # for somebody who listens
PAUSE_S = 0.3  # between two episodes
STEP_HZ = 20.0
JPEG_QUALITY = 90


class Streams(Node):
    """The publishers, and the list of what they sent."""

    def __init__(self, camera_hz: float, state_hz: float) -> None:
        super().__init__("bench_streams")
        self.contract = load_contract("panda", "reach")
        camera = self.contract.robot.cameras[0]
        topic = f"{camera.name}/color/image_raw/compressed"
        self.states = self.create_publisher(JointState, "joint_states", STREAM)
        self.pictures = self.create_publisher(CompressedImage, topic, IMAGE)
        self.steps = self.create_publisher(EpisodeStep, "episode_step", RECORD)
        self.events = self.create_publisher(EpisodeEvent, "episode_event", RECORD)
        self.frames = _frames(camera.width_px, camera.height_px)
        self.names = [
            *self.contract.robot.arm.joint_names,
            *self.contract.robot.gripper.joint_names,
        ]
        self.sent: dict[str, list[int]] = {"states": [], "pictures": [], "steps": []}
        self.episodes: list[dict[str, int]] = []
        self.step = self.episode_began_at = 0
        self.due: list[tuple[float, Callable[[], None]]] = [
            (1.0 / state_hz, self._state),
            (1.0 / camera_hz, self._picture),
            (1.0 / STEP_HZ, self._step),
        ]

    def run(self, seconds: float, episode_s: float, ending: Callable[[], bool]) -> None:
        """Publishes, each stream at its rate, in one episode after another."""
        began_s = time.monotonic()
        next_s = [began_s] * len(self.due)
        end_s = began_s + seconds
        episode_end_s, pause_end_s, running = 0.0, began_s, False
        while (now_s := time.monotonic()) < end_s and not ending():
            if not running and now_s >= pause_end_s:
                self._begin()
                running, episode_end_s = True, now_s + episode_s
            elif running and now_s >= episode_end_s:
                self._end()
                running, pause_end_s = False, now_s + PAUSE_S
            for index, (period_s, publish) in enumerate(self.due):
                if now_s >= next_s[index]:
                    # No catching up: a machine that stalls sends less, and says so in its rates.
                    next_s[index] = max(next_s[index] + period_s, now_s)
                    if running or publish != self._step:
                        publish()
            time.sleep(max(0.0, min(next_s) - time.monotonic()))
        if running:
            self._end()

    def _stamp(self, message: Any, stream: str) -> None:
        now_ns = time.time_ns()
        stamp = message.header.stamp
        stamp.sec, stamp.nanosec = divmod(now_ns, 1_000_000_000)
        self.sent[stream].append(now_ns)

    def _state(self) -> None:
        message = JointState(name=self.names)
        values = np.sin(np.arange(len(self.names)) + time.monotonic())
        message.position = message.velocity = message.effort = array("d", values.tobytes())
        self._stamp(message, "states")
        self.states.publish(message)

    def _picture(self) -> None:
        message = self.frames[len(self.sent["pictures"]) % len(self.frames)]
        self._stamp(message, "pictures")
        self.pictures.publish(message)

    def _step(self) -> None:
        action = np.zeros(self.contract.task.action.size, np.float32)
        goal = np.zeros(3, np.float32)
        observation = np.full(observation_size(self.contract), self.step, np.float32)
        message = EpisodeStep(
            actor_id="bench",
            step_number=len(self.sent["steps"]),
            episode=len(self.episodes) - 1,
            episode_step=self.step,
            contract_sha256=self.contract.sha256,
            observation=floats(observation),
            next_observation=floats(observation + 1),
        )
        for name in ("requested_action", "gated_action", "executed_action"):
            setattr(message, name, floats(action))
        for name in ("achieved_goal", "desired_goal", "next_achieved_goal"):
            setattr(message, name, floats(goal))
        self._stamp(message, "steps")
        self.steps.publish(message)
        self.step += 1

    def _event(self, kind: int, **fields: Any) -> int:
        now_ns = time.time_ns()
        message = EpisodeEvent(
            actor_id="bench", episode=len(self.episodes) - 1, event=kind, **fields
        )
        message.header.stamp = to_time(now_ns * 1e-9)
        self.events.publish(message)
        return now_ns

    def _begin(self) -> None:
        self.episodes.append({})
        self.step = 0
        self.episodes[-1]["began_ns"] = self._event(EpisodeEvent.START)

    def _end(self) -> None:
        outcome = EpisodeEvent.OUTCOME_FAILURE
        self.episodes[-1]["ended_ns"] = self._event(
            EpisodeEvent.END, outcome=outcome, steps=self.step
        )
        self.episodes[-1]["steps"] = self.step


def _frames(width_px: int, height_px: int) -> list[CompressedImage]:
    """Pictures of the size in bytes that a camera's have: a gradient, and noise on it."""
    random = np.random.default_rng(0)
    slope = np.linspace(0, 200, width_px)[None, :, None]
    frames = []
    for _ in range(4):
        noise = random.normal(20, 6, (height_px, width_px, 1))
        rgb = np.clip(slope + noise, 0, 255).astype(np.uint8).repeat(3, axis=2)
        frames.append(write_compressed(rgb, to_time(0.0), "camera", JPEG_QUALITY))
    return frames


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--episode-s", type=float, default=1e9)
    parser.add_argument("--camera-hz", type=float, default=30.0)
    parser.add_argument("--state-hz", type=float, default=100.0)
    parser.add_argument("--list", type=Path, required=True, help="file to write")
    options, ros_arguments = parser.parse_known_args()
    asked: list[int] = []

    def ask(number: int, _frame: FrameType | None) -> None:
        asked.append(number)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, ask)
    rclpy.init(args=ros_arguments, signal_handler_options=SignalHandlerOptions.NO)
    node = Streams(options.camera_hz, options.state_hz)
    give_up_s = time.monotonic() + WAIT_S
    publishers = (node.states, node.pictures, node.steps, node.events)
    while any(p.get_subscription_count() == 0 for p in publishers) and not asked:
        if time.monotonic() > give_up_s:
            print("bench_streams: nobody listens", flush=True)
            exit_process(1)
        time.sleep(0.05)
    time.sleep(0.5)  # the other side finds out a little later
    node.run(options.seconds, options.episode_s, lambda: bool(asked))
    node.events.wait_for_all_acked(rclpy.duration.Duration(seconds=2))
    node.steps.wait_for_all_acked(rclpy.duration.Duration(seconds=2))
    options.list.write_text(json.dumps({"sent": node.sent, "episodes": node.episodes}))
    node.destroy_node()
    rclpy.try_shutdown()
    exit_process(0)
