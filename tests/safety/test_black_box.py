"""The last seconds of everything, as a bag, when the arm was stopped."""

from __future__ import annotations

from pathlib import Path

import pytest
from mcap.reader import make_reader

from robot_learning.demonstrations.bag_writer import Received, Stream
from robot_learning.safety.black_box import AFTER_S, FILES_MAX, SPAN_S, BlackBox

STREAMS = [
    Stream("/joint_states", "std_msgs/msg/String", "string data"),
    Stream("/target_pose", "std_msgs/msg/String", "string data"),
]
S = 1_000_000_000
DATA = b"\x00\x01\x00\x00\x02\x00\x00\x00a\x00"


def filled(folder: Path, seconds: float = 30.0) -> BlackBox:
    """Ten messages a second, and one at the very beginning that is said once for all."""
    box = BlackBox(folder, STREAMS, {"/target_pose"})
    box.add(Received("/target_pose", 1, 1, 1, DATA))
    for index in range(int(seconds * 10)):
        at_ns = index * S // 10 + 2
        box.add(Received("/joint_states", at_ns, at_ns, index + 1, DATA))
    return box


def times(path: Path) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    with path.open("rb") as file:
        for _, channel, message in make_reader(file).iter_messages():
            found.setdefault(channel.topic, []).append(message.log_time)
    return found


def test_it_writes_ten_seconds_before_and_one_after_with_what_was_said_once(tmp_path: Path) -> None:
    box = filled(tmp_path / "incidents")
    box.incident("external force 80 N", 30 * S)
    assert box.write_if_due(30 * S) is None
    box.add(Received("/joint_states", int(30.5 * S), 0, 999, DATA))
    path = box.write_if_due(int((30 + AFTER_S) * S))
    assert path is not None and box.write_if_due(99 * S) is None
    seen = times(path)
    assert seen["/target_pose"] == [1]
    assert min(seen["/joint_states"]) >= (30 - SPAN_S - 0.2) * S
    assert max(seen["/joint_states"]) == int(30.5 * S)
    with path.open("rb") as file:
        (metadata,) = list(make_reader(file).iter_metadata())
    assert metadata.metadata == {"reason": "external force 80 N"}


def test_faults_that_repeat_do_not_fill_a_disk_nor_overwrite_an_older_run(tmp_path: Path) -> None:
    (tmp_path / "incident-000.mcap").write_bytes(b"of before")
    box = filled(tmp_path, seconds=1.0)
    for index in range(FILES_MAX + 3):
        box.incident("again", index * 10 * S)
        box.write_if_due((index * 10 + 5) * S)
    assert (tmp_path / "incident-000.mcap").read_bytes() == b"of before"
    assert len(box.written) == FILES_MAX == len(set(box.written))


def test_what_cannot_be_written_is_said_and_nothing_half_stays(tmp_path: Path) -> None:
    (tmp_path / "incidents").write_text("a file, where a folder should be")
    box = filled(tmp_path / "incidents", seconds=1.0)
    box.incident("a fault", S)
    with pytest.raises(OSError, match="incidents"):
        box.write_if_due(9 * S)
    assert box.write_if_due(10 * S) is None
