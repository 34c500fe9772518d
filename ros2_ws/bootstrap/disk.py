"""Whether there is room for what is to be installed: said at once, not after a minute of work."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

NEEDS_MB = {"ros-wheels": 350, "torch": 750, "wheels": 1450, "dev": 500, "workspace": 50}
"""What a stage leaves on the disk, measured in 2026-11 (PyTorch's build for the CPU)."""


def free_mb_at(folder: Path) -> int:
    """What is left on the disk of a folder that exists."""
    return shutil.disk_usage(folder).free // 1_000_000


def warning(free_mb: int, stages: Iterable[str]) -> str | None:
    """A line for a person where the disk is too small; None where it is not.

    It is no refusal: what an interrupted set-up has left may be there already.

    Args:
        free_mb: where the checkout lies.
        stages: names of those that are due.
    """
    needed_mb = sum(NEEDS_MB.get(stage, 0) for stage in stages)
    if free_mb >= needed_mb:
        return None
    return (
        f"the disk has {free_mb / 1000:.1f} GB free and about {needed_mb / 1000:.1f} GB are needed:"
        " free some space, or this may end before it is done"
    )
