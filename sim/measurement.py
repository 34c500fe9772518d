"""Turns exact readings into measurements: late, noisy, stamped with the time they are of."""

from __future__ import annotations

from collections import deque

import numpy as np

from robot_learning.contract.simulation import SimulationContract
from robot_learning.hardware import RobotState
from sim.robot import Reading


class Measurements:
    """Readings by physics step, given out after the contract's latency with its noise.

    The noise of a reading is drawn once: the same measurement read twice is the same.
    """

    def __init__(self, simulation: SimulationContract, start_time_s: float) -> None:
        self._simulation = simulation
        self._start_time_s = start_time_s
        self._delay_steps = simulation.state_latency_s * simulation.physics_hz
        self._readings: deque[tuple[int, Reading]] = deque()
        self._rng = np.random.default_rng(0)
        self._last: tuple[int, RobotState] | None = None

    @property
    def keeps_every_step(self) -> bool:
        """Whether a reading of every physics step is needed, or only of the newest."""
        return self._delay_steps > 0.0

    def restart(self, seed: int, step: int, reading: Reading) -> None:
        """Forgets everything before `step`; noise comes from `seed` from here on."""
        self._rng = np.random.default_rng([seed, 1])
        self._readings.clear()
        self._readings.append((step, reading))
        self._last = None

    def add(self, step: int, reading: Reading) -> None:
        """Stores what the sensors said at a physics step."""
        self._readings.append((step, reading))

    def newest(self, now_steps: float) -> RobotState:
        """The newest measurement that has arrived by now.

        Args:
            now_steps: the present, in physics steps; it may lie between two.
        """
        latest = now_steps - self._delay_steps + 1e-6
        while len(self._readings) > 1 and self._readings[1][0] <= latest:
            self._readings.popleft()
        step, reading = self._readings[0]
        if self._last is None or self._last[0] != step:
            self._last = (step, self._measure(step, reading))
        return self._last[1]

    def _measure(self, step: int, reading: Reading) -> RobotState:
        simulation = self._simulation
        position, velocity = reading.position_rad, reading.velocity_rad_s
        if simulation.position_noise_rad > 0.0:
            position = position + self._rng.normal(0.0, simulation.position_noise_rad, 7)
        if simulation.velocity_noise_rad_s > 0.0:
            velocity = velocity + self._rng.normal(0.0, simulation.velocity_noise_rad_s, 7)
        for array in (position, velocity, reading.effort_nm, reading.wrench):
            array.flags.writeable = False  # one measurement may be handed out many times
        return RobotState(
            stamp_s=self._start_time_s + step / simulation.physics_hz,
            position_rad=position,
            velocity_rad_s=velocity,
            effort_nm=reading.effort_nm,
            gripper_width_m=reading.gripper_width_m,
            gripper_speed_m_s=reading.gripper_speed_m_s,
            gripper_force_n=reading.gripper_force_n,
            wrench=reading.wrench,
        )
