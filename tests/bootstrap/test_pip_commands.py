from __future__ import annotations

from pathlib import Path

import pytest
from bootstrap.errors import SetupError
from bootstrap.pip_commands import explain, install_lock, install_torch, mend_interrupted

PYTHON, LOCK = Path("/r/.venv/bin/python"), Path("/r/requirements-torch.lock")


def test_a_lock_is_installed_with_every_hash_checked_and_nothing_resolved() -> None:
    command = install_lock(PYTHON, LOCK)
    assert command[:4] == [str(PYTHON), "-m", "pip", "install"]
    assert {"--require-hashes", "--no-deps"} <= set(command)


def test_the_cpu_build_of_torch_is_asked_of_the_users_own_index_first() -> None:
    first, second = install_torch(PYTHON, LOCK, "cpu")
    assert not any("download.pytorch.org" in part for part in first)
    assert second == [*first, "--extra-index-url", "https://download.pytorch.org/whl/cpu"]
    assert "--require-hashes" in first


def test_the_default_build_of_torch_brings_what_it_requires() -> None:
    (command,) = install_torch(PYTHON, LOCK, "default")
    assert command[-1] == "torch==2.13.0"
    assert "--no-deps" not in command


def test_an_unknown_build_of_torch_is_refused() -> None:
    with pytest.raises(SetupError, match=r"ROBOT_LEARNING_TORCH=cuda: expected one of cpu, def"):
        install_torch(PYTHON, LOCK, "cuda")


def test_what_an_interrupted_pip_left_is_removed_and_the_rest_stays(tmp_path: Path) -> None:
    whole, half = tmp_path / "numpy-2.dist-info", tmp_path / "torch-2.dist-info"
    for folder in (whole, half, tmp_path / "~orch", tmp_path / "torch"):
        folder.mkdir()
        (folder / "METADATA").touch()
    (whole / "RECORD").touch()
    assert mend_interrupted(tmp_path) == ["torch-2.dist-info", "~orch"]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["numpy-2.dist-info", "torch"]
    assert mend_interrupted(tmp_path) == []


@pytest.mark.parametrize(
    ("output", "advice"),
    [
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQ", "do not use it"),
        ("OSError: [Errno 28] No space left on device", "disk is full"),
        ("<urlopen error [Errno -3] Temporary failure in name resolution>", "network"),
        ("fatal error: Python.h: No such file or directory", "python3-dev"),
        ("c++: fatal error: Killed signal terminated program cc1plus", "memory"),
        ("ERROR: No matching distribution found for ros-rclpy==7.1.6", "x86-64"),
        ("Retrying: NewConnectionError\nERROR: No matching distribution found", "network"),
        ("something else", "see the log"),
    ],
)
def test_a_failure_is_explained_by_what_was_printed(output: str, advice: str) -> None:
    assert advice in explain(output)
    assert "\n" not in explain(output)
