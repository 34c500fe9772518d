"""What the control box of an xArm 7 does with a request, by the maker's documents.

Registers, states and error codes are those of the maker's manual of the private protocol (sections
"System State", "Joint velocity control", "RS485 control") and "Robot state and mode explanation";
what the manual leaves open follows what the SDK 1.18.4 does with the answers. Of the manual's
registers those are here that an arm in velocity mode with a gripper needs; others are answered with
nothing and noted in `unknown`.
"""

from __future__ import annotations

import struct
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from robot_learning.hardware import Array
from sim.xarm.gripper import Gripper
from sim.xarm.joints import VelocityJoints

JOINTS = 7
VELOCITY_MODE = 4
MOVING, READY, PAUSED, STOPPED, RECONFIGURED = 1, 2, 3, 4, 5
# Bits of the state that every answer carries.
CANNOT_MOVE, HAS_ERROR, BAD_PARAMETER = 0x10, 0x40, 0x08
EMERGENCY_STOP, JOINT_LIMIT, SPEED_LIMIT, COLLISION = 1, 23, 24, 31
_ENABLE_ALL = 8
_COMMANDS_KEPT = 100_000


@dataclass(frozen=True)
class ArmKind:
    """What the stand-in stands for.

    Attributes:
        axes: number of joints that it says it has.
        kind: the maker's number of the kind of arm.
        firmware: version.
        position_min_rad: joint limits of the firmware, shape (7,).
        position_max_rad: shape (7,).
        velocity_max_rad_s: of every joint.
        acceleration_max_rad_s2: of every joint.
    """

    axes: int = JOINTS
    kind: int = 7
    firmware: str = "1.12.10"
    position_min_rad: tuple[float, ...] = (-6.284, -2.06, -6.284, -0.192, -6.284, -1.693, -6.284)
    position_max_rad: tuple[float, ...] = (6.284, 2.095, 6.284, 3.927, 6.284, 3.142, 6.284)
    velocity_max_rad_s: float = 3.1416
    acceleration_max_rad_s2: float = 20.0

    @property
    def version(self) -> str:
        """As register 1 says it, in the order in which the SDK takes it apart."""
        return f"{self.axes},{self.kind},XI1304,AC1304,v{self.firmware}"


class Command(NamedTuple):
    """A velocity that was asked for.

    Attributes:
        at_s: when, on the steady clock.
        velocity_rad_s: shape (7,).
        duration_s: for how long it is valid.
    """

    at_s: float
    velocity_rad_s: Array
    duration_s: float


class Snapshot(NamedTuple):
    """What holds at one moment.

    Attributes:
        at_s: the moment, on the steady clock.
        position_rad: shape (7,).
        velocity_rad_s: shape (7,).
        state: the maker's number.
        mode: the maker's number.
        error: the maker's code; 0 for none.
        enabled: whether the motors are.
    """

    at_s: float
    position_rad: Array
    velocity_rad_s: Array
    state: int
    mode: int
    error: int
    enabled: bool


class XArmController:
    """The control box; every method may be called from any thread.

    Attributes:
        commands: velocities that were asked for, newest last.
        unknown: numbers of registers that were asked for and are not here.
        gripper: on the tool bus.
    """

    def __init__(
        self,
        position_rad: Array,
        kind: ArmKind | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Switched on, motors off, position mode, ready for nothing.

        Args:
            position_rad: where the joints are, shape (7,).
            kind: what it stands for.
            clock: of its motion.
        """
        self.kind = kind or ArmKind()
        self.commands: deque[Command] = deque(maxlen=_COMMANDS_KEPT)
        self.unknown: set[int] = set()
        self.gripper = Gripper(clock)
        self._clock = clock
        self._joints = VelocityJoints(position_rad, self.kind.acceleration_max_rad_s2, clock())
        self._state, self._mode, self._error = STOPPED, 0, 0
        self._enabled = False
        self._button = False
        self._deaf = False
        self._lock = threading.RLock()
        self._registers: dict[int, Callable[[bytes], bytes]] = {
            1: lambda _: self.kind.version.encode().ljust(40, b"\0"),
            2: lambda _: b"XI130400000000\0AC130400000000".ljust(40, b"\0"),
            11: self._enable,
            12: self._set_state,
            13: lambda _: bytes([self._shown_state()]),
            14: lambda _: bytes(2),
            15: lambda _: bytes([self._error, 0]),
            16: self._clear,
            17: lambda _: b"",
            19: self._set_mode,
            42: self._joint_states,
            55: lambda _: _floats(np.zeros(JOINTS)),
            81: self._velocity,
            124: self.gripper.modbus,
            127: lambda _: b"",
            128: self.gripper.baud_rate,
        }

    def handle(self, register: int, data: bytes) -> tuple[int, bytes] | None:
        """The answer to a request: status byte and data. None: it is deaf."""
        with self._lock:
            if self._deaf:
                return None
            self._advance()
            do = self._registers.get(register)
            if do is None:
                self.unknown.add(register)
            try:
                answer = b"" if do is None else do(data)
            except (struct.error, IndexError, ValueError):
                return self._status() | BAD_PARAMETER, b""
            return self._status(), answer

    def snapshot(self) -> Snapshot:
        """The present."""
        with self._lock:
            self._advance()
            return Snapshot(
                self._clock(),
                self._joints.position_rad.copy(),
                self._joints.velocity_rad_s.copy(),
                self._shown_state(),
                self._mode,
                self._error,
                self._enabled,
            )

    # What happens to it.

    def fail(self, error: int) -> None:
        """An error of the controller, by the maker's code: it stops, and stays stopped."""
        with self._lock:
            self._advance()
            self._fail(error)

    def press_emergency_stop(self) -> None:
        """The button on the box: motors off, until it is released and the error cleared."""
        with self._lock:
            self._advance()
            self._button = True
            self._fail(EMERGENCY_STOP)
            self._enabled = False

    def release_emergency_stop(self) -> None:
        """The button is out again; the error stays."""
        with self._lock:
            self._button = False

    def stop_from_studio(self) -> None:
        """Somebody else sets state 4."""
        with self._lock:
            self._advance()
            self._set_state(bytes([STOPPED]))

    def go_deaf(self, deaf: bool = True) -> None:
        """It answers nothing any more, though connections stay."""
        with self._lock:
            self._deaf = deaf

    # Registers.

    def _enable(self, data: bytes) -> bytes:
        joint, enable = data[0], data[1]
        if joint == _ENABLE_ALL and not self._button:
            self._enabled = bool(enable)
            self._halt(RECONFIGURED if self._error == 0 else STOPPED)
        return b""

    def _set_state(self, data: bytes) -> bytes:
        wanted = data[0]
        if wanted == 0 and self._error == 0 and self._enabled:
            self._halt(READY)
        elif wanted in (PAUSED, STOPPED):
            self._halt(wanted)
        return b""

    def _set_mode(self, data: bytes) -> bytes:
        self._mode = data[0]
        self._halt(RECONFIGURED if self._error == 0 else STOPPED)
        return b""

    def _clear(self, _: bytes) -> bytes:
        self._error = EMERGENCY_STOP if self._button else 0
        self._halt(STOPPED)
        return b""

    def _joint_states(self, data: bytes) -> bytes:
        count = data[0] & 0x0F if data else 1
        parts = (self._joints.position_rad, self._joints.velocity_rad_s, np.zeros(JOINTS))
        return b"".join(_floats(part) for part in parts[:count])

    def _velocity(self, data: bytes) -> bytes:
        velocity = np.array(struct.unpack_from(f"<{JOINTS}f", data), dtype=np.float64)
        together = bool(data[28])
        duration_s = struct.unpack_from("<f", data, 29)[0] if len(data) >= 33 else -1.0
        self.commands.append(Command(self._clock(), velocity, duration_s))
        if self._can_move():
            if (np.abs(velocity) > self.kind.velocity_max_rad_s).any():
                self._fail(SPEED_LIMIT)
            else:
                self._joints.command(velocity, self._clock(), duration_s, together=together)
        return b""

    # Within.

    def _advance(self) -> None:
        self._joints.advance(self._clock())
        q = self._joints.position_rad
        low, high = self.kind.position_min_rad, self.kind.position_max_rad
        if self._error == 0 and ((q < low).any() or (q > high).any()):
            self._fail(JOINT_LIMIT)

    def _can_move(self) -> bool:
        ready = self._state in (MOVING, READY)
        return self._enabled and ready and self._mode == VELOCITY_MODE and self._error == 0

    def _shown_state(self) -> int:
        moving = bool(self._joints.velocity_rad_s.any())
        return MOVING if self._state == READY and moving else self._state

    def _fail(self, error: int) -> None:
        self._error = error
        self._halt(STOPPED)

    def _halt(self, state: int) -> None:
        self._joints.halt(self._clock())
        self._state = state

    def _status(self) -> int:
        ready = self._enabled and self._state in (MOVING, READY)
        return (0 if ready else CANNOT_MOVE) | (HAS_ERROR if self._error else 0)


def _floats(values: Array) -> bytes:
    return struct.pack(f"<{len(values)}f", *values)
