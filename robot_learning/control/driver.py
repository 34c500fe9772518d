"""The arm's driver without its messages: who may move the arm, and what it is told.

`LockstepDriver` and `RealTimeDriver` say when the controller's points are made; here is what they
share. Every method takes the lock: states, requests and ticks come from different threads.
"""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from robot_learning.contract import Contract
from robot_learning.control.action import ActionKind, ExecutedAction
from robot_learning.control.arm_controller import ArmController
from robot_learning.control.request_filter import RequestFilter
from robot_learning.hardware import JointPoint, RobotState
from robot_learning.safety.state_machine import SafetyError, SafetyMode


@dataclass(frozen=True, slots=True)
class DriverRequest:
    """What a source asks for one control period.

    Attributes:
        source: who asks.
        sequence: the source's count.
        kind: what is asked.
        action: in action units, shape (3,).
        stamp_s: stamp of the observation that the request answers.
        contract_sha256: contract under which it was made.
        message: where it came from, for the receipt.
        doubt: of the source's model about the action; see `control.doubt`.
    """

    source: str
    sequence: int
    kind: ActionKind
    action: Any
    stamp_s: float
    contract_sha256: str
    message: Any
    doubt: float = 0.0


class DriverLink(Protocol):
    """What the driver asks of the world; called with the lock held."""

    def send(self, points: list[JointPoint], stamp_s: float) -> None:
        """Puts points on the wire; their time begins at `stamp_s`, at 0 on arrival."""

    def receipt(self, request: DriverRequest, done: ExecutedAction, age_s: float) -> None:
        """Says what became of a request whose observation was so old."""

    def say_change(self) -> None:
        """The mode may have changed."""

    def warn(self, text: str) -> None:
        """Something was asked that the gate does not allow."""


class Driver(ABC):
    """One ArmController, fed under a lock.

    Attributes:
        lock: held while anything here is read or changed.
        state: newest measurement.
        ticks: ticks of the controller.
    """

    def __init__(self, contract: Contract, link: DriverLink, monitor_timeout_s: float) -> None:
        """Makes the controller, disarmed.

        Args:
            contract: robot and task.
            link: carries out what the driver asks.
            monitor_timeout_s: stop when the safety monitor is silent for so long.
        """
        self.contract = contract
        self.link = link
        self.controller = ArmController(contract)
        self.lock = threading.RLock()
        self.state: RobotState | None = None
        self.ticks = 0
        self._filter = RequestFilter(contract)
        self._monitor_timeout_s = monitor_timeout_s
        self._monitor: tuple[SafetyMode, str] | None = None
        self._monitor_s = 0.0
        self._received_s = 0.0

    # What the two ways to tell time say.

    @abstractmethod
    def now_s(self) -> float:
        """The gate's clock."""

    @abstractmethod
    def stamp_now_s(self) -> float:
        """The clock of the stamps."""

    @abstractmethod
    def send_stop(self) -> None:
        """Puts what is left of a stop on the wire, where no tick will do it."""

    @abstractmethod
    def _take(self, request: DriverRequest, age_s: float) -> None:
        """An accepted request."""

    @abstractmethod
    def start(self) -> None:
        """Begins to tick, where nothing else does."""

    @abstractmethod
    def end(self) -> None:
        """Ends these ticks; safe to call twice."""

    @abstractmethod
    def watch(self) -> None:
        """Looks for silence; call a few times a second."""

    # What happens in the world.

    def on_state(self, state: RobotState) -> None:
        """A new measurement."""
        with self.lock:
            self.state = state
            self._received_s = time.monotonic()
            if self._monitor is not None:
                self._obey(*self._monitor)

    def on_monitor(self, word: SafetyMode, reason: str) -> None:
        """The safety monitor's word, and why it does not let the arm move."""
        with self.lock:
            self._monitor, self._monitor_s = (word, reason), time.monotonic()
            self._obey(word, reason)

    def on_request(self, request: DriverRequest) -> str | None:
        """Follows a request, or returns in one line why it is refused."""
        with self.lock:
            age_s = self.stamp_now_s() - request.stamp_s
            reason = self._filter.accept(
                request.source,
                request.sequence,
                request.stamp_s,
                self.stamp_now_s(),
                request.contract_sha256,
            )
            if reason is None:
                self._take(request, age_s)
                return None
            self._refuse(request, reason, age_s)
            return reason

    def on_unreadable_request(self, reason: str) -> None:
        """Counts a request that says nothing that could be followed."""
        with self.lock:
            self.controller.gate.refuse("request_refused", reason)

    def fault(self, reason: str) -> None:
        """Latches a fault and stops the arm."""
        with self.lock:
            self.controller.fault(reason)
            self.send_stop()

    def shut_down(self) -> None:
        """Brings the arm to rest within its limits."""
        self.end()
        with self.lock:
            self.controller.disarm("the driver was shut down")
            self.send_stop()

    # For the two ways to tell time.

    def _refuse(self, request: DriverRequest, reason: str, age_s: float) -> None:
        """Counts a request that is not followed, and says so to whoever made it."""
        self.controller.gate.refuse("request_refused", reason)
        zeros = np.zeros(self.contract.task.action.size)
        refused = ExecutedAction(request.kind, request.action, zeros, zeros, (reason,), True)
        self.link.receipt(request, refused, age_s)

    def _ask_controller(self, request: DriverRequest) -> None:
        self.controller.request(
            request.kind, request.action, self.state, self.now_s(), request.doubt
        )

    def _monitor_is_silent(self, now_s: float) -> bool:
        return now_s - self._monitor_s > self._monitor_timeout_s

    def _obey(self, word: SafetyMode, reason: str) -> None:
        """Follows the monitor's word: it may stop, and it may allow what the gate then checks."""
        controller = self.controller
        try:
            if word is SafetyMode.ARMED and controller.mode is SafetyMode.DISARMED:
                if self.state is not None:
                    controller.arm(self.state, self.now_s())
            elif word is SafetyMode.DISARMED:
                if controller.mode is SafetyMode.ARMED:
                    controller.disarm("the safety monitor is disarmed")
                elif controller.mode in (SafetyMode.FAULT, SafetyMode.ESTOP):
                    controller.reset(self.now_s())
            elif word is SafetyMode.ESTOP:
                controller.estop(reason)
            elif word in (SafetyMode.FAULT, SafetyMode.STOPPING):
                controller.fault(f"safety monitor: {reason}")
        except SafetyError as error:
            self.link.warn(str(error))
        if controller.mode is not SafetyMode.ARMED:
            self.send_stop()
        self.link.say_change()


def at(point: JointPoint, time_from_start_s: float) -> JointPoint:
    """The same point at another time."""
    return JointPoint(time_from_start_s, point.position_rad, point.velocity_rad_s)
