"""The same commands again: a recording's, given to the simulator, at the moments they were sent."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from robot_learning.contract import Contract
from robot_learning.hardware import Hardware, JointPoint
from robot_learning.identification.recording import MotionRecording

Array = NDArray[np.float64]

_APPROACH_SHARE = 0.2  # of the joints' limits, on the way to where a recording begins
_SETTLE_S = 1.0


def replay(recording: MotionRecording, hardware: Hardware) -> Array:
    """Positions (n, joints) of the simulated arm at the recording's stamps.

    It is first brought to where the recording begins, and rests there.

    Args:
        recording: of an arm of this kind.
        hardware: a simulated arm, without noise.
    """
    contract = hardware.contract
    hardware.reset(0)
    _approach(recording.start_rad, hardware)
    end_s = float(recording.stamp_s[-1])
    begin_s = min(float(recording.stamp_s[0]), recording.commands[0].sent_s)
    clock = _Clock(hardware, begin_s, 1.0 / contract.robot.simulation.physics_hz)
    clock.look()
    for command in recording.commands:
        if command.sent_s > end_s:
            break
        clock.go_to(command.sent_s)
        hardware.write_joint_trajectory(command.points)
    clock.go_to(end_s + contract.robot.simulation.state_latency_s + clock.stride_s)
    times, path = np.array(clock.times_s), np.stack(clock.positions)
    columns = [np.interp(recording.stamp_s, times, path[:, j]) for j in range(path.shape[1])]
    return np.stack(columns, axis=1)


def without_noise(contract: Contract) -> Contract:
    """The same contract, measured exactly and at once: its stamps and motion stay as they are."""
    return with_simulation(
        contract, position_noise_rad=0.0, velocity_noise_rad_s=0.0, state_latency_s=0.0
    )


def with_simulation(contract: Contract, **settings: object) -> Contract:
    """The contract with other values in its robot's `simulation`."""
    data = contract.model_dump(mode="json")
    data["robot"]["simulation"] |= settings
    return Contract.model_validate(data)


class _Clock:
    """Lets a simulator's time pass in short strides, and notes where the arm is."""

    def __init__(self, hardware: Hardware, begin_s: float, stride_s: float) -> None:
        self.stride_s = stride_s
        self.times_s: list[float] = []
        self.positions: list[Array] = []
        self._hardware = hardware
        self._now_s = begin_s
        self._offset_s = begin_s - hardware.read_state().stamp_s

    def look(self) -> None:
        state = self._hardware.read_state()
        time_s = state.stamp_s + self._offset_s
        if not self.times_s or time_s > self.times_s[-1]:
            self.times_s.append(time_s)
            self.positions.append(state.position_rad)

    def go_to(self, time_s: float) -> None:
        while (left_s := time_s - self._now_s) > 1e-9:
            stride_s = min(left_s, self.stride_s)
            self._hardware.step(stride_s)
            self._now_s += stride_s
            self.look()


def _approach(start_rad: Array, hardware: Hardware) -> None:
    joints = hardware.contract.robot.arm.joints
    way = np.abs(start_rad - hardware.read_state().position_rad)
    speed = _APPROACH_SHARE * np.array([joint.velocity_max_rad_s for joint in joints])
    duration_s = max(0.1, float((way / speed).max()))
    hardware.write_joint_trajectory([JointPoint(duration_s, start_rad, np.zeros_like(start_rad))])
    hardware.step(duration_s + _SETTLE_S)


Opener = Callable[[Contract], Hardware]
"""Opens a simulated arm; whoever calls it closes that."""
