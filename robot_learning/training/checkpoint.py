"""Checkpoints: tensors in safetensors, the rest in JSON, switched over in one rename.

`learner.json` names the tensor file it belongs to and its hash. It is replaced last, so that at
every instant the folder holds one whole checkpoint, also when the disk runs full in the middle.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from safetensors.torch import load, save
from torch import Tensor

from robot_learning.files import write_atomic

_FORMAT_VERSION = 1
_INDEX = "learner.json"


class CheckpointError(ValueError):
    """A checkpoint is damaged or belongs to another run. One line says which."""


def save_checkpoint(directory: Path, tensors: dict[str, Tensor], values: dict[str, Any]) -> None:
    """Replaces the folder's checkpoint.

    Raises:
        FileWriteError: disk full or the like; the checkpoint before is intact.
    """
    index = directory / _INDEX
    before = json.loads(index.read_text()) if index.exists() else {"serial": 0}
    serial = before["serial"] + 1
    data = save(tensors)
    tensors_file = directory / f"learner-{serial:08d}.safetensors"
    try:
        write_atomic(tensors_file, data)
        text = json.dumps(
            {
                "format_version": _FORMAT_VERSION,
                "serial": serial,
                "tensors_file": tensors_file.name,
                "tensors_sha256": hashlib.sha256(data).hexdigest(),
                "values": values,
            },
            sort_keys=True,
        )
        write_atomic(index, text.encode())
    except OSError:
        tensors_file.unlink(missing_ok=True)
        raise
    for old in directory.glob("learner-*.safetensors"):
        if old != tensors_file:
            old.unlink()


def load_checkpoint(directory: Path) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """Reads the folder's checkpoint; None where there is none yet.

    Raises:
        CheckpointError: it is damaged, or of another format.
    """
    index = directory / _INDEX
    if not index.exists():
        return None
    try:
        content = json.loads(index.read_text())
        version, values = content["format_version"], content["values"]
        tensors_file = directory / Path(content["tensors_file"]).name
        expected = content["tensors_sha256"]
    except (ValueError, KeyError, TypeError):
        raise CheckpointError(f"{index}: is no checkpoint, or damaged") from None
    if version != _FORMAT_VERSION:
        raise CheckpointError(f"{index}: has format {version}, this software {_FORMAT_VERSION}")
    try:
        data = tensors_file.read_bytes()
    except OSError as error:
        raise CheckpointError(f"{tensors_file}: cannot be read: {error.strerror}") from None
    if hashlib.sha256(data).hexdigest() != expected:
        raise CheckpointError(f"{tensors_file}: is damaged (its hash is not the recorded one)")
    return load(data), values


def require_same_run(directory: Path, before: dict[str, Any], now: dict[str, Any]) -> None:
    """Refuses to go on with a run of other settings.

    Args:
        directory: of the checkpoint.
        before: the fingerprint in it.
        now: of the run to go on with.

    Raises:
        CheckpointError: naming what differs.
    """
    changed = [key for key in sorted(before | now) if before.get(key) != now.get(key)]
    if changed:
        shown = "; ".join(f"{k}: {before.get(k)!r} then, {now.get(k)!r} now" for k in changed)
        raise CheckpointError(
            f"{directory} holds a run with other settings: {shown}; "
            "resume with the same, or choose another --out"
        )
