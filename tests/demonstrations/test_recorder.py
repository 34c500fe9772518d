"""The recorder cuts streams into episodes and loses nothing that came."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from episode_samples import (
    IMAGE_TOPIC,
    MS,
    T0,
    began,
    discarded,
    ended,
    episode_messages,
    feed,
    message,
    record,
    recorder,
    state,
    step,
)

from robot_learning.demonstrations import recorder as recorder_module
from robot_learning.demonstrations.episode_file import read_episode
from robot_learning.demonstrations.recorder_thread import RecorderThread
from robot_learning.demonstrations.store import Store


def test_an_episode_holds_every_stream_as_it_came(tmp_path: Path) -> None:
    sent = list(episode_messages())
    store = Store(tmp_path)
    one = recorder(tmp_path)
    feed(one, iter(sent))
    (path,) = store.whole()
    episode = read_episode(path)
    held = list(episode.bag.messages())
    begin = next(r for r, news in sent if r.topic == "/episode_event")
    after = [r for r, _ in sent if r.log_ns >= begin.log_ns]
    assert [r for r in after if r not in held] == []
    assert episode.facts["/joint_states"].lost == 0
    assert round(episode.facts["/joint_states"].rate_hz) == 100
    assert len(episode.steps) == 12 and episode.interventions == 2
    assert episode.stamps_ns[0] == T0  # to the nanosecond
    assert episode.info.operator == "ada" and episode.info.contract is not None
    assert episode.end is not None and episode.end.outcome == "success"


def test_it_holds_the_observation_before_the_news_of_the_beginning(tmp_path: Path) -> None:
    store = record(tmp_path)
    episode = read_episode(store.whole()[0])
    states = [r for r in episode.bag.messages() if r.topic == "/joint_states"]
    assert episode.facts["/joint_states"].first_ns <= T0
    assert states[0].log_ns < T0
    # Said once, long before: still in the file, for whoever reads only this one.
    assert episode.facts["/target_pose"].messages == 1


def test_failures_and_aborted_episodes_are_kept(tmp_path: Path) -> None:
    one = recorder(tmp_path)
    for number, outcome in enumerate(["failure", "aborted", "success"]):
        feed(one, episode_messages(T0 + number * 5_000 * MS, number, outcome=outcome))
    lines = Store(tmp_path).catalogue.all()
    assert [line.outcome for line in lines] == ["failure", "aborted", "success"]


def test_a_step_sent_again_is_there_once(tmp_path: Path) -> None:
    one = recorder(tmp_path)
    one.take(*began(T0, 0))
    for _ in range(3):
        one.take(*step(T0, 0, 0))
    one.take(*ended(T0 + 60 * MS, 0, 1))
    one.close()
    episode = read_episode(Store(tmp_path).whole()[0])
    assert len(episode.steps) == 1 and episode.repeated == 0


def test_steps_that_come_after_the_end_are_waited_for(tmp_path: Path) -> None:
    one, store = recorder(tmp_path), Store(tmp_path)
    one.take(*began(T0, 0))
    one.take(*ended(T0 + 60 * MS, 0, 2))
    one.take(*step(T0, 0, 0))
    one.tick(T0 + 600 * MS)
    assert not store.whole()
    one.take(*step(T0 + 50 * MS, 0, 1))
    one.tick(T0 + 600 * MS)
    assert len(read_episode(store.whole()[0]).steps) == 2


def test_steps_that_never_come_are_said_and_found(tmp_path: Path) -> None:
    said: list[str] = []
    one = recorder(tmp_path, said.append)
    one.take(*began(T0, 0))
    one.take(*step(T0, 0, 0))
    one.take(*ended(T0 + 60 * MS, 0, 3))
    one.tick(T0 + 2_000 * MS)
    assert any("2 of 3 steps never came" in line for line in said)


def test_an_episode_that_follows_at_once_takes_no_step_of_the_one_before(tmp_path: Path) -> None:
    one, store = recorder(tmp_path), Store(tmp_path)
    one.take(*began(T0, 0))
    one.take(*step(T0, 0, 0))
    one.take(*ended(T0 + 60 * MS, 0, 2))
    one.take(*began(T0 + 61 * MS, 1))
    one.take(*step(T0 + 50 * MS, 0, 1))
    one.take(state(T0 + 70 * MS))
    one.take(*step(T0 + 61 * MS, 1, 0))
    one.take(*ended(T0 + 120 * MS, 1, 1))
    one.tick(T0 + 3_000 * MS)
    by_number = {read_episode(p).info.episode: read_episode(p) for p in store.whole()}
    assert [len(by_number[n].steps) for n in (0, 1)] == [2, 1]
    assert by_number[1].facts["/joint_states"].messages == 1


def test_an_actor_that_died_leaves_an_aborted_episode(tmp_path: Path) -> None:
    one, store = recorder(tmp_path), Store(tmp_path)
    one.take(*began(T0, 0))
    one.take(*step(T0, 0, 0))
    feed(one, episode_messages(T0 + 5_000 * MS, 1))
    first, second = store.catalogue.all()
    assert (first.outcome, first.steps) == ("aborted", 1) and "another episode" in first.notes
    assert second.outcome == "success"


def test_an_actor_that_takes_no_more_steps_has_gone_and_one_that_never_did_has_not(
    tmp_path: Path,
) -> None:
    one = recorder(tmp_path)
    one.take(*began(T0, 0))
    one.tick(T0 + 10 * recorder_module.SILENT_NS)
    assert one.recording is not None
    one.take(*step(T0, 0, 0))
    one.tick(T0 + 2 * recorder_module.SILENT_NS)
    assert one.recording is None
    (line,) = Store(tmp_path).catalogue.all()
    assert line.outcome == "aborted" and "fell silent" in line.notes


def test_a_recorder_that_is_stopped_completes_what_runs(tmp_path: Path) -> None:
    one = recorder(tmp_path)
    one.take(*began(T0, 0))
    one.take(*step(T0, 0, 0))
    one.close()
    (line,) = Store(tmp_path).catalogue.all()
    assert line.outcome == "aborted" and "recorder was stopped" in line.notes


def test_discarding_marks_the_running_episode_or_the_one_before_and_deletes_nothing(
    tmp_path: Path,
) -> None:
    one, store = recorder(tmp_path), Store(tmp_path)
    one.take(*began(T0, 0))
    one.take(*discarded(T0 + 10 * MS))
    one.take(*ended(T0 + 60 * MS, 0, 0))
    one.tick(T0 + 2_000 * MS)
    feed(one, episode_messages(T0 + 5_000 * MS, 1))
    one.take(*discarded(T0 + 9_000 * MS))
    assert [line.outcome for line in store.catalogue.all()] == ["discarded", "discarded"]
    assert len(store.whole()) == 2


def test_messages_that_a_publisher_counted_and_nobody_got_are_counted(tmp_path: Path) -> None:
    one = recorder(tmp_path)
    one.take(*began(T0, 0))
    for sequence in (7, 8, 12, 13, 1, 2):  # three lost, then another publisher
        one.take(state(T0 + sequence * MS, sequence))
    one.close()
    (line,) = Store(tmp_path).catalogue.all()
    assert line.lost == 3


def test_a_full_disk_costs_one_episode_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    one, store = recorder(tmp_path, said.append), Store(tmp_path)
    feed(one, episode_messages(T0, 0))

    def full(_file: int, _data: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    messages = list(episode_messages(T0 + 5_000 * MS, 1))
    for received, news in messages[: len(messages) // 2]:
        one.take(received, news)
        one.tick(received.log_ns)
    with monkeypatch.context() as patched:
        patched.setattr(os, "write", full)
        feed(one, iter(messages[len(messages) // 2 :]))
        assert one.trouble is not None and "No space left" in one.trouble
        assert "episodes repair" in said[-1]
    assert len(store.unfinished()) == 1
    feed(one, episode_messages(T0 + 10_000 * MS, 2))
    assert one.trouble is None and len(store.whole()) == 2
    again = recorder(tmp_path, said.append)
    again.close()
    assert len(store.whole()) == 3 and not store.unfinished()
    states = [line.state for line in store.catalogue.all()]
    assert sorted(states) == ["complete", "complete", "repaired"]


def test_a_whole_file_whose_line_a_kill_prevented_gets_it_at_the_next_start(
    tmp_path: Path,
) -> None:
    store = record(tmp_path, 2)
    lines = store.catalogue.all()
    store.catalogue.replace_all(lines[:1])
    recorder(tmp_path).close()
    assert store.catalogue.all() == lines


def test_nothing_is_begun_where_hardly_any_space_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder_module, "FREE_MIN_BYTES", 1 << 62)
    said: list[str] = []
    one = recorder(tmp_path, said.append)
    feed(one, episode_messages())
    assert not Store(tmp_path).whole() and not Store(tmp_path).unfinished()
    assert one.trouble is not None and "free some space" in one.trouble


def test_an_episode_without_a_camera_is_recorded(tmp_path: Path) -> None:
    store = record(tmp_path, camera=False)
    episode = read_episode(store.whole()[0])
    assert episode.cameras() == {} and len(episode.steps) == 12
    assert episode.facts[IMAGE_TOPIC].messages == 0


def test_a_message_without_a_header_counts_by_its_reception(tmp_path: Path) -> None:
    one = recorder(tmp_path)
    one.take(*began(T0, 0))
    for number in range(5):
        one.take(message("/teleop/deadman", T0 + number * 20 * MS, {"data": True}))
    one.close()
    episode = read_episode(Store(tmp_path).whole()[0])
    assert round(episode.facts["/teleop/deadman"].rate_hz) == 50


def test_in_its_thread_it_takes_all_and_says_what_it_could_not_keep(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    with RecorderThread(recorder(tmp_path, said.append)) as thread:
        thread.submit(list(episode_messages()))
    (line,) = Store(tmp_path).catalogue.all()
    assert line.steps == 12 and line.lost == 0
    monkeypatch.setattr("robot_learning.demonstrations.recorder_thread.WAITING_MAX_BYTES", 1)
    other = tmp_path / "other"
    with RecorderThread(recorder(other, said.append)) as thread:
        thread.submit([began(T0, 0)])
    assert not Store(other).whole()
