"""The hardware side of a robot, as every environment and driver sees it.

The simulator implements this protocol in `sim/`; over the graph the same data travels as
messages. Joint arrays are float64 in the contract's kinematic order; stamps are seconds on the
source's clock.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from robot_learning.contract import Contract

Array = NDArray[np.float64]
Scene = Mapping[str, Array]
"""Task quantities known beside the robot's state, by name, in the base frame."""


@dataclass(frozen=True, slots=True)
class RobotState:
    """One measurement of the arm and gripper.

    Attributes:
        stamp_s: when it was measured, on the source's clock.
        position_rad: joint positions, shape (7,).
        velocity_rad_s: joint velocities, shape (7,).
        effort_nm: joint torques, shape (7,).
        gripper_width_m: distance between the fingers.
        gripper_speed_m_s: its rate of change.
        gripper_force_n: force the fingers exert.
        wrench: external force (N) and torque (Nm) at the flange, base frame, shape (6,).
    """

    stamp_s: float
    position_rad: Array
    velocity_rad_s: Array
    effort_nm: Array
    gripper_width_m: float
    gripper_speed_m_s: float
    gripper_force_n: float
    wrench: Array


class Moment(NamedTuple):
    """What was measured at one time.

    Attributes:
        state: of the arm and gripper.
        scene: of what is around them.
    """

    state: RobotState
    scene: Scene


@dataclass(frozen=True, slots=True)
class JointPoint:
    """One point of a joint trajectory, as ros2_control's joint trajectory controller takes it.

    Attributes:
        time_from_start_s: when to be there, after the trajectory begins; above 0.
        position_rad: shape (7,).
        velocity_rad_s: shape (7,).
    """

    time_from_start_s: float
    position_rad: Array
    velocity_rad_s: Array


@dataclass(frozen=True, slots=True)
class CameraFrame:
    """One colour image with its calibration.

    Attributes:
        stamp_s: when it was taken, on the source's clock.
        rgb: shape (height, width, 3), uint8.
        intrinsics: camera matrix K in pixels, shape (3, 3).
    """

    stamp_s: float
    rgb: NDArray[np.uint8]
    intrinsics: Array


class Hardware(Protocol):
    """A robot that is stepped: the simulator in process, or a robot behind messages.

    Commands take effect while time passes in `step`. A new trajectory replaces the one before;
    past its last point the arm holds that point.
    """

    contract: Contract

    def read_state(self) -> RobotState:
        """The newest measurement, with the contract's noise and latency."""

    def write_joint_trajectory(self, points: Sequence[JointPoint]) -> None:
        """Replaces the arm's trajectory; it begins now, from the present command."""

    def write_gripper(self, width_m: float, force_n: float) -> None:
        """Sets the gripper's target width and the force it may use."""

    def read_camera(self, name: str) -> CameraFrame:
        """A fresh image of the contract's camera `name`."""

    def read_picture(self) -> CameraFrame:
        """A fresh image as a policy sees it: the part, at the size, that the task names.

        Raises:
            LookupError: the task has no picture.
        """

    def read_scene(self) -> Scene:
        """What is known beside the robot's state, such as `target_position_m` (3,), as measured."""

    def reset(self, seed: int) -> None:
        """Brings arm (at home, at rest) and scene to an initial state drawn from `seed`."""

    def step(self, duration_s: float) -> None:
        """Lets time pass."""

    def close(self) -> None:
        """Releases the hardware; safe to call twice."""


def open_hardware(name: str, contract: Contract, **options: Any) -> Hardware:
    """Opens the hardware that a package registered under the entry point group
    `robot_learning.hardware`; the simulator registers `sim`.

    Raises:
        LookupError: no package registers `name`.
    """
    found = {entry.name: entry for entry in entry_points(group="robot_learning.hardware")}
    if name not in found:
        raise LookupError(
            f"no hardware called {name!r} is installed (known: {sorted(found) or 'none'}); "
            "the simulator comes with: pip install 'robot-learning[sim]'"
        )
    hardware: Hardware = found[name].load()(contract, **options)
    return hardware
