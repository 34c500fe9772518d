"""Judges every moment of a grasping episode from what the graph tells, whatever comes first."""

from __future__ import annotations

import math
from collections import deque
from typing import NamedTuple

from robot_learning.contract import Contract
from robot_learning.control.tool_command import Grip, read_grip
from robot_learning.hardware import Array
from robot_learning.kinematics import ArmKinematics
from robot_learning.perception.sight import Seen
from robot_learning.rewards.lift import LiftJudge, LiftJudgement

_KEPT = 64
# A moment is judged once the action that led to it is known: it began one control period earlier.
_ACTION_PERIODS = 1.5


class JudgedMoment(NamedTuple):
    """A judgement and the stamp of what was judged."""

    stamp_s: float
    judgement: LiftJudgement


class LiftMonitor:
    """Follows one actor's episodes.

    Attributes:
        judging: an episode runs, and its first picture was seen.
    """

    def __init__(self, contract: Contract, kinematics: ArmKinematics | None = None) -> None:
        self._judge = LiftJudge(contract, kinematics or ArmKinematics(contract.robot.arm))
        self._period_s = contract.control_period_s
        self._waiting: deque[Seen] = deque(maxlen=_KEPT)
        self._grips: deque[tuple[float, Grip]] = deque(maxlen=_KEPT)
        self._begins_s: float | None = None
        self._closed = False
        self._acted_s = -math.inf
        self.judging = False

    def on_start(self, stamp_s: float) -> list[JudgedMoment]:
        """An episode begins with the moment of this stamp; what can be judged now."""
        self._begins_s, self.judging, self._closed = stamp_s, False, False
        return self._drain()

    def on_end(self) -> None:
        """The episode is over."""
        self._begins_s, self.judging = None, False

    def on_action(self, stamp_s: float, gated: Array) -> list[JudgedMoment]:
        """What the gate let through of the action that was chosen at this stamp, shape (8,)."""
        if stamp_s < self._acted_s:
            self._grips.clear()  # the clock of the stamps began anew
        self._acted_s = stamp_s
        self._grips.append((stamp_s, read_grip(gated)[0]))
        return self._drain()

    def on_seen(self, seen: Seen) -> list[JudgedMoment]:
        """A moment."""
        if self._waiting and seen.stamp_s < self._waiting[-1].stamp_s:
            self._waiting.clear()
        self._waiting.append(seen)
        return self._drain()

    def _drain(self) -> list[JudgedMoment]:
        """Judges, in order, every moment whose action is known."""
        judged: list[JudgedMoment] = []
        while self._begins_s is not None and self._waiting:
            seen = self._waiting[0]
            if seen.stamp_s < self._begins_s - 1e-6:
                self._waiting.popleft()
            elif not self.judging:
                if seen.stamp_s > self._begins_s + 1e-6:
                    return judged  # the first one was missed: nothing to compare with
                self._judge.begin(seen.state, seen.picture)
                self.judging = True
                self._waiting.popleft()
            elif self._acted_s < seen.stamp_s - _ACTION_PERIODS * self._period_s:
                return judged
            else:
                self._waiting.popleft()
                self._follow_grips(seen.stamp_s - 0.5 * self._period_s)
                judgement = self._judge.judge(seen.state, self._closed, seen.picture)
                judged.append(JudgedMoment(seen.stamp_s, judgement))
        return judged

    def _follow_grips(self, until_s: float) -> None:
        """What the gripper was told by then."""
        while self._grips and self._grips[0][0] <= until_s:
            stamp_s, grip = self._grips.popleft()
            assert self._begins_s is not None
            if grip is not Grip.LEAVE and stamp_s >= self._begins_s - 1e-6:
                self._closed = grip is Grip.CLOSE
