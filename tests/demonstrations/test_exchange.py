"""Episodes go into other formats and come back as they were; what is lost is said."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from episode_samples import IMAGE_TOPIC, MS, T0, episode_messages, feed, record, recorder, stream
from mcap.writer import Writer
from typer.testing import CliRunner, Result

from robot_learning.cli import app
from robot_learning.contract import load_contract
from robot_learning.demonstrations.check_episode import check_episode
from robot_learning.demonstrations.episode_file import EpisodeFile, read_episode
from robot_learning.demonstrations.message_codec import encode
from robot_learning.demonstrations.store import Store
from robot_learning.demonstrations.stream_facts import source_stamp_ns
from robot_learning.replay.step import Step
from robot_learning.replay.step_message import STEP_ARRAYS, STEP_SCALARS

STEPS = 8
NUMBERS = ("reward", "stamp_s", "observation_age_s")


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["episodes", *map(str, arguments)])


def answer(*arguments: str | Path) -> Any:
    result = run(*arguments, "--json")
    assert result.stdout, result.output
    return json.loads(result.stdout.splitlines()[-1])


def same_step(one: Step, other: Step) -> bool:
    return (
        all(np.array_equal(getattr(one, n), getattr(other, n)) for n in STEP_ARRAYS)
        and all(getattr(one, n) == getattr(other, n) for n in STEP_SCALARS)
        and all(getattr(one, n) == getattr(other, n) for n in NUMBERS)
    )


def pictures(episode: EpisodeFile) -> dict[int, bytes]:
    topics = list(episode.cameras().values())
    return {
        source_stamp_ns(received.data): bytes(message.data)
        for topic in topics
        for received, message in episode.messages(topic)
    }


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A success and a failure, with a label and a person's steps."""
    folder = tmp_path_factory.mktemp("store")
    record(folder, 2, steps=STEPS, outcome="failure")
    made = Store(folder)
    made.label(made.whole()[0], "success", "ada")
    return made


@pytest.fixture(scope="module")
def originals(store: Store) -> list[EpisodeFile]:
    return [read_episode(path) for path in store.whole()]


@pytest.fixture(params=["lerobot", "robomimic", "rosbag2"])
def there_and_back(
    request: pytest.FixtureRequest, store: Store, tmp_path: Path
) -> Iterator[tuple[str, dict[str, Any], list[EpisodeFile]]]:
    """Exported, and imported into another store."""
    kind = request.param
    out = tmp_path / ("out.hdf5" if kind == "robomimic" else "out")
    said = answer("export", "--format", kind, "--out", out, "--store", store.folder)
    back = answer("import", out, "--store", tmp_path / "back")
    assert back["episodes"] == said["episodes"] and back["steps"] == 2 * STEPS
    yield kind, said, [read_episode(path) for path in Store(tmp_path / "back").whole()]


def test_steps_stamps_and_facts_come_back_exactly(
    there_and_back: tuple[str, dict[str, Any], list[EpisodeFile]], originals: list[EpisodeFile]
) -> None:
    kind, _, episodes = there_and_back
    assert len(episodes) == len(originals)
    for before, after in zip(originals, episodes, strict=True):
        assert after.info == before.info
        assert after.stamps_ns == before.stamps_ns  # to the nanosecond
        assert all(map(same_step, before.steps, after.steps))
        assert after.step_contracts == before.step_contracts
        assert check_episode(after) == []
        if kind == "rosbag2":
            assert list(after.bag.messages()) == list(before.bag.messages())


def test_pictures_come_back_byte_for_byte_or_pixel_for_pixel(
    there_and_back: tuple[str, dict[str, Any], list[EpisodeFile]], originals: list[EpisodeFile]
) -> None:
    from robot_learning.demonstrations.exchange.aligned import Picture
    from robot_learning.demonstrations.exchange.statistics import decode

    kind, said, episodes = there_and_back
    for before, after in zip(originals, episodes, strict=True):
        kept, had = pictures(after), pictures(before)
        assert kept and kept.keys() <= had.keys()
        for ns, data in kept.items():
            if kind == "robomimic":
                pair = (decode(Picture(ns, "", data)), decode(Picture(ns, "", had[ns])))
                assert np.array_equal(*pair)
            else:
                assert data == had[ns]
        if kept.keys() != had.keys():
            assert any("pictures between steps" in line for line in said["not_held"])


def test_the_outcome_that_a_label_gave_comes_along(
    there_and_back: tuple[str, dict[str, Any], list[EpisodeFile]],
) -> None:
    kind, _, episodes = there_and_back
    outcomes = [episode.end.outcome if episode.end else None for episode in episodes]
    if kind == "rosbag2":  # the file as it was, and its labels beside it
        store = Store(episodes[0].path.parent)
        outcomes = [store.read(episode.path)[1].outcome for episode in episodes]
    assert outcomes == ["success", "failure"]


def test_what_the_tables_cannot_hold_is_said(
    there_and_back: tuple[str, dict[str, Any], list[EpisodeFile]],
) -> None:
    kind, said, _ = there_and_back
    for text in ("/joint_states", "who labelled"):
        assert any(text in line for line in said["not_held"]) == (kind != "rosbag2")
    if kind == "rosbag2":
        assert said["not_held"] == []


def test_a_lerobot_data_set_has_the_real_times(store: Store, tmp_path: Path) -> None:
    out = tmp_path / "out"
    answer("export", "--format", "lerobot", "--out", out, "--store", store.folder)
    info = json.loads((out / "meta/info.json").read_text())
    assert info["codebase_version"] == "v3.0" and info["fps"] == 20
    assert info["total_frames"] == 2 * STEPS
    tables = [pq.read_table(path) for path in sorted(out.glob("data/*/*.parquet"))]
    assert tables[0].column_names[0] == "observation.state"
    seconds = tables[0]["timestamp"].to_numpy()
    assert np.allclose(seconds, np.arange(STEPS) * 0.05, atol=1e-6)
    assert tables[0]["stamp_ns"][0].as_py() == T0
    assert tables[1]["index"][0].as_py() == STEPS
    episodes = pq.read_table(out / "meta/episodes/chunk-000/file-000.parquet").to_pylist()
    assert [row["dataset_to_index"] for row in episodes] == [STEPS, 2 * STEPS]
    stats = json.loads((out / "meta/stats.json").read_text())
    actions = np.concatenate([np.array(table["action"].to_pylist()) for table in tables])
    assert np.allclose(stats["action"]["mean"], actions.mean(0))
    assert np.allclose(stats["action"]["std"], actions.std(0))
    assert np.array(stats["observation.images.camera"]["mean"]).shape == (3, 1, 1)


def test_a_recording_that_ran_slow_plays_slow(tmp_path: Path) -> None:
    items = []
    for received, news in episode_messages(steps=STEPS, camera=False):
        if received.topic == "/episode_step":
            ns = source_stamp_ns(received.data)
            slow = bytearray(received.data)
            slow[4:12] = np.array(divmod(T0 + 2 * (ns - T0), 10**9), np.uint32).tobytes()
            received = type(received)(
                received.topic, received.log_ns, received.publish_ns, 0, bytes(slow)
            )
        items.append((received, news))
    feed(recorder(tmp_path), iter(items))
    answer("export", "--format", "lerobot", "--out", tmp_path / "o", "--store", tmp_path)
    table = pq.read_table(next((tmp_path / "o").glob("data/*/*.parquet")))
    assert np.allclose(np.diff(table["timestamp"].to_numpy()), 0.1, atol=1e-6)


def test_robomimic_finds_what_it_reads(store: Store, tmp_path: Path) -> None:
    out = tmp_path / "out.hdf5"
    answer("export", "--format", "robomimic", "--out", out, "--store", store.folder)
    with h5py.File(out) as file:
        assert file["data"].attrs["total"] == 2 * STEPS
        assert json.loads(file["data"].attrs["env_args"])["env_type"] == 2
        demo = file["data/demo_0"]
        assert demo.attrs["num_samples"] == STEPS
        assert demo["actions"].shape == (STEPS, 3)
        assert demo["dones"][:].tolist() == [0] * (STEPS - 1) + [1]
        assert demo["obs/joint_position_rad"].shape == (STEPS, 7)
        assert demo["obs/camera_image"].shape == (STEPS, 48, 64, 3)
        assert np.array_equal(demo["next_obs/camera_image"][:-1], demo["obs/camera_image"][1:])
        assert np.array_equal(demo["obs/desired_goal"][0], np.array([0.5, 0, 0.25], np.float32))
        assert [bytes(name).decode() for name in file["mask/success"][:]] == ["demo_0"]


def test_an_exported_bag_says_what_ros2_bag_asks(store: Store, tmp_path: Path) -> None:
    answer("export", "--format", "rosbag2", "--out", tmp_path / "o", "--store", store.folder)
    folder = sorted((tmp_path / "o").iterdir())[0]
    about = yaml.safe_load((folder / "metadata.yaml").read_text())["rosbag2_bagfile_information"]
    assert about["storage_identifier"] == "mcap" and about["version"] == 9
    assert (folder / about["relative_file_paths"][0]).is_file()
    counted = {
        topic["topic_metadata"]["name"]: topic["message_count"]
        for topic in about["topics_with_message_count"]
    }
    assert counted["/episode_step"] == STEPS and sum(counted.values()) == about["message_count"]


def test_an_episode_without_the_cameras_of_the_others_is_named(tmp_path: Path) -> None:
    one = recorder(tmp_path)
    feed(one, episode_messages(T0, 0, steps=STEPS))
    feed(one, episode_messages(T0 + 5_000 * MS, 1, steps=STEPS, camera=False))
    said = answer("export", "--out", tmp_path / "o", "--store", tmp_path)
    assert len(said["episodes"]) == 1
    (line,) = said["skipped"]
    assert "no pictures of camera camera" in line and "--cameras none" in line
    said = answer("export", "--out", tmp_path / "n", "--cameras", "none", "--store", tmp_path)
    assert len(said["episodes"]) == 2 and said["skipped"] == []


def test_aborted_and_discarded_episodes_go_along_only_when_asked_for(tmp_path: Path) -> None:
    one = recorder(tmp_path)
    for number, outcome in enumerate(["success", "aborted", "failure"]):
        feed(one, episode_messages(T0 + number * 5_000 * MS, number, steps=4, outcome=outcome))
    said = answer("export", "--out", tmp_path / "a", "--store", tmp_path)
    assert len(said["episodes"]) == 2
    said = answer("export", "--out", tmp_path / "b", "--outcomes", "aborted", "--store", tmp_path)
    assert len(said["episodes"]) == 1


def test_episodes_of_two_contracts_do_not_go_into_one_table(tmp_path: Path) -> None:
    record(tmp_path, steps=4)
    other = recorder(tmp_path, contract=load_contract("fr3", "reach"))
    feed(other, episode_messages(T0 + 60_000 * MS, 1, steps=4))
    result = run("export", "--out", tmp_path / "o", "--store", tmp_path)
    assert result.exit_code == 1 and "several contracts" in result.stderr
    assert "panda/reach" in result.stderr and "fr3/reach" in result.stderr


def test_nothing_is_overwritten(store: Store, tmp_path: Path) -> None:
    (tmp_path / "o").mkdir()
    result = run("export", "--out", tmp_path / "o", "--store", store.folder)
    assert result.exit_code == 1 and "exists; choose another --out" in result.stderr
    answer("export", "--out", tmp_path / "p", "--store", store.folder)
    result = run("import", tmp_path / "p", "--store", store.folder)
    assert result.exit_code == 1 and "already" in result.stderr


# What others made.


def test_a_foreign_lerobot_data_set_comes_in_with_what_it_knows(tmp_path: Path) -> None:
    path = tmp_path / "theirs"
    features = {
        "observation.state": {"dtype": "float32", "shape": [4]},
        "action": {"dtype": "float32", "shape": [2]},
        "observation.images.top": {"dtype": "video", "shape": [8, 8, 3]},
        "next.done": {"dtype": "bool", "shape": [1]},
    }
    info = {"codebase_version": "v3.0", "total_episodes": 2, "features": features}
    (path / "meta").mkdir(parents=True)
    (path / "data" / "chunk-000").mkdir(parents=True)
    (path / "meta/info.json").write_text(json.dumps(info))
    pq.write_table(
        pa.table({"task_index": [0], "__index_level_0__": ["stack"]}), path / "meta/tasks.parquet"
    )
    n, states = 6, np.random.default_rng(0).random((6, 4)).astype(np.float32)
    table = pa.table(
        {
            "observation.state": states.tolist(),
            "action": states[:, :2].tolist(),
            "timestamp": np.tile(np.arange(3) / 10, 2).astype(np.float32),
            "frame_index": [0, 1, 2] * 2,
            "episode_index": [0] * 3 + [1] * 3,
            "task_index": [0] * n,
            "next.done": [False, False, True] * 2,
        }
    )
    pq.write_table(table, path / "data/chunk-000/file-000.parquet")
    said = answer("import", path, "--store", tmp_path / "s")
    assert said["steps"] == n
    for text in ("requested", "stamps of the sources", "videos are not read", "next.terminated"):
        assert any(text in line for line in said["not_held"]), text
    episode = read_episode(Store(tmp_path / "s").whole()[1])
    assert episode.info.instruction == "stack" and "theirs" in episode.info.origin
    assert np.array_equal(episode.steps[0].observation, states[3])
    assert [step.truncated for step in episode.steps] == [False, False, True]
    assert np.allclose(np.diff(episode.stamps_ns) * 1e-9, 0.1)


def test_a_foreign_robomimic_file_comes_in_with_what_it_knows(tmp_path: Path) -> None:
    path = tmp_path / "theirs.hdf5"
    values = np.random.default_rng(0).random((5, 3))
    with h5py.File(path, "w") as file:
        demo = file.create_group("data/demo_0")
        demo["actions"] = values
        demo["rewards"] = np.ones(5)
        demo["obs/eef"] = values
        demo["obs/agentview_image"] = np.full((5, 8, 8, 3), 7, np.uint8)
        file["data"].create_group("demo_1")
    said = answer("import", path, "--store", tmp_path / "s")
    assert said["steps"] == 5 and said["skipped"] == ["demo_1: has no actions or no obs"]
    assert any("stamps: the file has none" in line for line in said["not_held"])
    episode = read_episode(Store(tmp_path / "s").whole()[0])
    assert np.allclose(episode.steps[2].observation, values[2])
    assert list(episode.cameras()) == ["agentview"]


def foreign_bag(path: Path, messages: int = 300) -> Path:
    """As another program writes it: compressed chunks, no word of ours."""
    known = stream("/joint_states")
    with path.open("wb") as file:
        writer = Writer(file, chunk_size=2000)
        writer.start(profile="ros2", library="other")
        schema = writer.register_schema(known.type_name, "ros2msg", known.definition.encode())
        channel = writer.register_channel("/arm/joint_states", "cdr", schema)
        for number in range(messages):
            ns = T0 + number * 10 * MS
            stamp = {"sec": ns // 10**9, "nanosec": ns % 10**9}
            fields = {"header": {"stamp": stamp}, "name": ["a"], "position": [float(number)]}
            data = encode(known.type_name, known.definition, fields)
            writer.add_message(channel, ns, data, ns, number)
        writer.finish()
    return path


def test_a_foreign_bag_comes_in_stream_by_stream(tmp_path: Path) -> None:
    bag = foreign_bag(tmp_path / "their.mcap")
    said = answer("import", bag, "--robot", "fr3", "--task", "reach", "--store", tmp_path / "s")
    assert any("aligned steps" in line for line in said["not_held"])
    episode = read_episode(Store(tmp_path / "s").whole()[0])
    assert episode.facts["/arm/joint_states"].messages == 300
    assert episode.info.robot == "fr3" and episode.info.contract is not None
    assert run("verify", "--store", tmp_path / "s").exit_code == 0
    assert run("export", "--out", tmp_path / "o", "--store", tmp_path / "s").exit_code == 1


def test_a_truncated_bag_comes_in_as_far_as_it_is_whole_and_says_so(tmp_path: Path) -> None:
    bag = foreign_bag(tmp_path / "their.mcap")
    bag.write_bytes(bag.read_bytes()[: bag.stat().st_size // 2])
    said = answer("import", bag, "--store", tmp_path / "s")
    assert any("bytes at offset" in line for line in said["not_held"])
    episode = read_episode(Store(tmp_path / "s").whole()[0])
    assert 0 < episode.facts["/arm/joint_states"].messages < 300
    assert episode.end is not None and episode.end.state == "repaired"


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.mcap", b"nothing", "no MCAP"),
        ("a.hdf5", b"nothing", "no HDF5 file"),
        ("bag_0.db3", b"SQLite format 3\0", "no MCAP"),
    ],
)
def test_what_is_none_of_the_formats_is_refused(
    tmp_path: Path, name: str, content: bytes, reason: str
) -> None:
    (tmp_path / "in").mkdir()
    path = tmp_path / "in" / name
    path.write_bytes(content)
    result = run("import", path if name != "bag_0.db3" else path.parent, "--store", tmp_path / "s")
    assert result.exit_code == 1 and reason in result.stderr
    assert not list((tmp_path / "s").glob("*.mcap"))


def test_an_older_data_set_is_refused_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "meta").mkdir()
    (tmp_path / "meta/info.json").write_text('{"codebase_version": "v2.1"}')
    result = run("import", tmp_path, "--store", tmp_path / "s")
    assert result.exit_code == 1 and "convert_dataset_v21_to_v30" in result.stderr


def test_pictures_are_the_newest_that_were_there_when_the_step_looked(
    originals: list[EpisodeFile],
) -> None:
    from robot_learning.demonstrations.exchange.aligned import align
    from robot_learning.demonstrations.exchange.report import Report

    episode = originals[0]
    stamps = sorted(pictures(episode))
    aligned = align(episode, "success", None, Report())
    for moment, picture in zip(episode.stamps_ns, aligned.pictures["camera"], strict=False):
        assert picture.stamp_ns == max(ns for ns in stamps if ns <= moment)
    assert aligned.topics == {"camera": IMAGE_TOPIC}
