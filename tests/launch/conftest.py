from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from robot_learning.launch.expand import expand
from robot_learning.launch.plan import Plan

PACKAGE = "demo_pkg"


@pytest.fixture
def prefix(tmp_path: Path) -> Path:
    """An install prefix with one package and its executable `talker`."""
    prefix = tmp_path / "install"
    index = prefix / "share" / "ament_index" / "resource_index" / "packages"
    index.mkdir(parents=True)
    (index / PACKAGE).touch()
    (prefix / "share" / PACKAGE).mkdir()
    (prefix / "lib" / PACKAGE).mkdir(parents=True)
    talker = prefix / "lib" / PACKAGE / "talker"
    talker.write_text("#!/bin/sh\n")
    talker.chmod(talker.stat().st_mode | stat.S_IXUSR)
    return prefix


@pytest.fixture
def environment(prefix: Path) -> dict[str, str]:
    """A small environment that sees the package and the system's programs."""
    return {"AMENT_PREFIX_PATH": str(prefix), "PATH": os.environ["PATH"], "HOME": "/home/user"}


@pytest.fixture
def launch_file(tmp_path: Path) -> Callable[..., Path]:
    """Writes a launch file: what is inside <launch>, from line 2 on."""

    def write(content: str, name: str = "test.launch.xml") -> Path:
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"<launch>\n{content}\n</launch>\n")
        return file

    return write


@pytest.fixture
def plan_of(
    launch_file: Callable[..., Path], environment: dict[str, str], tmp_path: Path
) -> Callable[..., Plan]:
    """Expands what is inside <launch>."""

    def run(content: str, arguments: Mapping[str, str] | None = None, **extra: object) -> Plan:
        return expand(
            launch_file(content),
            arguments or {},
            environment=environment,
            parameters_dir=tmp_path / "params",
            **extra,  # type: ignore[arg-type]
        )

    return run


@pytest.fixture
def python_script(tmp_path: Path) -> Callable[[str, str], str]:
    """Writes an executable Python script that starts fast; returns its path."""

    def write(name: str, code: str) -> str:
        file = tmp_path / name
        file.write_text(f"#!{sys.executable} -ISu\n{code}\n")
        file.chmod(0o755)
        return str(file)

    return write
