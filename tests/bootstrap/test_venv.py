from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from bootstrap import venv as venv_module
from bootstrap.errors import SetupError
from bootstrap.ros import RosSource
from bootstrap.venv import inspect, prepare_venv

WHEELS, JAZZY = RosSource(None), RosSource("/opt/ros/jazzy")


def make(path: Path, made_for: RosSource | None = WHEELS) -> None:
    """An environment without pip's many files, which is all that these tests look at."""
    base = getattr(sys, "_base_executable", sys.executable)
    subprocess.run([base, "-m", "venv", "--without-pip", str(path)], check=True)
    (path / "bin" / "pip").touch()
    if made_for is not None:
        (path / ".setup").mkdir()
        origin = {"ros": made_for.prefix, "python": None}
        (path / ".setup" / "origin.json").write_text(json.dumps(origin))


@pytest.fixture
def anew(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Stops where an environment would be made, and notes that it would."""
    made: list[str] = []

    def stop(*_: object) -> None:
        made.append("anew")
        raise SetupError("stopped by the test")

    monkeypatch.setattr(venv_module, "_base_interpreter", stop)
    return made


def test_a_sound_environment_is_kept(tmp_path: Path, anew: list[str]) -> None:
    make(tmp_path / ".venv")
    venv = prepare_venv(tmp_path, WHEELS, None, print)
    assert venv.python == tmp_path / ".venv" / "bin" / "python"
    assert venv.site_packages.is_relative_to(tmp_path)
    assert not anew


def test_an_environment_whose_python_is_gone_is_made_anew(tmp_path: Path, anew: list[str]) -> None:
    make(tmp_path / ".venv")
    (tmp_path / ".venv" / "bin" / "python").unlink()
    (tmp_path / ".venv" / "bin" / "python").symlink_to(tmp_path / "uninstalled")
    said: list[str] = []
    with pytest.raises(SetupError):
        prepare_venv(tmp_path, WHEELS, None, said.append)
    assert anew
    assert "broken" in said[0]
    assert not (tmp_path / ".venv").exists()


def test_a_half_made_environment_is_made_anew(tmp_path: Path, anew: list[str]) -> None:
    make(tmp_path / ".venv", made_for=None)
    with pytest.raises(SetupError):
        prepare_venv(tmp_path, WHEELS, None, print)
    assert anew


def test_an_environment_that_was_moved_is_not_sound(tmp_path: Path) -> None:
    make(tmp_path / "old")
    assert inspect(tmp_path / "old") is not None
    (tmp_path / "old").rename(tmp_path / "new")
    (tmp_path / "old").mkdir()
    assert inspect(tmp_path / "old") is None


def test_asking_for_another_python_makes_it_anew(tmp_path: Path, anew: list[str]) -> None:
    make(tmp_path / ".venv")
    with pytest.raises(SetupError):
        prepare_venv(tmp_path, WHEELS, "/usr/bin/python3.12", print)
    assert anew


@pytest.mark.parametrize(
    ("made_for", "now", "advice"),
    [(WHEELS, JAZZY, "without ROS"), (JAZZY, WHEELS, "source /opt/ros/jazzy/setup.bash")],
)
def test_an_environment_for_another_ros_is_kept_and_the_way_out_named(
    tmp_path: Path, made_for: RosSource, now: RosSource, advice: str
) -> None:
    make(tmp_path / ".venv", made_for)
    with pytest.raises(SetupError, match=rf"{advice}.*make clean"):
        prepare_venv(tmp_path, now, None, print)
    assert inspect(tmp_path / ".venv") is not None
