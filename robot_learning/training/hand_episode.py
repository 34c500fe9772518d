"""An episode that a person acts in, alone: where nobody acts and nothing moves, it stands still."""

from __future__ import annotations

import numpy as np

from robot_learning.control.homing import REST_TOLERANCE_RAD_S
from robot_learning.hardware import Moment, RobotState
from robot_learning.replay.step import Step
from robot_learning.rewards.lift import STILL_M_S
from robot_learning.training.actor_types import Judgement, Outcome, Receipt
from robot_learning.training.running_episode import PendingStep, RunningEpisode


class HandEpisode(RunningEpisode):
    """Its first step is the first in which a person asks for a motion.

    From then on a step is left out where nobody has the arm and arm and fingers stand still from
    its beginning to its end; steps in which the arm comes to rest are steps, so that what follows
    a pause begins where the step before it ended. A moment at which the task is done is never left
    out, nor the step under way when the person ends the episode.
    """

    ends_in_success = True
    _rested = True  # when the oldest pending step began; an episode begins at home, at rest
    _is_cut = False

    def goes_on_after(self, index: int) -> bool:
        """Always: which step is the last one is not known before those to leave out are."""
        return True

    def cut(self, label: Outcome | None) -> None:
        """See `RunningEpisode.cut`."""
        super().cut(label)
        self._is_cut = True

    def begins_at_s(self) -> float | None:
        """Stamp of the oldest step once that is one to keep."""
        self._leave_out()
        return self.pending[0].stamp_s if self._whole() is not None else None

    def complete(self, actor_id: str, step_number: int) -> tuple[Step, Moment] | None:
        """See `RunningEpisode.complete`."""
        self._leave_out()
        completed = super().complete(actor_id, step_number)
        if completed is not None:
            self._rested = _rests(completed[1].state)
        return completed

    def _leave_out(self) -> None:
        while (whole := self._whole()) is not None and self._is_nobodys(*whole):
            self._rested = _rests(whole[2].state)
            self._take_out()
            for step in self.pending:
                step.index -= 1

    def _is_nobodys(
        self, step: PendingStep, receipt: Receipt, after: Moment, judgement: Judgement
    ) -> bool:
        if step.index == 0:
            return not (receipt.is_intervention and receipt.requested.any())
        if receipt.is_intervention or judgement.success or self._is_cut:
            return False
        return self._rested and _rests(after.state)


def _rests(state: RobotState) -> bool:
    turning = float(np.abs(state.velocity_rad_s).max())
    return turning < REST_TOLERANCE_RAD_S and abs(state.gripper_speed_m_s) < STILL_M_S
