"""Motion out of bags: the joints by their names, the commands by the clock of the states."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from motion_samples import CONTRACT

from robot_learning.contract import Contract
from robot_learning.demonstrations.bag_writer import BagWriter, Received, Stream
from robot_learning.demonstrations.episode_info import BEGIN_RECORD, EpisodeInfo
from robot_learning.demonstrations.message_codec import encode
from robot_learning.demonstrations.message_definitions import message_definition
from robot_learning.identification.from_episode import load_motion
from robot_learning.identification.recording import MotionError
from robot_learning.workspace import message_prefixes

T0 = 1_790_000_000_000_000_000  # ns
MS = 1_000_000
NAMES = CONTRACT.robot.arm.joint_names
TYPES = {
    "/joint_states": "sensor_msgs/msg/JointState",
    "/arm_controller/joint_trajectory": "trajectory_msgs/msg/JointTrajectory",
}
STATES, COMMANDS = TYPES


def sent(topic: str, stamp_ns: int, log_ns: int, fields: dict[str, Any]) -> Received:
    stamp = {"sec": stamp_ns // 10**9, "nanosec": stamp_ns % 10**9}
    definition = message_definition(TYPES[topic], message_prefixes())
    data = encode(TYPES[topic], definition, {"header": {"stamp": stamp}} | fields)
    return Received(topic, log_ns, log_ns - 50_000, 1, data)


def state(stamp_ns: int, log_ns: int, position: Sequence[float], names: Sequence[str]) -> Received:
    zeros = [0.0] * len(names)
    values = {"position": list(position), "velocity": zeros, "effort": zeros}
    return sent(STATES, stamp_ns, log_ns, {"name": list(names), **values})


def trajectory(stamp_ns: int, log_ns: int, position: Sequence[float], due_ms: int) -> Received:
    point = {
        "positions": list(position),
        "velocities": [0.0] * 7,
        "time_from_start": {"sec": 0, "nanosec": due_ms * MS},
    }
    return sent(COMMANDS, stamp_ns, log_ns, {"joint_names": list(NAMES), "points": [point]})


def bag(
    path: Path,
    messages: Sequence[Received],
    clock: str = "real_time",
    contract: Contract | None = CONTRACT,
) -> Path:
    info = EpisodeInfo(
        id="a",
        clock=clock,
        contract=None if contract is None else contract.model_dump(mode="json"),
        started_ns=T0,
    )
    with BagWriter(path) as writer:
        writer.add_metadata(BEGIN_RECORD, info.as_metadata())
        for topic, kind in TYPES.items():
            writer.add_stream(Stream(topic, kind, message_definition(kind, message_prefixes())))
        for message in messages:
            writer.add(message)
        writer.finish()
    return path


def test_joints_come_in_the_contracts_order_and_times_from_the_first_state(tmp_path: Path) -> None:
    shuffled = [*reversed(NAMES), "panda_finger_joint1"]
    values = [6.0, 5.0, 4.0, 3.0, 2.0, 1.0, 0.0, 0.04]
    states = [
        state(T0 + k * 10 * MS, T0 + k * 10 * MS + 3 * MS, values, shuffled) for k in range(30)
    ]
    command = trajectory(T0 + 100 * MS, T0 + 102 * MS, [0.1] * 7, due_ms=20)
    motion = load_motion(bag(tmp_path / "a.mcap", [*states, command]))
    motion.check()
    assert motion.position_rad[0].tolist() == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
    assert motion.latency_s == pytest.approx(0.003, abs=1e-6)
    # It came 2 ms after its stamp, so its point is due in 18 ms.
    assert motion.commands[0].sent_s == pytest.approx(0.102, abs=1e-6)
    assert motion.commands[0].points[0].time_from_start_s == pytest.approx(0.018, abs=1e-6)


def test_where_time_stands_still_a_command_is_of_the_newest_state(tmp_path: Path) -> None:
    states = [state(50 * MS * (k // 2), T0 + k * 400 * MS, [0.1 * k] * 7, NAMES) for k in range(60)]
    command = trajectory(0, T0 + 5 * 400 * MS + 90 * MS, [0.5] * 7, due_ms=50)
    motion = load_motion(bag(tmp_path / "a.mcap", [*states, command], clock="lockstep"))
    assert len(motion.stamp_s) == 30  # what was said twice counts once
    assert motion.received_s is None
    assert motion.commands[0].sent_s == pytest.approx(0.1)


def test_on_another_clock_commands_are_put_on_that_of_the_states(tmp_path: Path) -> None:
    states = [state(k * 10 * MS, T0 + k * 10 * MS + 2 * MS, [0.0] * 7, NAMES) for k in range(30)]
    command = trajectory(0, T0 + 102 * MS, [0.1] * 7, due_ms=20)
    motion = load_motion(bag(tmp_path / "a.mcap", [*states, command]))
    assert motion.received_s is None
    assert motion.commands[0].sent_s == pytest.approx(0.1, abs=1e-6)


def test_bags_without_the_arm_are_refused_in_one_line(tmp_path: Path) -> None:
    other = [state(T0, T0, [0.0] * 2, ["left", "right"])]
    with pytest.raises(MotionError, match="holds no joint states of panda_joint1"):
        load_motion(bag(tmp_path / "a.mcap", other))
    with pytest.raises(MotionError, match="carries no contract"):
        load_motion(bag(tmp_path / "b.mcap", [], contract=None))
    states = [state(T0 + k * 10 * MS, T0 + k * 10 * MS, [0.0] * 7, NAMES) for k in range(30)]
    silent = load_motion(bag(tmp_path / "c.mcap", states))
    with pytest.raises(MotionError, match="holds no commands"):
        silent.check()
    assert np.ptp(silent.position_rad) == 0.0
