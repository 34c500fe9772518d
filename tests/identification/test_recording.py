"""Recorded motion: its file, and what is refused with one line that says why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from motion_samples import CONTRACT, recorded

from robot_learning.contract import load_contract
from robot_learning.hardware import JointPoint
from robot_learning.identification.recording import (
    Command,
    MotionError,
    MotionRecording,
    rate_of,
    read_motion,
)


@pytest.fixture(scope="module")
def motion() -> MotionRecording:
    return recorded()


def test_a_recording_comes_back_from_its_file_as_it_was(
    motion: MotionRecording, tmp_path: Path
) -> None:
    motion.save(tmp_path / "a.safetensors")
    again = read_motion(tmp_path / "a.safetensors")
    assert (again.robot, again.joint_names) == (motion.robot, motion.joint_names)
    assert [c.sent_s for c in again.commands] == [c.sent_s for c in motion.commands]
    for name in ("stamp_s", "received_s", "position_rad"):
        np.testing.assert_array_equal(getattr(again, name), getattr(motion, name))
    times = np.arange(0.0, 2.0, 0.01)
    np.testing.assert_array_equal(again.references(times), motion.references(times))
    again.check()
    again.require_robot(CONTRACT)


def test_the_rate_is_that_of_uneven_stamps_and_of_recordings_with_gaps() -> None:
    uneven = np.floor(2.4 * np.arange(200)) / 240.0
    assert rate_of(uneven) == pytest.approx(100.0, rel=0.01)
    torn = np.delete(np.arange(300) * 0.01, [*range(50, 290, 7), *range(100, 140)])
    assert rate_of(torn) == pytest.approx(100.0, rel=0.01)


def with_state(motion: MotionRecording, value: float) -> MotionRecording:
    position = motion.position_rad.copy()
    position[50, 3] = value
    return replace(motion, position_rad=position)


def with_command(motion: MotionRecording, value: float) -> MotionRecording:
    first = motion.commands[0]
    position = first.points[0].position_rad.copy()
    position[2] = value
    point = JointPoint(0.01, position, np.zeros(7))
    return replace(motion, commands=(Command(first.sent_s, (point,)), *motion.commands[1:]))


def shifted(motion: MotionRecording, by_s: float, *, received: bool = False) -> MotionRecording:
    times = (motion.received_s if received else motion.stamp_s).copy()  # type: ignore[union-attr]
    times[100:] += by_s
    if received:
        return replace(motion, received_s=times)
    return replace(motion, stamp_s=times, received_s=None)


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda m: with_state(m, np.nan), r"panda_joint4 is nan at 0\.500 s"),
        (lambda m: with_command(m, np.inf), r"a command of panda_joint3 at 0\.000 s is not finite"),
        (lambda m: replace(m, commands=()), "holds no commands"),
        (lambda m: shifted(m, -0.5), r"jumps by -0\.490 s at 0\.990 s"),
        (lambda m: shifted(m, 3.0), r"jumps by \+3\.010 s at 0\.990 s"),
        (lambda m: shifted(m, 0.4, received=True), r"part by 0\.400 s at 0\.990 s"),
        (lambda m: replace(m, commands=m.commands[::-1]), "commands' times do not rise"),
        (
            lambda m: replace(
                m, stamp_s=m.stamp_s[:5], position_rad=m.position_rad[:5], received_s=None
            ),
            "holds 5 states, at least 20",
        ),
    ],
)
def test_what_nothing_can_be_learned_from_is_refused(
    motion: MotionRecording, spoil: Callable[[MotionRecording], MotionRecording], says: str
) -> None:
    with pytest.raises(MotionError, match=says):
        spoil(motion).check()


def test_a_recording_of_another_robot_is_refused_with_both_names(motion: MotionRecording) -> None:
    with pytest.raises(MotionError, match=r"of robot panda with joints panda_joint1.*fr3 has fr3_"):
        motion.require_robot(load_contract("fr3", "reach"))


@pytest.mark.parametrize("content", [b"", b"\x80\x04.", b"not at all", b"\xff" * 64])
def test_a_file_that_is_no_motion_is_one_line(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(content)
    with pytest.raises(
        MotionError, match=r"a\.safetensors: is no file of recorded motion"
    ) as error:
        read_motion(path)
    assert "\n" not in str(error.value)
