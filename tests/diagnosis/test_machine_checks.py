from __future__ import annotations

from pathlib import Path

import pytest

from robot_learning.diagnosis import machine
from robot_learning.diagnosis.check import Check, Status


@pytest.mark.parametrize(("mend", "status"), [("", Status.FAIL), ("do this", Status.OK)])
def test_a_finding_has_a_way_to_mend_it_exactly_when_it_is_not_ok(
    mend: str, status: Status
) -> None:
    with pytest.raises(ValueError, match="says how to mend it"):
        Check("disk", status, "full", mend)


def test_a_full_disk_fails_and_a_roomy_one_does_not(tmp_path: Path) -> None:
    assert machine.check_disk(tmp_path, free_bytes=10_000_000).status is Status.FAIL
    assert machine.check_disk(tmp_path, free_bytes=50_000_000_000).status is Status.OK


def test_little_memory_warns() -> None:
    little = "MemTotal: 8000000 kB\nMemAvailable:  900000 kB\n"
    assert machine.check_memory(little).status is Status.WARN
    assert "0.9 GB" in machine.check_memory(little).fact
    assert machine.check_memory("MemAvailable: 8000000 kB\n").status is Status.OK
    assert machine.check_memory("nothing\n").status is Status.WARN


@pytest.mark.parametrize(("built", "status"), [(True, Status.WARN), (False, Status.FAIL)])
def test_a_missing_compiler_matters_as_long_as_the_workspace_is_not_built(
    tmp_path: Path, built: bool, status: Status
) -> None:
    finding = machine.check_compiler({"PATH": str(tmp_path)}, workspace_built=built)
    assert finding.status is status
    assert "build-essential" in finding.mend


def test_the_compiler_that_the_user_names_is_looked_for(tmp_path: Path) -> None:
    compiler = tmp_path / "my-c++"
    compiler.write_text("#!/bin/sh\n")
    compiler.chmod(0o755)
    env = {"PATH": str(tmp_path), "CXX": "my-c++ -O1"}
    assert machine.check_compiler(env, workspace_built=False).fact == str(compiler)


def test_headers_are_looked_for_where_python_has_them(tmp_path: Path) -> None:
    assert machine.check_headers(tmp_path, workspace_built=False).status is Status.FAIL
    (tmp_path / "Python.h").touch()
    assert machine.check_headers(tmp_path, workspace_built=False).status is Status.OK


def test_few_open_files_warn() -> None:
    assert machine.check_open_files(256).status is Status.WARN
    assert machine.check_open_files(65_536).status is Status.OK


@pytest.mark.parametrize(
    ("resolution_s", "step_s", "status"),
    [(1e-9, 1e-5, Status.OK), (0.015, 0.0, Status.WARN), (1e-9, -0.5, Status.WARN)],
)
def test_a_coarse_or_stepped_clock_warns(
    resolution_s: float, step_s: float, status: Status
) -> None:
    assert machine.check_clock(resolution_s, step_s).status is status


def test_cameras_are_listed_and_none_is_fine(tmp_path: Path) -> None:
    assert "none connected" in machine.check_cameras(tmp_path).fact
    (tmp_path / "video0").touch()
    (tmp_path / "video-other").touch()
    assert machine.check_cameras(tmp_path).fact == "video0"


def test_a_camera_that_may_not_be_opened_warns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "video0").touch()
    monkeypatch.setattr(machine.os, "access", lambda *_: False)  # root may open everything
    assert "usermod -aG video" in machine.check_cameras(tmp_path).mend
