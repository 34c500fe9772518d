"""Recorded motion: what was commanded and what was measured, on one clock, and its file.

The file is safetensors, with what it says of itself as JSON in its metadata.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from robot_learning.contract import Contract
from robot_learning.control.trajectory import TrajectoryFollower
from robot_learning.files import write_atomic
from robot_learning.hardware import JointPoint

Array = NDArray[np.float64]

FORMAT = "robot_learning.motion/1"
SUFFIX = ".safetensors"
GAP_MAX_S = 1.0
"""A longer silence of the states is a clock that jumped or a recording that was cut."""
CLOCK_JUMP_S = 0.25
STATES_MIN = 20
_USUAL_STRIDES = 1.6  # medians: more than an uneven step, less than a state that was lost


class MotionError(ValueError):
    """A recording cannot be used. One line says why, where, and what to do."""


@dataclass(frozen=True, slots=True)
class Command:
    """A trajectory as it was sent.

    Attributes:
        sent_s: when; the times of its points count from then.
        points: in order, joints in the contract's order.
    """

    sent_s: float
    points: tuple[JointPoint, ...]


@dataclass(frozen=True)
class MotionRecording:
    """Motion of one arm. Times are seconds on the clock of the states' stamps.

    Attributes:
        robot: name of the robot's contract.
        joint_names: in the order of every joint array here.
        commands: in the order sent.
        stamp_s: when each state was measured, shape (n,).
        received_s: when each state was received, shape (n,); None where nobody knows on this clock.
        position_rad: shape (n, joints).
        contract: what robot and task agreed on then, where that is known.
        origin: where it is from, one line.
    """

    robot: str
    joint_names: tuple[str, ...]
    commands: tuple[Command, ...]
    stamp_s: Array
    received_s: Array | None
    position_rad: Array
    contract: dict[str, Any] | None = None
    origin: str = ""

    @property
    def rate_hz(self) -> float:
        """States per second, by their stamps."""
        return rate_of(self.stamp_s)

    @property
    def latency_s(self) -> Array | None:
        """Age of each state on receipt, shape (n,)."""
        return None if self.received_s is None else self.received_s - self.stamp_s

    def check(self) -> None:
        """Refuses what nothing can be learned from.

        Raises:
            MotionError: naming what is wrong, the joint and the time.
        """
        if not self.commands:
            raise MotionError(
                f"{self.origin}: holds no commands; record the commanded trajectories beside the "
                "states (robot-learning sysid excite, or the recorder's node)"
            )
        if len(self.stamp_s) < STATES_MIN:
            raise MotionError(
                f"{self.origin}: holds {len(self.stamp_s)} states, at least {STATES_MIN} are needed"
            )
        self._check_clock()
        bad = np.argwhere(~np.isfinite(self.position_rad))
        if len(bad):
            row, joint = bad[0]
            raise MotionError(
                f"{self.origin}: {self.joint_names[joint]} is {self.position_rad[row, joint]} at "
                f"{self.stamp_s[row] - self.stamp_s[0]:.3f} s; check the robot's driver"
            )
        for command in self.commands:
            for point in command.points:
                both = np.stack((point.position_rad, point.velocity_rad_s))
                if not np.isfinite(both).all():
                    joint = int(np.argwhere(~np.isfinite(both))[0][1])
                    raise MotionError(
                        f"{self.origin}: a command of {self.joint_names[joint]} at "
                        f"{command.sent_s - self.stamp_s[0]:.3f} s is not finite"
                    )

    def _check_clock(self) -> None:
        if not np.isfinite(self.stamp_s).all():
            raise MotionError(f"{self.origin}: a stamp is not finite; check the robot's driver")
        strides = np.diff(self.stamp_s)
        at = int(np.argmax((strides <= 0.0) | (strides > GAP_MAX_S)))
        if strides[at] <= 0.0 or strides[at] > GAP_MAX_S:
            raise MotionError(
                f"{self.origin}: the clock of the states jumps by {strides[at]:+.3f} s at "
                f"{self.stamp_s[at] - self.stamp_s[0]:.3f} s; record again with a steady clock"
            )
        sent = np.array([command.sent_s for command in self.commands])
        if not np.isfinite(sent).all() or (np.diff(sent) < 0.0).any():
            raise MotionError(f"{self.origin}: the commands' times do not rise; was a clock set?")
        if (latency := self.latency_s) is not None:
            jump = np.abs(np.diff(latency))
            at = int(np.argmax(jump))
            if jump[at] > CLOCK_JUMP_S:
                raise MotionError(
                    f"{self.origin}: stamps and times of receipt part by {jump[at]:.3f} s at "
                    f"{self.stamp_s[at] - self.stamp_s[0]:.3f} s: a clock was set, or states "
                    "were held up; record again"
                )

    def require_robot(self, contract: Contract) -> None:
        """Refuses a recording of another robot.

        Raises:
            MotionError: naming both.
        """
        wanted = contract.robot.arm.joint_names
        if self.joint_names != wanted:
            raise MotionError(
                f"{self.origin}: is of robot {self.robot or 'unknown'} with joints "
                f"{', '.join(self.joint_names)}; {contract.robot.name} has {', '.join(wanted)}"
            )
        if self.robot and self.robot != contract.robot.name:
            raise MotionError(
                f"{self.origin}: is of robot {self.robot}, not of {contract.robot.name}; name it "
                "with --robot"
            )

    def references(self, times_s: Array) -> Array:
        """Commanded positions (n, joints) at ascending times, as a controller without delay has."""
        follower = TrajectoryFollower(self.start_rad)
        for command in self.commands:
            follower.write(command.sent_s, command.points)
        return follower.references(times_s)

    @property
    def start_rad(self) -> Array:
        """Where the arm is before the first command, shape (joints,)."""
        before = self.stamp_s <= self.commands[0].sent_s if self.commands else self.stamp_s < 0.0
        return np.array(
            self.position_rad[before].mean(axis=0) if before.any() else self.position_rad[0]
        )

    def save(self, path: Path) -> None:
        """Writes it; the file is whole or not there.

        Raises:
            FileWriteError: it could not be written.
        """
        write_atomic(path, self.to_bytes())

    def to_bytes(self) -> bytes:
        """The file's content."""
        points = [point for command in self.commands for point in command.points]
        joints = len(self.joint_names)
        arrays = {
            "command_sent_s": np.array([command.sent_s for command in self.commands]),
            "command_points": np.array([len(command.points) for command in self.commands]),
            "point_time_from_start_s": np.array([point.time_from_start_s for point in points]),
            "point_position_rad": _rows([point.position_rad for point in points], joints),
            "point_velocity_rad_s": _rows([point.velocity_rad_s for point in points], joints),
            "stamp_s": self.stamp_s,
            "position_rad": self.position_rad,
        }
        if self.received_s is not None:
            arrays["received_s"] = self.received_s
        about = {
            "format": FORMAT,
            "robot": self.robot,
            "joint_names": json.dumps(self.joint_names),
            "contract": json.dumps(self.contract),
            "origin": self.origin,
        }
        return save({k: np.ascontiguousarray(v) for k, v in arrays.items()}, about)


def read_motion(path: Path) -> MotionRecording:
    """Reads a motion file.

    Raises:
        MotionError: it is none.
        OSError: it cannot be read.
    """
    path.open("rb").close()
    try:
        with safe_open(path, "np") as file:
            about = file.metadata() or {}
            arrays = {name: np.asarray(file.get_tensor(name)) for name in file.keys()}  # noqa: SIM118
        if about.get("format") != FORMAT:
            raise MotionError(f"{path}: holds no motion; expected {FORMAT}")
        return _from_arrays(path, about, arrays)
    except (SafetensorError, KeyError, ValueError) as error:
        if isinstance(error, MotionError):
            raise
        raise MotionError(f"{path}: is no file of recorded motion: {error}") from None


def _from_arrays(
    path: Path, about: dict[str, str], arrays: dict[str, NDArray[Any]]
) -> MotionRecording:
    names = tuple(str(name) for name in json.loads(about["joint_names"]))
    counts = arrays["command_points"].astype(int)
    times = arrays["point_time_from_start_s"]
    positions, velocities = arrays["point_position_rad"], arrays["point_velocity_rad_s"]
    states = (len(arrays["stamp_s"]), len(names))
    if (
        counts.sum() != len(times)
        or positions.shape != velocities.shape
        or positions.shape != (len(times), len(names))
        or arrays["position_rad"].shape != states
        or len(arrays["command_sent_s"]) != len(counts)
    ):
        raise MotionError(f"{path}: its arrays do not fit each other")
    commands, first = [], 0
    for sent, count in zip(arrays["command_sent_s"], counts, strict=True):
        rows = range(first, first + int(count))
        points = tuple(JointPoint(float(times[i]), positions[i], velocities[i]) for i in rows)
        commands.append(Command(float(sent), points))
        first += int(count)
    return MotionRecording(
        robot=about["robot"],
        joint_names=names,
        commands=tuple(commands),
        stamp_s=arrays["stamp_s"],
        received_s=arrays.get("received_s"),
        position_rad=arrays["position_rad"],
        contract=json.loads(about["contract"]),
        origin=str(path),
    )


def rate_of(stamp_s: Array) -> float:
    """Per second, of ascending stamps, shape (n,); what was lost in between does not count.

    A source with a step of its own stamps unevenly: a simulator of 240 Hz that is asked at 100 Hz
    by turns after 8.3 and 12.5 ms.
    """
    strides = np.diff(stamp_s)
    return float(1.0 / strides[strides <= _USUAL_STRIDES * np.median(strides)].mean())


def sha256_of(path: Path) -> str:
    """Of a file's bytes, hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _rows(rows: Sequence[Array], width: int) -> Array:
    return np.stack(rows) if rows else np.zeros((0, width))
