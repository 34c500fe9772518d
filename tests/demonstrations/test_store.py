"""A store says what its files say; where it does not, it is found out and mended."""

from __future__ import annotations

import json
import sqlite3
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from episode_samples import (
    CONTRACT,
    MS,
    T0,
    began,
    ended,
    episode_messages,
    feed,
    record,
    recorder,
    step,
    streams,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from robot_learning.cli import app
from robot_learning.contract import load_contract
from robot_learning.demonstrations.check_episode import check_episode
from robot_learning.demonstrations.episode_file import read_episode
from robot_learning.demonstrations.store import Store, StoreError


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["episodes", *map(str, arguments)])


def answer(*arguments: str | Path) -> Any:
    result = run(*arguments, "--json")
    assert result.exit_code in (0, 1), result.output
    return json.loads(result.stdout.splitlines()[-1])


def levels(store: Store) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {"error": [], "warning": []}
    for path in store.whole():
        for finding in check_episode(read_episode(path)):
            found[finding.level].append(finding.text)
    return found


def test_a_good_store_verifies(tmp_path: Path) -> None:
    store = record(tmp_path, 2)
    assert levels(store) == {"error": [], "warning": []}
    result = answer("verify", "--store", tmp_path)
    assert result["good"] and len(result["files"]) == 3


def test_the_catalogue_can_be_made_anew_from_the_files(tmp_path: Path) -> None:
    store = record(tmp_path, 3, outcome="failure")
    store.label(store.whole()[1], "success", "ada", "it held")
    before = store.catalogue.all()
    store.catalogue.path.unlink()
    assert answer("rebuild", "--store", tmp_path)["episodes"] == 3
    assert store.catalogue.all() == before
    assert [line.outcome for line in before] == ["failure", "success", "failure"]
    assert before[0].streams[0].rate_hz > 0 and before[0].duration_s > 0.5


def _row_gone(store: Store) -> str:
    with sqlite3.connect(store.catalogue.path) as database:
        database.execute("DELETE FROM episodes WHERE rowid = 1")
    return "is missing"


def _row_without_file(store: Store) -> str:
    store.whole()[0].unlink()
    return "is in no readable file"


def _value_changed(store: Store) -> str:
    with sqlite3.connect(store.catalogue.path) as database:
        database.execute("UPDATE episodes SET steps = 999")
    return "steps is 999, the file says 12"


def _not_a_database(store: Store) -> str:
    store.catalogue.path.write_bytes(b"not a database, but a long enough file of text" * 40)
    return "file is not a database"


def _of_another_version(store: Store) -> str:
    with sqlite3.connect(store.catalogue.path) as database:
        database.execute("PRAGMA user_version = 99")
    return "is of version 99"


@pytest.mark.parametrize(
    "spoil", [_row_gone, _row_without_file, _value_changed, _not_a_database, _of_another_version]
)
def test_a_catalogue_that_disagrees_with_the_files_is_found_and_mended(
    tmp_path: Path, spoil: Callable[[Store], str]
) -> None:
    store = record(tmp_path, 2)
    reason = spoil(store)
    result = answer("verify", "--store", tmp_path)
    texts = [f["text"] for file in result["files"] for f in file["findings"]]
    assert not result["good"] and any(reason in text for text in texts), texts
    assert all("episodes rebuild" in text for text in texts)
    assert run("rebuild", "--store", tmp_path).exit_code == 0
    assert answer("verify", "--store", tmp_path)["good"]


def test_a_label_changes_the_outcome_and_keeps_the_one_before(tmp_path: Path) -> None:
    store = record(tmp_path, outcome="failure")
    first = answer("label", "last", "success", "--by", "ada", "--store", tmp_path)
    assert first["outcome"] == "success"
    answer("label", "last", "failure", "--note", "it slipped", "--store", tmp_path)
    shown = answer("show", "last", "--store", tmp_path)
    assert shown["outcome"] == "failure" and "it slipped" in shown["notes"]
    assert [label["outcome"] for label in shown["labels"]] == ["success", "failure"]
    assert store.catalogue.all()[0].outcome == "failure"


def test_a_label_that_a_kill_tore_is_no_label_and_swallows_none(tmp_path: Path) -> None:
    store = record(tmp_path, outcome="failure")
    path = store.whole()[0]
    store.label(path, "success", "ada")
    labels = store.labels_file(store.read(path)[1].id)
    labels.write_bytes(labels.read_bytes() + b'{"outcome": "fai')
    assert store.read(path)[1].outcome == "success"
    store.label(path, "discarded", "ada")
    assert store.read(path)[1].outcome == "discarded"


def test_a_label_for_a_missing_episode_is_refused(tmp_path: Path) -> None:
    record(tmp_path)
    result = run("label", "20991231", "success", "--store", tmp_path)
    assert result.exit_code == 2 and "there is no episode '20991231'" in result.stderr
    assert not list(tmp_path.glob("*.jsonl"))
    result = run("label", "last", "splendid", "--store", tmp_path)
    assert result.exit_code == 2 and "is not one of success, failure" in result.stderr


def test_an_episode_is_found_by_a_part_of_its_name_that_is_its_own(tmp_path: Path) -> None:
    store = record(tmp_path, 2)
    name = store.whole()[0].name.removesuffix(".mcap")
    assert store.find(name[-8:]) == store.find(name) == store.whole()[0]
    with pytest.raises(StoreError, match="give more of its name"):
        store.find("20")
    with pytest.raises(StoreError, match="there are no episodes"):
        Store(tmp_path / "empty").find("last")


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    result = run("list", "--store", tmp_path / "nowhere")
    assert result.exit_code == 2 and "record some episodes first" in result.stderr


def test_a_cut_recording_is_found_repaired_and_then_verifies(tmp_path: Path) -> None:
    one, store = recorder(tmp_path), Store(tmp_path)
    items = list(episode_messages())
    for received, news in items[: len(items) // 2]:
        one.take(received, news)
        one.tick(received.log_ns)
    assert answer("verify", "--store", tmp_path)["good"]  # it is being recorded
    assert answer("repair", "--store", tmp_path)["repaired"] == []
    running = one._running
    assert running is not None
    running.abandon()  # as a kill leaves it
    assert not answer("verify", "--store", tmp_path)["good"]
    (repaired,) = answer("repair", "--store", tmp_path)["repaired"]
    assert repaired["messages"] > 30
    assert answer("verify", "--store", tmp_path)["good"]
    (line,) = store.catalogue.all()
    assert (line.state, line.outcome) == ("repaired", "unlabelled") and "repaired" in line.notes
    last_ns = items[len(items) // 2 - 1][0].log_ns
    episode = read_episode(store.whole()[0])
    assert episode.end is not None and last_ns - episode.end.ended_ns < 1_000 * MS


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(share=st.floats(0, 1))
def test_cut_at_any_byte_an_episode_is_repaired_or_had_nothing_in_it(
    tmp_path: Path, share: float
) -> None:
    folder = Path(tempfile.mkdtemp(dir=tmp_path))
    store = record(folder, steps=4)
    path = store.whole()[0]
    raw = path.read_bytes()
    path.unlink()
    part = path.with_name(path.name + ".part")
    part.write_bytes(raw[: int(share * len(raw))])
    done = list(store.repair_unfinished())
    assert not store.unfinished()
    for repaired in done:
        episode = read_episode(repaired.path)
        assert episode.end is not None and episode.end.ended_ns >= episode.info.started_ns
        if share < 0.99:
            assert episode.end.state == "repaired"
        assert [f for f in check_episode(episode) if f.level == "error"] == []
    assert bool(done) or share < 0.6


def test_a_truncated_file_is_found_and_can_be_repaired_by_name(tmp_path: Path) -> None:
    store = record(tmp_path)
    path = store.whole()[0]
    path.write_bytes(path.read_bytes()[:-4000])
    result = answer("verify", "--store", tmp_path)
    assert not result["good"]
    assert run("repair", "last", "--store", tmp_path).exit_code == 0
    assert answer("verify", "--store", tmp_path)["good"]
    assert list(tmp_path.glob("*.cut-at-*"))


def test_a_foreign_bag_among_the_episodes_is_named(tmp_path: Path) -> None:
    record(tmp_path)
    (tmp_path / "20990101-other.mcap").write_bytes(b"something else")
    result = answer("verify", "--store", tmp_path)
    (bad,) = [file for file in result["files"] if not file["good"]]
    assert bad["name"] == "20990101-other.mcap" and "no MCAP" in bad["findings"][0]["text"]


def test_a_renamed_file_is_named(tmp_path: Path) -> None:
    store = record(tmp_path)
    store.whole()[0].rename(tmp_path / "mine.mcap")
    texts = [
        f["text"]
        for file in answer("verify", "--store", tmp_path)["files"]
        for f in file["findings"]
    ]
    assert any("was it renamed?" in text for text in texts)


def test_missing_steps_are_an_error(tmp_path: Path) -> None:
    one = recorder(tmp_path)
    items = [p for p in episode_messages() if getattr(p[1], "step_number", None) != 5]
    feed(one, iter(items))
    errors = levels(Store(tmp_path))["error"]
    assert any("holds 11 steps, its actor took 12" in text for text in errors)
    assert any("steps are missing or repeated: [5]" in text for text in errors)


def test_steps_of_another_contract_are_an_error(tmp_path: Path) -> None:
    other = load_contract("fr3", "reach")
    feed(recorder(tmp_path), episode_messages(contract=other))
    (error,) = levels(Store(tmp_path))["error"]
    assert f"made under contract {other.sha256[:12]}" in error and CONTRACT.sha256[:12] in error


def test_a_number_that_is_not_finite_is_an_error(tmp_path: Path) -> None:
    one = recorder(tmp_path)
    one.take(*began(T0, 0))
    received, news = step(T0, 0, 0)
    data = bytearray(received.data)
    at = data.index(np.float32(0.5).tobytes())  # the desired goal's x
    data[at : at + 4] = np.float32("nan").tobytes()
    one.take(type(received)(received.topic, received.log_ns, 0, 0, bytes(data)), news)
    one.take(*ended(T0 + 60 * MS, 0, 1))
    one.close()
    assert any("not finite" in text for text in levels(Store(tmp_path))["error"])


def test_an_episode_without_camera_is_said_and_is_an_error_where_the_task_looks(
    tmp_path: Path,
) -> None:
    store = record(tmp_path / "reach", camera=False)
    assert levels(store)["error"] == []
    assert any("no pictures" in text for text in levels(store)["warning"])
    looks = load_contract("panda", "bin_grasp")
    store = record(tmp_path / "bin", camera=False, contract=looks, steps=0)
    assert any("was the camera on?" in text for text in levels(store)["error"])


def test_a_stream_below_its_contracts_rate_is_said(tmp_path: Path) -> None:
    one = recorder(tmp_path, streams=streams())
    items = list(episode_messages(steps=30))
    slow = [p for i, p in enumerate(items) if p[0].topic != "/joint_states" or i % 3 == 0]
    feed(one, iter(slow))
    warnings = levels(Store(tmp_path))["warning"]
    assert any("/joint_states" in text and "the contract says 100" in text for text in warnings)


def test_list_and_show_say_what_there_is(tmp_path: Path) -> None:
    store = record(tmp_path, 2, outcome="failure")
    listed = answer("list", "--outcome", "failure", "--store", tmp_path)["episodes"]
    assert [line["steps"] for line in listed] == [12, 12]
    assert answer("list", "--outcome", "success", "--store", tmp_path)["episodes"] == []
    assert "2 episodes: 2 failure" in run("list", "--store", tmp_path).stdout
    shown = answer("show", "last", "--store", tmp_path)
    assert shown["path"] == str(store.whole()[1]) and shown["clock"] == "real_time"
    assert "100" in run("show", "last", "--store", tmp_path).stdout


@pytest.mark.parametrize("camera", [True, False])
def test_a_picture_says_what_happened(tmp_path: Path, camera: bool) -> None:
    store = record(tmp_path, camera=camera)
    (written,) = answer("picture", "--store", tmp_path)["pictures"]
    assert Path(written).read_bytes().startswith(b"\x89PNG")
    assert answer("show", "last", "--store", tmp_path)["picture"] == written
    assert answer("picture", "--store", tmp_path)["pictures"] == []
    assert len(store.whole()) == 1
