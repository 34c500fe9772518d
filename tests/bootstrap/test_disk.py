from __future__ import annotations

from bootstrap import disk


def test_a_disk_that_is_too_small_is_said_before_anything_is_installed() -> None:
    said = disk.warning(1200, ["torch", "wheels"])
    assert said is not None and "1.2 GB free and about 2.2 GB are needed" in said
    assert disk.warning(2300, ["torch", "wheels"]) is None


def test_what_is_done_already_needs_no_room() -> None:
    assert disk.warning(100, ["project", "workspace"]) is None
