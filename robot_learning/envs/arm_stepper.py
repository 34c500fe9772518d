"""One control period of the arm in process: an action through controller and gate to hardware."""

from __future__ import annotations

from typing import Any

import numpy as np

from robot_learning.control.action import ActionKind, Request
from robot_learning.control.arm_controller import ArmController
from robot_learning.control.lockstep_driver import ticks_between_states
from robot_learning.hardware import Hardware, JointPoint, RobotState
from robot_learning.kinematics import ArmKinematics
from robot_learning.safety.state_machine import SafetyMode


class ArmStepper:
    """The arm of an environment, moved by the same controller as the driver node's.

    Attributes:
        hardware: what is moved.
        kinematics: of its arm.
        controller: of this episode; a reset replaces it, and with it a latched fault. That is for
            simulation; on a robot the driver stands between, and a person clears faults.
        state: the newest measurement; None before the first reset.
    """

    def __init__(self, hardware: Hardware) -> None:
        self.hardware = hardware
        self.contract = hardware.contract
        self.kinematics = ArmKinematics(self.contract.robot.arm)
        self.controller = ArmController(self.contract, self.kinematics)
        self.state: RobotState | None = None
        self._start_s = self._now_s = 0.0
        self._ticks_at_once = ticks_between_states(self.contract)

    @property
    def fault(self) -> str | None:
        """Why the arm stands still; None while it may move."""
        armed = self.controller.mode is SafetyMode.ARMED
        return None if armed else self.controller.reason

    def reset(self, seed: int) -> RobotState:
        """Places arm and scene anew and arms.

        Raises:
            SafetyError: the arm cannot be armed; says why.
        """
        self.hardware.reset(seed)
        self.state = self.hardware.read_state()
        self._start_s, self._now_s = self.state.stamp_s, 0.0
        self.controller = ArmController(self.contract, self.kinematics)
        self.controller.arm(self.state, self._now_s)
        return self.state

    def request(self, action: Any, doubt: float = 0.0) -> Request:
        """Asks for the coming control period, which `step` then lets pass.

        Args:
            action: in action units.
            doubt: of the policy's model about it; see `control.doubt`.

        Raises:
            RuntimeError: before the first reset.
        """
        if self.state is None:
            raise RuntimeError("step() before reset(): call reset() first")
        return self.controller.request(ActionKind.ACTION, action, self.state, self._now_s, doubt)

    def step(self) -> RobotState:
        """One control period: what was asked becomes points, the points become motion.

        Raises:
            RuntimeError: before the first reset.
        """
        if self.state is None:
            raise RuntimeError("step() before reset(): call reset() first")
        left = self.contract.commands_per_action
        while left:
            ticks = min(left, self._ticks_at_once)
            self.state = self._advance(self.state, ticks)
            left -= ticks
        return self.state

    def _advance(self, state: RobotState, ticks: int) -> RobotState:
        """Commands for a few ticks from one state, then lets their time pass; the state after."""
        period_s = self.contract.command_period_s
        points = []
        for index in range(ticks):
            tick = self.controller.tick(self._now_s + index * period_s, state)
            if tick.point is not None:
                points.append(
                    JointPoint(
                        (index + 1) * period_s, tick.point.position_rad, tick.point.velocity_rad_s
                    )
                )
        if points:
            self.hardware.write_joint_trajectory(points)
        self.hardware.step(ticks * period_s)
        self._now_s += ticks * period_s
        return self.hardware.read_state()

    def info(self) -> dict[str, Any]:
        """What became of the newest action, and when the newest state was measured.

        `stamp_s` is in seconds since the episode's first state on the source's clock.
        """
        assert self.state is not None
        action = self.controller.executed_action()
        info = {
            "requested_action": action.requested.astype(np.float32),
            "gated_action": action.gated.astype(np.float32),
            "executed_action": action.executed.astype(np.float32),
            "limits": action.limits,
            # Rounded: an episode is the same whenever it begins on the source's clock.
            "stamp_s": round(self.state.stamp_s - self._start_s, 9),
        }
        return info if self.fault is None else info | {"fault": self.fault}
