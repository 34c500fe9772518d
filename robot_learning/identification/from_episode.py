"""Motion out of a recorded episode: trajectories and joint states as they went over the wire."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from robot_learning.demonstrations.bag_reader import BagError
from robot_learning.demonstrations.bag_writer import Received
from robot_learning.demonstrations.episode_file import STATE_TYPE, EpisodeFile, read_episode
from robot_learning.demonstrations.message_codec import CodecError
from robot_learning.demonstrations.stream_facts import source_stamp_ns
from robot_learning.hardware import JointPoint
from robot_learning.identification.recording import (
    SUFFIX,
    Array,
    Command,
    MotionError,
    MotionRecording,
    read_motion,
)

TRAJECTORY_TYPE = "trajectory_msgs/msg/JointTrajectory"
SAME_CLOCK_S = 1.0
"""States whose receipt is further than this from their stamps are on another clock."""
_AHEAD_S = 1e-4  # a point that is due within this is past


def load_motion(path: Path) -> MotionRecording:
    """Reads a motion file or a recorded episode.

    Raises:
        MotionError: it is neither, or holds no motion of an arm.
        OSError: it cannot be read.
    """
    if path.suffix == SUFFIX:
        return read_motion(path)
    try:
        return _of_episode(read_episode(path))
    except (BagError, CodecError) as error:
        raise MotionError(str(error)) from None


def _of_episode(episode: EpisodeFile) -> MotionRecording:
    try:
        contract = episode.contract()
    except ValueError:
        contract = None
    if contract is None:
        raise MotionError(f"{episode.path}: carries no contract, so its arm's joints are unknown")
    names = contract.robot.arm.joint_names
    lockstep = episode.info.clock == "lockstep"
    states: list[tuple[Received, Array]] = []
    for topic in episode.of_type(STATE_TYPE):
        for received, message in episode.messages(topic):
            found = _in_order(names, message.name, message.position)
            if found is not None:
                states.append((received, found))
        if states:
            break
    if not states:
        raise MotionError(f"{episode.path}: holds no joint states of {', '.join(names)}")
    states.sort(key=lambda pair: pair[0].publish_ns)
    states = _each_once(states)
    stamp_s = np.array([source_stamp_ns(received.data) * 1e-9 for received, _ in states])
    log_s = np.array([received.log_ns * 1e-9 for received, _ in states])
    offset_s = float((log_s - stamp_s).min())
    same_clock = not lockstep and 0.0 <= offset_s < SAME_CLOCK_S
    clock = _Clock(lockstep, 0.0 if same_clock else offset_s, states, stamp_s)
    commands: list[Command] = []
    for topic in episode.of_type(TRAJECTORY_TYPE):
        for received, message in episode.messages(topic):
            command = _command(message, names, received, clock)
            if command is not None:
                commands.append(command)
    commands.sort(key=lambda command: command.sent_s)
    zero_s = stamp_s[0]  # doubles hold seconds since 1970 to a quarter of a microsecond only
    return MotionRecording(
        robot=contract.robot.name,
        joint_names=names,
        commands=tuple(Command(c.sent_s - zero_s, c.points) for c in commands),
        stamp_s=stamp_s - zero_s,
        received_s=log_s - zero_s if same_clock else None,
        position_rad=np.stack([position for _, position in states]),
        contract=contract.model_dump(mode="json"),
        origin=str(episode.path),
    )


def _each_once(states: list[tuple[Received, Array]]) -> list[tuple[Received, Array]]:
    """Without states that were only said again, under the same stamp."""
    stamps = [source_stamp_ns(received.data) for received, _ in states]
    return [s for i, s in enumerate(states) if not i or stamps[i] != stamps[i - 1]]


class _Clock:
    """When a command was there, on the clock of the states."""

    def __init__(
        self,
        lockstep: bool,
        offset_s: float,
        states: list[tuple[Received, Array]],
        stamp_s: Array,
    ) -> None:
        self.lockstep = lockstep
        self._offset_s = offset_s
        self._published = [received.publish_ns for received, _ in states]
        self._stamp_s = stamp_s

    def of(self, received: Received) -> float | None:
        if not self.lockstep:
            return received.log_ns * 1e-9 - self._offset_s
        # Time stood still at the newest state that was there.
        at = int(np.searchsorted(self._published, received.publish_ns, side="right")) - 1
        return float(self._stamp_s[at]) if at >= 0 else None


def _command(
    message: Any, names: tuple[str, ...], received: Received, clock: _Clock
) -> Command | None:
    """A trajectory of the arm, its times from when it came; None for what is of no arm or past."""
    sent_s = clock.of(received)
    if sent_s is None or not set(names) <= set(message.joint_names):
        return None
    stamp_ns = source_stamp_ns(received.data)
    ago_s = received.log_ns * 1e-9 - stamp_ns * 1e-9 if stamp_ns and not clock.lockstep else 0.0
    points = []
    for point in message.points:
        due = point.time_from_start
        time_s = due.sec + due.nanosec * 1e-9 - ago_s
        position = _in_order(names, message.joint_names, point.positions)
        velocity = _in_order(names, message.joint_names, point.velocities)
        if position is None:
            return None
        if time_s > _AHEAD_S:
            zeros = np.zeros(len(names))
            points.append(JointPoint(time_s, position, zeros if velocity is None else velocity))
    return Command(sent_s, tuple(points)) if points else None


def _in_order(names: tuple[str, ...], given: Any, values: Any) -> Array | None:
    """Values in the order of `names`; None where one is missing."""
    by_name = dict(zip(given, values, strict=False))
    if not all(name in by_name for name in names):
        return None
    return np.array([by_name[name] for name in names], dtype=float)
