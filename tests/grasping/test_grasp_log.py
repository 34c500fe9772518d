"""Grasp episodes on disk."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from grasp_samples import make_episode

from robot_learning.grasping.episode import GraspEpisode
from robot_learning.grasping.log import GraspLog, LogError


def assert_same(one: GraspEpisode, other: GraspEpisode) -> None:
    for name in ("images", "states", "actions", "requested", "rewards"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    for name in ("terminated", "success", "source", "seed"):
        assert getattr(one, name) == getattr(other, name)


def test_what_is_written_is_read_in_its_order_by_whoever_opens_the_folder(tmp_path):
    episodes = [make_episode(seed, steps=2 + seed, size_px=16) for seed in range(5)]
    log = GraspLog(tmp_path / "log", "a")
    log.write(episodes[:3])
    GraspLog(tmp_path / "log", "a").write(episodes[3:])
    found = list(GraspLog(tmp_path / "log", "a").episodes())
    assert len(found) == GraspLog(tmp_path / "log", "a").count() == 5
    for one, other in zip(found, episodes, strict=True):
        assert_same(one, other)


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "foreign"])
def test_a_damaged_shard_is_left_out_and_named(tmp_path, damage):
    log = GraspLog(tmp_path, "a")
    paths = [log.write([make_episode(seed, size_px=16)]) for seed in range(3)]
    data = bytearray(paths[1].read_bytes())
    if damage == "flipped":
        data[len(data) // 2] ^= 0xFF
    changed = {"cut": data[: len(data) // 2], "empty": b"", "foreign": b"hello"}
    paths[1].write_bytes(changed.get(damage, data))
    assert [episode.seed for episode in log.episodes()] == [0, 2]
    assert 2 <= log.count() <= 3
    (line,) = log.damaged
    assert line.startswith(f"{paths[1]}: is damaged and left out: ")


def test_a_log_of_another_contract_is_refused(tmp_path):
    GraspLog(tmp_path, "a" * 64).write([make_episode(0, size_px=16)])
    with pytest.raises(LogError, match=r"shard-000000.npz: was collected under contract aaaa"):
        list(GraspLog(tmp_path, "b" * 64).episodes())


def test_no_folder_is_an_empty_log(tmp_path):
    assert list(GraspLog(tmp_path / "none", "a").episodes()) == []


def test_returns_to_go_are_discounted_from_the_end():
    episode = make_episode(0, size_px=16)
    rewards = np.full(len(episode), -0.1, np.float32)
    rewards[-1] = 1.0
    returns = replace(episode, rewards=rewards).returns_to_go(0.5)
    assert returns[-1] == 1.0
    np.testing.assert_allclose(returns[:-1], -0.1 + 0.5 * returns[1:], rtol=1e-6)


def test_an_episode_whose_parts_do_not_fit_is_none():
    sound = make_episode(0, size_px=16)
    parts = {name: getattr(sound, name) for name in GraspEpisode.__slots__}
    for wrong in (
        {"images": sound.images[:-1]},
        {"images": sound.images.astype(np.float32)},
        {"rewards": sound.rewards[:-1]},
        {"states": np.full_like(sound.states, np.nan)},
        {"requested": sound.requested[:-1]},
        {"actions": sound.actions[:0], "rewards": sound.rewards[:0], "images": sound.images[:1]},
    ):
        with pytest.raises(ValueError, match="an episode"):
            GraspEpisode(**(parts | wrong))
