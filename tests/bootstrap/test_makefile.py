from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def make(*arguments: str, path: str) -> subprocess.CompletedProcess[str]:
    program = shutil.which("make")
    assert program is not None
    return subprocess.run(
        [program, "-C", str(ROOT), "--no-print-directory", *arguments],
        env={"PATH": path},
        capture_output=True,
        text=True,
    )


@pytest.fixture
def bare_path(tmp_path: Path) -> str:
    """A PATH with a shell and no Python."""
    for name in ("sh", "echo"):
        found = shutil.which(name)
        assert found is not None
        (tmp_path / name).symlink_to(found)
    return str(tmp_path)


def test_make_alone_lists_the_commands(bare_path: str) -> None:
    shown = make(path=bare_path)
    assert shown.returncode == 0
    for command in ("setup", "train", "test", "lock", "clean"):
        assert f"make {command} " in shown.stdout


def test_without_python_one_line_says_what_to_install(bare_path: str) -> None:
    answer = make("setup", path=bare_path)
    assert answer.returncode != 0
    assert "Python 3.11 or 3.12 is needed and none was found" in answer.stderr
    assert "apt install python3.11-dev" in answer.stderr


def test_an_unsupported_python_alone_is_not_taken(bare_path: str) -> None:
    old = Path(bare_path) / "python3"
    old.write_text("#!/bin/sh\nexit 1\n")  # as `sys.exit(not supported)` ends on an old one
    old.chmod(0o755)
    assert "none was found" in make("setup", path=bare_path).stderr


def test_the_python_that_a_person_names_is_the_one_that_is_used() -> None:
    shown = make("-n", "setup", f"PYTHON={sys.executable}", path="/usr/bin:/bin")
    assert f'--python "{sys.executable}"' in shown.stdout
