"""Devices on their wire: of the kernel's making where it makes any, else through a pipe.

A kernel with uinput and uhid, and a user who may write to them, give a pad and a SpaceMouse with
device nodes of their own. Elsewhere a pipe carries the same records and reports.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import struct
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any

from robot_learning.teleoperation.input_event import ABSOLUTE, BUTTONS, EV_ABS, EV_KEY

_NODE_WITHIN_S = 2.0
# linux/uinput.h
_SET_EVENT, _SET_KEY, _SET_AXIS = 0x40045564, 0x40045565, 0x40045567
_AXIS_SETUP, _SETUP, _CREATE, _DESTROY, _SYSNAME = (
    0x401C5504, 0x405C5503, 0x5501, 0x5502, 0x8040552C,
)  # fmt: skip
_BUS_USB, _BUS_VIRTUAL = 0x03, 0x06
# linux/uhid.h
_UHID_DESTROY, _UHID_CREATE2, _UHID_INPUT2 = 1, 11, 12
# A multi-axis controller: report 1 moves, report 2 turns, report 3 has the buttons.
_SPACEMOUSE = bytes.fromhex(
    "0501 0908 a101"
    "8501 16a2fe 265e01 7510 9503 0930 0931 0932 8102"
    "8502 0933 0934 0935 8102"
    "8503 0509 1901 2910 1500 2501 7501 9510 8102"
    "c0"
)
_SPACEMOUSE_NAME = "robot-learning test SpaceMouse"


class Wire(ABC):
    """A device that can be plugged in, speaks, and can be pulled out.

    Attributes:
        path: where a node opens it; the same however often it is plugged in.
    """

    path: Path

    @abstractmethod
    def plug(self) -> None:
        """Is there from now on."""

    @abstractmethod
    def send(self, data: bytes) -> None:
        """Says something: records of input events, or one report."""

    @abstractmethod
    def pull(self) -> None:
        """Is gone."""


class Pipe(Wire):
    """A pipe in the place of a device node."""

    def __init__(self, path: Path, *, packets: bool = False) -> None:
        """Makes it; with `packets` a write is a read, as of hidraw."""
        self.path, self._packets = path, packets
        os.mkfifo(path)

    def plug(self) -> None:
        """Waits until somebody reads."""
        end = time.monotonic() + 20
        while True:
            try:
                self._file = os.open(self.path, os.O_WRONLY | os.O_NONBLOCK)
                break
            except OSError:
                assert time.monotonic() < end, f"nobody reads {self.path}"
                time.sleep(0.05)
        if self._packets:
            fcntl.fcntl(self._file, fcntl.F_SETFL, os.O_NONBLOCK | os.O_DIRECT)

    def send(self, data: bytes) -> None:
        """Writes."""
        os.write(self._file, data)

    def pull(self) -> None:
        """Closes the writer's end."""
        os.close(self._file)


class _Made(Wire):
    """A device that the kernel makes; `path` is a link to its node."""

    maker: Path

    def __init__(self, path: Path) -> None:
        self.path = path

    def plug(self) -> None:
        """Makes the device and links its node.

        Raises:
            OSError: the kernel makes none here, or this user may not read its node.
        """
        self._file = os.open(self.maker, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            find = self._make()
            end = time.monotonic() + _NODE_WITHIN_S
            while (node := find()) is None or not os.access(node, os.R_OK):
                if time.monotonic() > end:
                    raise OSError(errno.EACCES, "no node that this user may read")
                time.sleep(0.02)
            self.path.symlink_to(node)
        except OSError:
            os.close(self._file)
            raise

    @abstractmethod
    def _make(self) -> Callable[[], Path | None]:
        """Makes the device; what looks for its node."""

    def _unmake(self) -> None:
        """Whatever must be said before the maker's file is closed."""

    def pull(self) -> None:
        """Takes it away; a reader's next read fails as when a plug is pulled."""
        self.path.unlink()
        self._unmake()
        os.close(self._file)


class KernelPad(_Made):
    """A gamepad by uinput: all buttons and axes that `input_event` knows."""

    maker = Path("/dev/uinput")

    def _make(self) -> Callable[[], Path | None]:
        for kind in (EV_KEY, EV_ABS):
            fcntl.ioctl(self._file, _SET_EVENT, kind)
        for code in BUTTONS.values():
            fcntl.ioctl(self._file, _SET_KEY, code)
        for code in ABSOLUTE.values():
            fcntl.ioctl(self._file, _SET_AXIS, code)
            # struct uinput_abs_setup: value, minimum, maximum, fuzz, flat, resolution
            axis = struct.pack("@H2x6i", code, 0, -32768, 32767, 0, 0, 0)
            fcntl.ioctl(self._file, _AXIS_SETUP, axis)
        name = b"robot-learning test pad"
        fcntl.ioctl(self._file, _SETUP, struct.pack("@4H80sI", _BUS_VIRTUAL, 1, 1, 1, name, 0))
        fcntl.ioctl(self._file, _CREATE)
        said = fcntl.ioctl(self._file, _SYSNAME, bytes(64))
        folder = Path("/sys/devices/virtual/input") / said.split(b"\0", 1)[0].decode()
        return lambda: next((Path("/dev/input") / p.name for p in folder.glob("event*")), None)

    def send(self, data: bytes) -> None:
        """Writes records; their times are the kernel's."""
        os.write(self._file, data)

    def _unmake(self) -> None:
        fcntl.ioctl(self._file, _DESTROY)


class KernelSpaceMouse(_Made):
    """A SpaceMouse by uhid."""

    maker = Path("/dev/uhid")

    def _make(self) -> Callable[[], Path | None]:
        uniq = f"{os.getpid()}-{time.monotonic_ns()}"
        texts = _SPACEMOUSE_NAME.encode(), b"", uniq.encode()
        numbers = len(_SPACEMOUSE), _BUS_USB, 0x046D, 0xC62B, 0, 0
        asked = struct.pack("=128s64s64s2H4I4096s", *texts, *numbers, _SPACEMOUSE)
        os.write(self._file, struct.pack("=I", _UHID_CREATE2) + asked)

        def find() -> Path | None:
            for node in Path("/sys/class/hidraw").glob("hidraw*"):
                with contextlib.suppress(OSError):
                    if f"HID_UNIQ={uniq}\n" in (node / "device" / "uevent").read_text():
                        return Path("/dev") / node.name
            return None

        return find

    def send(self, data: bytes) -> None:
        """Sends one report."""
        os.write(self._file, struct.pack("=IH4096s", _UHID_INPUT2, len(data), data))

    def _unmake(self) -> None:
        os.write(self._file, struct.pack("=I", _UHID_DESTROY))


def wire_to(kind: type[_Made], path: Path, **pipe: Any) -> Wire:
    """A device of the kernel's making where it makes one for this user, else a pipe."""
    made = kind(path)
    try:
        made.plug()
    except OSError:
        return Pipe(path, **pipe)
    made.pull()
    return made
