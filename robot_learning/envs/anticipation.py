"""Shows an arm where it is told to be, for policies that were trained on one that follows at once.

An arm that follows its commands late will be there once delay and lag have passed, whatever is
asked of it from now on; `robot-learning sysid` measures by how much. What is measured still says
how a task went.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from robot_learning.hardware import Array, JointPoint, RobotState

_ROUNDING_S = 0.006
"""Simulated time passes in whole physics steps, and commands are 0.01 s or longer."""
_RESTARTED_S = 0.5
"""No command leads so far ahead: a simulator that says such a state was started again."""
STALE_S = 0.5
"""In real time a driver in motion sends many commands in that time: an older one says nothing."""


def as_told(state: RobotState, position_rad: Array, velocity_rad_s: Array) -> RobotState:
    """A measurement with the arm where it is told to be, each shape (7,)."""
    return replace(state, position_rad=position_rad, velocity_rad_s=velocity_rad_s)


class Anticipation:
    """Where the arm is told to be, by the trajectories that its driver sends.

    In real time each begins with the newest commanded motion and carries a stop behind it; in
    lockstep each is of the whole time until the next state, whose motion is the last.
    """

    def __init__(self, *, lockstep: bool) -> None:
        """Nothing was told yet."""
        self._lockstep = lockstep
        self._told: JointPoint | None = None
        self._told_s = -math.inf
        self._reaches_s = -math.inf  # lockstep: commands that were heard lead up to this stamp
        self._doubted_s = -math.inf  # lockstep: the state that came before its command

    def on_command(self, stamp_s: float, points: Sequence[JointPoint]) -> None:
        """A trajectory, not empty.

        Args:
            stamp_s: when it begins, on the clock of the states; of no meaning in lockstep.
            points: in order.
        """
        self._told, self._told_s = points[-1 if self._lockstep else 0], stamp_s
        self._reaches_s += points[-1].time_from_start_s

    def knows(self, state: RobotState) -> bool:
        """Whether the command that led to this state was heard.

        Two processes send them: on a busy machine the state may be here first. In lockstep it is
        said again, and time may pass without a command too: then it is known the second time.
        """
        if not self._lockstep or self._told is None:
            self._reaches_s = state.stamp_s
            return True
        ahead_s = self._reaches_s - state.stamp_s
        if ahead_s < -_ROUNDING_S and state.stamp_s != self._doubted_s:
            self._doubted_s = state.stamp_s
            return False
        if ahead_s < _ROUNDING_S or ahead_s > _RESTARTED_S:
            self._reaches_s = state.stamp_s  # so that roundings do not add up
        return True

    def shown(self, state: RobotState) -> RobotState:
        """The state as a policy is to see it; as measured where nothing was told of late."""
        told = self._told
        if told is None or not (self._lockstep or state.stamp_s - self._told_s < STALE_S):
            return state
        return as_told(state, told.position_rad, told.velocity_rad_s)
