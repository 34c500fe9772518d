"""When an episode may begin at home: between two control periods of the driver's.

In lockstep, where the arm feels its way, states are said within a control period too. The arm may
be seen at home in one of these while the driver's command still runs; what is asked then comes too
late for the period that it means.
"""

from __future__ import annotations

import numpy as np

from robot_learning.contract import Contract
from robot_learning.control.homing import measured_at_home
from robot_learning.hardware import RobotState

# A step in lockstep lasts its period; anything longer means that time passed without an action.
DURATION_TOLERANCE_S = 2e-3


class HomeArrival:
    """Watches the states of one way home after the other."""

    def __init__(self, contract: Contract, *, lockstep: bool) -> None:
        self._contract = contract
        self._states_within = lockstep and contract.task.touches
        self._asked_s = self._before_s = self._newest_s = -np.inf

    def begin(self) -> None:
        """A way home is about to begin."""
        self._asked_s = -np.inf

    def see(self, state: RobotState) -> None:
        """Takes every state, on the way and elsewhere."""
        self._before_s, self._newest_s = self._newest_s, state.stamp_s

    def is_early(self, state: RobotState) -> bool:
        """Whether the newest state shows the arm at home within a control period.

        A state said again shows that time stands still, and no command runs.
        """
        if not measured_at_home(self._contract, state):
            if self._asked_s == -np.inf:
                self._asked_s = state.stamp_s
            return False
        if not self._states_within or self._asked_s == -np.inf or state.stamp_s == self._before_s:
            return False
        period_s = self._contract.control_period_s
        periods = (state.stamp_s - self._asked_s) / period_s
        return abs(periods - round(periods)) * period_s > DURATION_TOLERANCE_S
