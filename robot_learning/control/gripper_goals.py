"""What to tell an action server that moves a gripper: one goal at a time, the newest one.

Makers' servers do not agree on what a second goal does to one under way (franka_gripper runs both
at once), so a goal is cancelled, and has ended, before the next one is asked for. That goes for the
goals of others too: a node that was killed leaves one that its successor did not ask for.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum, auto

ANSWER_MAX_S = 2.0  # a server that says nothing for so long is asked again
_AGAIN_S = 1.0  # after a refused goal


@dataclass(frozen=True, slots=True)
class GripperGoal:
    """Where the gripper's joint shall be.

    Attributes:
        position: of the joint, m or rad.
        max_effort_n: with which it may press, N.
    """

    position: float
    max_effort_n: float


@dataclass(frozen=True, slots=True)
class Ask:
    """A goal to send; its answer and its end are told by this number."""

    number: int
    goal: GripperGoal


class Cancel:
    """The goal under way shall end."""


class CancelOthers:
    """Whatever is under way at the server shall end: nothing of it is this node's."""


class _Stage(Enum):
    IDLE = auto()
    ASKED = auto()
    UNDER_WAY = auto()
    CANCELLING = auto()


class GripperGoals:
    """See the module's text.

    Attributes:
        given: the goal that the server has or had last; None: it must be told anew.
        refused: goals that the server did not take.
    """

    def __init__(self) -> None:
        self.given: GripperGoal | None = None
        self.refused = 0
        self._wanted: GripperGoal | None = None
        self._stage = _Stage.IDLE
        self._number = 0
        self._since_s = -math.inf
        self._not_before_s = -math.inf
        self._others_again_s = -math.inf

    @property
    def under_way(self) -> bool:
        """Whether the server is at work on a goal, as far as is known."""
        return self._stage is not _Stage.IDLE

    def want(self, goal: GripperGoal) -> None:
        """The newest goal; the one before is forgotten."""
        self._wanted = goal

    def next(
        self, now_s: float, ready: bool, others: bool = False
    ) -> Ask | Cancel | CancelOthers | None:
        """What to tell the server now.

        Args:
            now_s: steady clock.
            ready: the server is there. One that went away knows nothing when it is back.
            others: it is at work on a goal that was not asked for here. It is left alone until
                there is something to ask for.
        """
        if not ready:
            self._stage, self.given = _Stage.IDLE, None
            return None
        waits = self._stage in (_Stage.ASKED, _Stage.CANCELLING)
        if waits and now_s - self._since_s > ANSWER_MAX_S:
            self._stage, self.given = _Stage.IDLE, None
        if self._wanted is None or self._wanted == self.given:
            return None
        if self._stage is _Stage.UNDER_WAY:
            self._stage, self._since_s = _Stage.CANCELLING, now_s
            return Cancel()
        if self._stage is not _Stage.IDLE or now_s < self._not_before_s:
            return None
        if others:
            if now_s < self._others_again_s:
                return None
            self._others_again_s = now_s + ANSWER_MAX_S
            return CancelOthers()
        self._number += 1
        self._stage, self._since_s, self.given = _Stage.ASKED, now_s, self._wanted
        return Ask(self._number, self._wanted)

    def answered(self, number: int, accepted: bool, now_s: float) -> bool:
        """The server takes a goal, or does not; then it is asked again a second later.

        Returns:
            Whether the goal is still wanted. One that was given up meanwhile, and is taken after
            all, must be cancelled, or it would be under way beside the next.
        """
        if number != self._number or self._stage is not _Stage.ASKED:
            return False
        if accepted:
            self._stage = _Stage.UNDER_WAY
            return True
        self._stage, self.given = _Stage.IDLE, None
        self._not_before_s = now_s + _AGAIN_S
        self.refused += 1
        return True

    def ended(self, number: int) -> None:
        """A goal has ended, whatever became of it: what holds an object never arrives."""
        if number == self._number:
            self._stage = _Stage.IDLE
