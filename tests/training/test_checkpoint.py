from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from robot_learning import files
from robot_learning.files import FileWriteError, write_atomic
from robot_learning.training.checkpoint import (
    CheckpointError,
    load_checkpoint,
    save_checkpoint,
)


def save(directory: Path, number: int) -> None:
    save_checkpoint(directory, {"w": torch.full((100,), float(number))}, {"number": number})


def loaded(directory: Path) -> int:
    found = load_checkpoint(directory)
    assert found is not None
    tensors, values = found
    assert (tensors["w"] == values["number"]).all()
    return int(values["number"])


class Disk:
    """A disk with so much room: writing past it raises what the kernel would."""

    def __init__(self, room: int, code: int) -> None:
        self.room, self.code = room, code

    def write(self, path: Path, data: bytes, durable: bool) -> None:
        path.write_bytes(data[: self.room])
        self.room -= len(data)
        if self.room < 0:
            raise OSError(self.code, os.strerror(self.code))


def test_nothing_there_yet_is_none(tmp_path: Path) -> None:
    assert load_checkpoint(tmp_path) is None


def test_the_newest_checkpoint_replaces_the_one_before(tmp_path: Path) -> None:
    for number in range(3):
        save(tmp_path, number)
    assert loaded(tmp_path) == 2
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
@pytest.mark.parametrize("room", [0, 100, 520])
def test_a_full_disk_leaves_the_last_good_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: int, code: int
) -> None:
    """520 bytes hold the tensors but not the index behind them."""
    save(tmp_path, 1)
    before = sorted(path.name for path in tmp_path.iterdir())
    with monkeypatch.context() as patch:
        patch.setattr(files, "_write", Disk(room, code).write)
        with pytest.raises(FileWriteError, match="what was saved before is intact"):
            save(tmp_path, 2)
    assert sorted(path.name for path in tmp_path.iterdir()) == before
    assert loaded(tmp_path) == 1
    save(tmp_path, 3)
    assert loaded(tmp_path) == 3


def test_a_real_file_size_limit_is_survived(tmp_path: Path) -> None:
    code = (
        "import resource, sys; from pathlib import Path\n"
        "from robot_learning.files import write_atomic\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "write_atomic(Path(sys.argv[1]), bytes(5000))\n"
    )
    path = tmp_path / "file"
    path.write_bytes(b"good")
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True)
    assert done.returncode == 1 and "ulimit -f" in done.stderr
    assert path.read_bytes() == b"good"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", ["learner.json", "learner-00000001.safetensors"])
def test_damage_is_recognised(tmp_path: Path, name: str) -> None:
    save(tmp_path, 1)
    path = tmp_path / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"damaged|cannot be read"):
        load_checkpoint(tmp_path)


def test_a_leftover_of_a_killed_write_does_no_harm(tmp_path: Path) -> None:
    save(tmp_path, 1)
    (tmp_path / "learner-00000002.safetensors").write_bytes(b"half")
    assert loaded(tmp_path) == 1
    save(tmp_path, 2)
    assert loaded(tmp_path) == 2


def test_readers_see_the_old_file_or_the_new_one(tmp_path: Path, monkeypatch: Any) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    seen: list[bytes] = []
    real = Path.replace

    def replace(self: Path, target: Path) -> Path:
        seen.append(path.read_bytes())
        return real(self, target)

    monkeypatch.setattr(Path, "replace", replace)
    write_atomic(path, b"new")
    assert (seen, path.read_bytes()) == ([b"old"], b"new")
