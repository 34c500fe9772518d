"""Labelled pictures on disk: whole or not there, of one view, and no label changes in silence."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from pixel_samples import VIEW, episode

from robot_learning.rewards.pixels.frames import (
    AUDIT_FILE,
    FramesError,
    FrameStore,
    LabelledEpisode,
    view_of,
)


@pytest.fixture
def store(tmp_path):
    made = FrameStore(tmp_path, VIEW)
    for number in range(2):
        made.write(episode(number))
    return made


def test_what_is_written_is_read(store):
    for number, read in enumerate(store.episodes()):
        wrote = episode(number)
        np.testing.assert_array_equal(read.images, wrote.images)
        np.testing.assert_array_equal(read.labels, wrote.labels)
        np.testing.assert_array_equal(read.stamps_s, wrote.stamps_s)
        assert (read.name, read.by) == (wrote.name, wrote.by)
    assert store.damaged == [] and view_of(store.folder) == VIEW


@pytest.mark.parametrize("keep", [0, 10, 200])
def test_a_cut_file_is_left_out_and_named(store, keep):
    path = store.folder / "episode-001.npz"
    path.write_bytes(path.read_bytes()[:keep])
    assert [each.name for each in store.episodes()] == ["000"]
    (line,) = store.damaged
    assert "episode-001.npz: is damaged" in line


def test_frames_of_another_view_are_refused_with_what_differs(store):
    other = FrameStore(
        store.folder, replace(VIEW, size_px=32, camera="wrist", facts=(("success.x", "1"),))
    )
    with pytest.raises(
        FramesError,
        match=r"camera wrist here and camera there, size_px 32.*success.x 1 here and None",
    ):
        list(other.episodes())


def test_a_changed_label_is_written_down_with_who_and_why(store):
    assert store.relabel("000", True, "ada", "it was up already", first=4, last=7) == 2
    changed = next(iter(store.episodes()))
    assert changed.labels.tolist() == [False] * 4 + [True] * 8 and changed.by == "ada"
    (line,) = (store.folder / AUDIT_FILE).read_text().splitlines()
    word = json.loads(line)
    expected = {"episode": "000", "first": 4, "last": 7, "label": True, "by": "ada", "changed": 2}
    assert expected.items() <= word.items() and word["why"] and word["time"]


@pytest.mark.parametrize(
    ("name", "first", "last", "why"),
    [
        ("007", 0, None, "has no episode '007'; it has 000, 001"),
        ("000", 5, 12, "pictures 5 to 12; it has 0 to 11"),
        ("000", 6, 5, "pictures 6 to 5"),
    ],
)
def test_a_label_for_what_is_not_there_changes_nothing(store, name, first, last, why):
    with pytest.raises(FramesError, match=why):
        store.relabel(name, True, "ada", "", first=first, last=last)
    assert not (store.folder / AUDIT_FILE).exists()


@pytest.mark.parametrize(
    "change",
    [
        {"name": "../out"},
        {"labels": np.zeros(3, bool)},
        {"labels": np.zeros(12)},
        {"images": np.zeros((12, 9, 9, 3), np.uint8)},
    ],
)
def test_what_does_not_fit_together_is_not_written(store, change):
    before = {path.name for path in store.folder.iterdir()}
    with pytest.raises(FramesError):
        store.write(replace(episode(5), **change))
    assert {path.name for path in store.folder.iterdir()} == before


def test_an_empty_folder_says_what_to_do(tmp_path):
    with pytest.raises(FramesError, match="holds no labelled frames; collect some first"):
        view_of(tmp_path / "nothing")
    assert list(FrameStore(tmp_path / "nothing", VIEW).episodes()) == []
    assert isinstance(episode(0), LabelledEpisode)
