"""The gripper's width by what the arm is asked to do: held, or opened and closed by the action."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from robot_learning.contract import Contract
from robot_learning.contract.actions import TcpGrasp, TcpPick
from robot_learning.control.action import ActionKind
from robot_learning.control.doubt import share_of_speed, why_refused
from robot_learning.control.request_filter import RequestFilter
from robot_learning.control.tool_command import Grip, asked_of_gripper


def grip_width_m(contract: Contract, grip: Grip) -> float:
    """The width that closing (0) or opening (all the way) asks for."""
    return 0.0 if grip is Grip.CLOSE else contract.robot.gripper.width_max_m


class GripperControl:
    """Follows the requests that the arm follows: what the arm would refuse moves no finger.

    A task whose action has no grip holds the contract's width. One that grasps opens on the way
    home, and otherwise does what the action says.

    Attributes:
        width_m: what the gripper was last told; None before the first request.
    """

    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        self._action = contract.task.action
        self._filter = RequestFilter(contract)
        self._refused = "the safety monitor has not armed the robot"
        self.width_m: float | None = None

    def set_allowed(self, reason: str | None) -> None:
        """Motion is allowed (None), or why not."""
        self._refused = reason or ""

    def on_request(
        self,
        source: str,
        sequence: int,
        kind: ActionKind,
        action: ArrayLike,
        stamp_s: float,
        now_s: float,
        contract_sha256: str,
        doubt: float = 0.0,
    ) -> str | None:
        """Takes what the arm is asked to do; why it is refused, or None.

        Args:
            source: who asks.
            sequence: the source's count.
            kind: what is asked.
            action: in the contract's units, shape (size,).
            stamp_s: of the observation that the request answers.
            now_s: the present on the clock of the stamps.
            contract_sha256: contract under which it was made.
            doubt: of the source's model about the action.
        """
        if self._refused:
            return self._refused
        reason = self._filter.accept(source, sequence, stamp_s, now_s, contract_sha256)
        if reason is not None:
            return reason
        limits = self._contract.robot.operation.doubt
        if kind is ActionKind.ACTION and not share_of_speed(limits, doubt):
            return f"doubt: {why_refused(limits, doubt)}"
        if not isinstance(self._action, TcpGrasp | TcpPick):
            self.width_m = self._action.gripper_width_m
            return None
        grip = Grip.LEAVE
        if kind is ActionKind.HOME:
            grip = Grip.OPEN
        elif kind is ActionKind.ACTION:
            numbers = np.asarray(action, np.float64)
            if numbers.shape != (self._action.size,) or not np.isfinite(numbers).all():
                return f"malformed: {source} sent {numbers.size} numbers, or some not finite"
            grip, _ = asked_of_gripper(self._action, numbers)
        if grip is not Grip.LEAVE:
            self.width_m = grip_width_m(self._contract, grip)
        return None
