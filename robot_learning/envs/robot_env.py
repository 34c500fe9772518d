"""What the environments of all tasks share: hardware, arm, spaces of the action, rendering."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.utils.seeding import np_random
from numpy.typing import NDArray

from robot_learning.control.action import Request
from robot_learning.envs.arm_stepper import ArmStepper
from robot_learning.hardware import Hardware, RobotState

Array32 = NDArray[np.float32]
Observation = dict[str, Any]


def scene_seed(seed: int) -> int:
    """The seed of the scene that a reset with `seed` draws."""
    return int(np_random(seed)[0].integers(2**31))


class RobotEnv(gymnasium.Env[Any, Array32], ABC):
    """A task on any `Hardware`, as a Gymnasium environment.

    The arm is moved by the same `ArmController` that the driver node runs: what is learned here
    meets the same limits on the robot. A reset also replaces a controller that latched a fault;
    see `ArmStepper`.

    Attributes:
        hardware: what is moved.
        contract: robot and task.
        arm: its arm.
        doubt: of the policy's model about the action of the next `step`, which is then forgotten;
            set it before (`training.environments.claim_doubt`). It slows or stops the arm.
    """

    def __init__(self, hardware: Hardware, render_mode: str | None = None) -> None:
        """Takes over the hardware; `render_mode`: None or `rgb_array`."""
        self.metadata = {
            "render_modes": ["rgb_array"],
            "render_fps": round(hardware.contract.task.control_hz),
        }
        if render_mode not in (None, "rgb_array"):
            raise ValueError(f"render_mode {render_mode!r} is not known; use 'rgb_array' or None")
        self.hardware = hardware
        self.contract = hardware.contract
        self.render_mode = render_mode
        self.arm = ArmStepper(hardware)
        self.doubt = 0.0
        self._steps = 0
        self.action_space = spaces.Box(-1.0, 1.0, (self.contract.task.action.size,), np.float32)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Begins an episode; the same seed gives the same episode.

        Args:
            seed: seeds the generator that scenes are drawn from; without it the generator goes
                on.
            options: not used.

        Raises:
            SafetyError: the arm cannot be armed; says why.
        """
        super().reset(seed=seed)
        self._steps, self.doubt = 0, 0.0
        return self._begin(self.arm.reset(int(self.np_random.integers(2**31))))

    def close(self) -> None:
        """Releases the hardware."""
        self.hardware.close()

    def _request(self, action: Array32) -> Request:
        """Asks the arm for a control period, with what is doubted of it."""
        doubt, self.doubt = self.doubt, 0.0
        return self.arm.request(action, doubt)

    @abstractmethod
    def _begin(self, state: RobotState) -> tuple[Observation, dict[str, Any]]:
        """What a task does at the beginning of an episode; its first observation and info."""
