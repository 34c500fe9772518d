"""The recorder's node on real streams: everything is in the file, and a kill costs a moment."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Graph

from robot_learning.demonstrations.check_episode import check_episode
from robot_learning.demonstrations.episode_file import read_episode
from robot_learning.demonstrations.store import Store
from robot_learning.demonstrations.stream_facts import source_stamp_ns

STREAMS = {"states": "/joint_states", "pictures": "/camera/color/image_raw/compressed"}

pytestmark = [pytest.mark.graph, pytest.mark.timeout(240)]


def wait(reached: Callable[[], object], timeout_s: float = 60.0) -> None:
    end = time.monotonic() + timeout_s
    while not reached():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_streams_are_recorded_a_kill_is_survived_and_an_episode_is_played(
    graph: Graph, tmp_path: Path
) -> None:
    store, sent_file = Store(tmp_path / "store"), tmp_path / "sent.json"
    first = graph.node("recorder", out=str(store.folder), operator="ada", pictures=False)
    graph.node("lifecycle_manager", nodes="recorder")
    graph.wait_for_log("recorder", "recording to", timeout_s=60)
    source = graph.start(
        "bench_streams", "--seconds", "60", "--episode-s", "1.5", "--list", str(sent_file)
    )
    wait(lambda: len(store.whole()) == 1 and store.unfinished())
    time.sleep(0.5)
    first.send_signal(signal.SIGKILL)
    killed_ns = time.time_ns()
    first.wait()
    graph.node("recorder", out=str(store.folder), operator="ada", pictures=False)
    wait(lambda: len(store.whole()) >= 3)
    source.send_signal(signal.SIGTERM)
    source.wait(30)
    wait(lambda: not store.unfinished())

    sent = json.loads(sent_file.read_text())
    episodes = [read_episode(path) for path in store.whole()]
    assert [f for e in episodes for f in check_episode(e) if f.level == "error"] == []
    cut = [e for e in episodes if e.end is not None and e.end.state == "repaired"]
    assert len(cut) == 1 and cut[0].end is not None
    assert killed_ns - cut[0].end.ended_ns < 1_000_000_000
    whole = episodes[0]
    assert whole.info.operator == "ada" and whole.end is not None
    assert whole.end.outcome == "failure"  # it is kept
    limits = sent["episodes"][0]
    assert len(whole.steps) == limits["steps"]
    for name, topic in STREAMS.items():
        wanted = [ns for ns in sent["sent"][name] if limits["began_ns"] <= ns <= limits["ended_ns"]]
        held = [source_stamp_ns(r.data) for r in whole.bag.messages() if r.topic == topic]
        assert set(wanted) <= set(held) and len(held) == len(set(held))

    client = graph.client()
    client.listen(topic="replay/joint_states", type="sensor_msgs/JointState")
    player = graph.node("episode_player", file=str(whole.path), rate=4.0)
    assert player.wait(40) == 0
    played = client.take(topic="replay/joint_states")
    stamps = [m["header"]["stamp"]["sec"] * 10**9 + m["header"]["stamp"]["nanosec"] for m in played]
    recorded = [source_stamp_ns(r.data) for r in whole.bag.messages() if r.topic == "/joint_states"]
    assert stamps and set(stamps) <= set(recorded)
    assert len(stamps) >= 0.9 * len(recorded)
