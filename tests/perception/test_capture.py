"""OpenCV's own capture of files: stamps, a lost source, another size, no frame twice."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from robot_learning.perception.capture import CaptureThread, VideoSource


@pytest.fixture
def film(tmp_path: Path) -> str:
    """Six pictures, each of another grey."""
    for n in range(6):
        cv2.imwrite(str(tmp_path / f"{n:04d}.png"), np.full((48, 64, 3), 40 * n, np.uint8))
    return str(tmp_path / "%04d.png")


def opened(source: str, width: int = 64, rate_hz: float = 200.0) -> VideoSource:
    return VideoSource(source, width, 48, rate_hz)


def test_every_frame_comes_once_in_order_with_the_time_it_was_taken(film: str) -> None:
    source, until = opened(film), threading.Event()
    before = time.time()
    frames = [source.read(until) for _ in range(6)]
    assert [int(frame.bgr[0, 0, 0]) for frame in frames if frame] == [0, 40, 80, 120, 160, 200]
    stamps = [frame.stamp_s for frame in frames if frame]
    assert before <= stamps[0] and (np.diff(stamps) > 0).all() and stamps[-1] <= time.time()
    assert source.trouble is None


def test_a_lost_source_is_said_and_opened_again_and_no_frame_is_repeated(film: str) -> None:
    source, until = opened(film), threading.Event()
    for _ in range(6):
        source.read(until)
    assert source.read(until) is None
    assert source.losses == 1 and "gives no more frames" in (source.trouble or "")
    again = source.read(until)  # waits for the next try
    assert again is not None and int(again.bgr[0, 0, 0]) == 0  # it began anew
    assert source.trouble is None


def test_waits_between_tries_grow_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    waits = []

    class Patient(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            waits.append(timeout)
            return False

    now = 0.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    source = opened("/dev/no-such-camera")
    for _ in range(7):
        assert source.read(Patient()) is None
        now = 0.0  # the clock stands still: what is waited for is the whole backoff
    assert source.trouble is not None and "cannot be opened: is it plugged in?" in source.trouble
    assert waits == [0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 8.0]


def test_frames_of_another_size_are_refused(film: str) -> None:
    source = opened(film, width=640)
    assert source.read(threading.Event()) is None
    assert source.trouble is not None and "gives 64 x 48 px, and the contract's" in source.trouble
    assert source.frames == 0


def test_a_thread_hands_on_frames_until_it_is_stopped(film: str) -> None:
    got: list[float] = []
    enough = threading.Event()

    def take(frame) -> None:
        got.append(frame.stamp_s)
        if len(got) == 4:
            enough.set()

    thread = CaptureThread(opened(film), take)
    assert enough.wait(10.0)
    thread.stop()
    count = len(got)
    assert count >= 4 and (np.diff(got) > 0).all()
    time.sleep(0.05)
    assert len(got) == count
