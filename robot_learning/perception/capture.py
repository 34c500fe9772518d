"""Frames straight from a camera by OpenCV: stamped when they are taken, and never one twice.

A device that is lost is said and opened again, with longer and longer waits in between.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

UInt8 = NDArray[np.uint8]

BACKOFF_FIRST_S, BACKOFF_MAX_S = 0.5, 8.0


@dataclass(frozen=True, slots=True, eq=False)
class CapturedFrame:
    """One frame.

    Attributes:
        stamp_s: when it was taken, on the clock given.
        bgr: shape (height, width, 3), uint8.
    """

    stamp_s: float
    bgr: UInt8


class VideoSource:
    """A device, a stream's address, a video file or numbered pictures (`frames/%04d.png`).

    Attributes:
        trouble: why there are no frames at present, one line; None while there are.
        is_live: frames come when a camera takes them; a file is played, and ends.
        frames: read so far.
        losses: how often the source was lost.
    """

    def __init__(
        self,
        source: str,
        width_px: int,
        height_px: int,
        rate_hz: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Remembers what to open; `read` opens it.

        Args:
            source: number or path of a device (`0`, `/dev/v4l/by-id/...`), address, or file.
            width_px: of the frames; others are refused.
            height_px: of the frames.
            rate_hz: asked of a device; files are played at it.
            clock: seconds, for the stamps.
        """
        self.source = source
        self.trouble: str | None = f"{source} is not open yet"
        self.frames = self.losses = 0
        self._size, self._rate_hz, self._clock = (width_px, height_px), rate_hz, clock
        self._capture: cv2.VideoCapture | None = None
        self._wait_s, self._next_try_s, self._next_frame_s = BACKOFF_FIRST_S, 0.0, 0.0
        self._is_device = source.isdigit() or source.startswith("/dev/")
        self.is_live = self._is_device or "://" in source

    def read(self, until: threading.Event) -> CapturedFrame | None:
        """Waits for the next frame; None: there is none now, or `until` was set meanwhile."""
        if not self._ready(until):
            return None
        assert self._capture is not None
        if not self.is_live and until.wait(max(0.0, self._next_frame_s - time.monotonic())):
            return None
        self._next_frame_s = max(self._next_frame_s, time.monotonic() - 1.0) + 1.0 / self._rate_hz
        grabbed = self._capture.grab()
        stamp_s = self._clock()  # before it is decoded
        done, frame = self._capture.retrieve() if grabbed else (False, None)
        if not done or frame is None:
            self._lose("gives no more frames")
            return None
        bgr = np.asarray(frame, np.uint8)
        if bgr.ndim == 2:
            bgr = np.asarray(cv2.cvtColor(bgr, cv2.COLOR_GRAY2BGR), np.uint8)
        height, width = bgr.shape[:2]
        if (width, height) != self._size:
            self.trouble = (
                f"{self.source} gives {width} x {height} px, and the contract's camera "
                f"{self._size[0]} x {self._size[1]}: choose another mode, or change the contract"
            )
            return None
        self.frames += 1
        self.trouble, self._wait_s = None, BACKOFF_FIRST_S
        return CapturedFrame(stamp_s, bgr)

    def close(self) -> None:
        """Releases the device; the next `read` opens it again."""
        if self._capture is not None:
            self._capture.release()
            self._capture = None

    def _ready(self, until: threading.Event) -> bool:
        if self._capture is not None:
            return True
        if until.wait(max(0.0, self._next_try_s - time.monotonic())):
            return False
        self._capture = self._open()
        if self._capture is None:
            self._lose("cannot be opened")
        return self._capture is not None

    def _open(self) -> cv2.VideoCapture | None:
        if self._is_device:
            name = int(self.source) if self.source.isdigit() else self.source
            capture = cv2.VideoCapture(name, cv2.CAP_V4L2)
            capture.set(cv2.CAP_PROP_FRAME_WIDTH, self._size[0])
            capture.set(cv2.CAP_PROP_FRAME_HEIGHT, self._size[1])
            capture.set(cv2.CAP_PROP_FPS, self._rate_hz)
            capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)  # no queue of old frames
        else:
            capture = cv2.VideoCapture(self.source)
        if capture.isOpened():
            return capture
        capture.release()
        return None

    def _lose(self, what: str) -> None:
        self.close()
        self.losses += 1
        self.trouble = f"{self.source} {what}: is it plugged in? Trying again in {self._wait_s:g} s"
        self._next_try_s = time.monotonic() + self._wait_s
        self._wait_s = min(2.0 * self._wait_s, BACKOFF_MAX_S)


class CaptureThread:
    """Reads a source in a thread, so that a device that hangs stops nothing else."""

    def __init__(self, source: VideoSource, on_frame: Callable[[CapturedFrame], None]) -> None:
        """Begins.

        Args:
            source: nobody else may read it.
            on_frame: called in the thread with each frame.
        """
        self._source, self._on_frame = source, on_frame
        self._leave = threading.Event()
        self.last_s = time.monotonic()
        self._thread = threading.Thread(target=self._loop, name="capture", daemon=True)
        self._thread.start()

    def silent_s(self) -> float:
        """Time since the last frame, or since the beginning."""
        return time.monotonic() - self.last_s

    def stop(self) -> None:
        """Ends after the frame under way; a device that hangs is left behind."""
        self._leave.set()
        self._thread.join(timeout=1.0)

    def _loop(self) -> None:
        try:
            while not self._leave.is_set():
                frame = self._source.read(self._leave)
                if frame is not None and not self._leave.is_set():
                    self.last_s = time.monotonic()
                    self._on_frame(frame)
        finally:
            self._source.close()
