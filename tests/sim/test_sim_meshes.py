from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pybullet_data
import pytest

from sim.meshes import FRACTION, MIN_TRIANGLES, cache_dir, decimated
from sim.wavefront import read_obj

ROOT = Path(__file__).resolve().parents[2]
PANDA = Path(pybullet_data.getDataPath()) / "franka_panda" / "meshes"


@pytest.fixture
def empty_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_dir() == tmp_path / "robot-learning" / "meshes"
    return cache_dir()


def test_a_heavy_mesh_keeps_about_two_percent_of_its_triangles_and_its_size(empty_cache):
    source = PANDA / "visual" / "link1.obj"
    before = read_obj(source)
    (part,) = decimated(source)
    after = read_obj(part.path)
    assert len(before.faces) > 12000
    assert len(after.faces) == pytest.approx(FRACTION * len(before.faces), rel=0.1)
    for edge in (np.min, np.max):
        np.testing.assert_allclose(
            edge(after.vertices, axis=0), edge(before.vertices, axis=0), atol=0.002
        )


def test_a_mesh_that_is_light_already_keeps_its_triangles(empty_cache):
    source = PANDA / "collision" / "link0.obj"
    (part,) = decimated(source)
    assert len(read_obj(part.path).faces) == len(read_obj(source).faces) == MIN_TRIANGLES


def test_a_texture_of_two_colours_becomes_two_parts_of_these_colours(empty_cache):
    dark, light = decimated(PANDA / "visual" / "hand.obj")
    assert max(dark.rgb) < 0.6
    assert min(light.rgb) > 0.95


def test_a_second_call_takes_what_the_first_made(empty_cache):
    source = PANDA / "visual" / "finger.obj"
    first = decimated(source)
    stamps = [part.path.stat().st_mtime_ns for part in first]
    assert decimated(source) == first
    assert [part.path.stat().st_mtime_ns for part in first] == stamps
    assert [path.name for path in empty_cache.iterdir()] == [first[0].path.parent.name]


def test_processes_that_start_at_once_agree_on_one_folder(empty_cache):
    program = (
        "from pathlib import Path; from sim.meshes import decimated; import sys;"
        "print(decimated(Path(sys.argv[1])))"
    )
    command = [sys.executable, "-c", program, str(PANDA / "visual" / "hand.obj")]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    children = [
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    answers = {child.communicate(timeout=120)[0] for child in children}
    assert all(child.returncode == 0 for child in children)
    assert len(answers) == 1
    assert len(list(empty_cache.iterdir())) == 1


def test_a_cache_that_cannot_be_written_says_what_to_set(tmp_path, monkeypatch):
    blocked = tmp_path / "blocked"
    blocked.write_text("a file where the folder should be")
    monkeypatch.setenv("XDG_CACHE_HOME", str(blocked))
    with pytest.raises(OSError, match="set XDG_CACHE_HOME to a folder"):
        decimated(PANDA / "visual" / "finger.obj")


def test_a_file_without_triangles_is_refused(tmp_path):
    path = tmp_path / "empty.obj"
    path.write_text("v 0 0 0\n")
    with pytest.raises(ValueError, match=r"empty\.obj: holds no triangle"):
        read_obj(path)


def test_polygons_are_cut_into_triangles_and_negative_indices_count_back(tmp_path):
    path = tmp_path / "square.obj"
    path.write_text("v 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\nf -4 -3 -2 -1\n")
    assert read_obj(path).faces.tolist() == [[0, 1, 2], [0, 2, 3]]
