"""Outcomes given after the recording: a file of lines beside the episode, none ever changed."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from robot_learning.demonstrations.episode_info import OUTCOMES


@dataclass(frozen=True, slots=True)
class Label:
    """Somebody's judgement of an episode.

    Attributes:
        outcome: one of `OUTCOMES`.
        by: who said so.
        at: when, ISO 8601 in UTC.
        note: why, one line.
    """

    outcome: str
    by: str
    at: str
    note: str = ""


def add_label(file: Path, label: Label) -> None:
    """Appends a label and brings it to the disk.

    Raises:
        ValueError: there is no such outcome.
        OSError: it cannot be written.
    """
    if label.outcome not in OUTCOMES:
        raise ValueError(f"outcome {label.outcome!r} is not one of {', '.join(OUTCOMES)}")
    line = json.dumps(asdict(label)) + "\n"
    # A line that a kill has torn must not swallow this one.
    if file.exists() and not file.read_bytes().endswith(b"\n"):
        line = "\n" + line
    with file.open("ab") as out:
        out.write(line.encode())
        out.flush()
        os.fsync(out.fileno())


def read_labels(file: Path) -> list[Label]:
    """Every whole label, the newest last; none where there is no file."""
    labels = []
    try:
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return []
    for line in lines:
        try:
            label = Label(**json.loads(line))
        except (ValueError, TypeError):
            continue
        if label.outcome in OUTCOMES:
            labels.append(label)
    return labels
