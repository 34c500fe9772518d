"""How far the simulator is from a recording of the arm: the replay gap."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robot_learning.contract import Contract
from robot_learning.identification.recording import MotionRecording
from robot_learning.identification.replay import Opener, replay, without_noise
from robot_learning.kinematics import ArmKinematics

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Gap:
    """Recorded against simulated, the same commands.

    Attributes:
        stamp_s: shape (n,).
        error_rad: simulated less recorded, shape (n, joints).
        tool_error_m: distance of the tool centre points, shape (n,).
        simulated_rad: shape (n, joints).
        joint_names: of the columns.
    """

    stamp_s: Array
    error_rad: Array
    tool_error_m: Array
    simulated_rad: Array
    joint_names: tuple[str, ...]

    def plain(self) -> dict[str, Any]:
        """Figures, as JSON holds them."""
        rms = np.sqrt(np.square(self.error_rad).mean(axis=0))
        worst = np.abs(self.error_rad).max(axis=0)
        return {
            "states": len(self.stamp_s),
            "rmse_rad": dict(zip(self.joint_names, map(float, rms), strict=True)),
            "max_rad": dict(zip(self.joint_names, map(float, worst), strict=True)),
            "tool_rmse_mm": 1e3 * float(np.sqrt(np.square(self.tool_error_m).mean())),
            "tool_max_mm": 1e3 * float(self.tool_error_m.max()),
        }


def measure_gap(recording: MotionRecording, contract: Contract, open_simulator: Opener) -> Gap:
    """Replays a recording's commands in the simulator that a contract describes.

    Raises:
        MotionError: the recording is of another robot or cannot be used.
    """
    recording.check()
    recording.require_robot(contract)
    with closing(open_simulator(without_noise(contract))) as hardware:
        simulated = replay(recording, hardware)
    kinematics = ArmKinematics(contract.robot.arm)
    tool = [
        np.linalg.norm(kinematics.tcp_position(a) - kinematics.tcp_position(b))
        for a, b in zip(simulated, recording.position_rad, strict=True)
    ]
    return Gap(
        recording.stamp_s,
        simulated - recording.position_rad,
        np.array(tool),
        simulated,
        recording.joint_names,
    )
