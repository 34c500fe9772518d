"""The driver where time stands still: an action is answered with the points of its whole period.

Time passes only through what is sent, so nothing here may wait: a stop goes out in one piece, and
the way home goes on by itself. And an action is carried out at the very state that it was chosen
for, or not at all: one period later it would be another experiment than the one recorded.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from robot_learning.contract import BinGraspTask, Contract
from robot_learning.control.action import ActionKind
from robot_learning.control.driver import Driver, DriverLink, DriverRequest, at
from robot_learning.control.homing import measured_at_home
from robot_learning.hardware import JointPoint, RobotState
from robot_learning.safety.state_machine import SafetyMode

# The monitor shares the machine with the learner, and time stands still.
MONITOR_TIMEOUT_S = 1.5
# A moving arm that gets no action for so long (wall clock) is brought to rest; longer where a
# picture is drawn, sent and searched before the next one.
_IDLE_STOP_S, _IDLE_STOP_PICTURE_S = 0.4, 3.0
# A request for home is repeated by the driver itself for so much simulated time, so that the way
# home does not pass through policy and arbiter. Any other request ends it.
HOME_FOR_S = 1.25
_FEEL_S = 0.02  # the longest time that an arm moves on without a look at its forces


def ticks_between_states(contract: Contract) -> int:
    """Command periods that may pass from one look at the state to the next.

    Where nothing is to be touched, as many as the gate allows: it refuses to move on a state that
    is too old. Where something is, the arm must feel it soon.
    """
    age_max_s = _FEEL_S if contract.task.touches else contract.robot.rates.state_age_max_s
    return max(1, int(age_max_s / contract.command_period_s + 1e-9))


def idle_stop_s(contract: Contract) -> float:
    """How long a moving arm waits for an action, wall clock, before it is brought to rest."""
    pictures = isinstance(contract.task, BinGraspTask)
    return _IDLE_STOP_PICTURE_S if pictures else _IDLE_STOP_S


@dataclass(slots=True)
class _UnderWay:
    """A control period that is not over.

    Attributes:
        request: that it carries out.
        begins_s: stamp of the state that the request was made for.
        seen_s: stamp of the newest state that was looked at.
        done: ticks sent.
        answer: whoever asked waits for the receipt.
    """

    request: DriverRequest
    begins_s: float
    seen_s: float
    done: int
    answer: bool


class LockstepDriver(Driver):
    """Answers each request once the state that it was made for is here too."""

    def __init__(self, contract: Contract, link: DriverLink) -> None:
        super().__init__(contract, link, MONITOR_TIMEOUT_S)
        self._waiting: DriverRequest | None = None
        self._homing: DriverRequest | None = None
        self._under_way: _UnderWay | None = None
        self._ticks_at_once = ticks_between_states(contract)
        self._idle_stop_s = idle_stop_s(contract)
        self._physics_step_s = 1.0 / contract.robot.simulation.physics_hz
        self._home_until_s = 0.0
        self._asked_s = 0.0
        self._commanded_until_s = 0.0

    def now_s(self) -> float:
        """Simulated time."""
        return self.state.stamp_s if self.state else 0.0

    def stamp_now_s(self) -> float:
        """Simulated time too."""
        return self.now_s()

    def start(self) -> None:
        """Nothing to do: states and requests make the ticks."""

    def end(self) -> None:
        """Nothing to do either."""

    def on_state(self, state: RobotState) -> None:
        """A new measurement: time has passed, and what waits may be due."""
        with self.lock:
            self.state = state
            self._follow_time(state)
            super().on_state(state)
            self._go_on(state)
            self._go_on_home(state)
            self._serve()

    def watch(self) -> None:
        """Stops the arm when monitor or source of actions falls silent."""
        now_s = time.monotonic()
        armed = self.controller.mode is SafetyMode.ARMED
        idle = now_s - self._asked_s > self._idle_stop_s and not self.controller.at_rest
        if armed and self._monitor_is_silent(now_s):
            self.controller.fault("safety_monitor is silent: is it running?")
            self.send_stop()
        elif armed and idle:
            self.controller.disarm("no action comes")
            self.send_stop()

    def send_stop(self) -> None:
        """Puts what is left of a stop on the wire in one piece."""
        points = self.controller.stop_points()
        if points:
            self.link.send(points, 0.0)
        if self.state is not None:
            self._finish_stop(self.state.stamp_s)

    def _finish_stop(self, now_s: float) -> None:
        """Lets the gate's own clock run through the stop that was sent."""
        ticks = round(
            2 * self.contract.robot.rates.stop_time_max_s / self.contract.command_period_s
        )
        for index in range(ticks):
            if self.controller.at_rest and self.controller.mode is not SafetyMode.STOPPING:
                return
            self.controller.tick(now_s + index * self.contract.command_period_s, None)

    def _follow_time(self, state: RobotState) -> None:
        """Keeps the gate's clock with the simulated one where no action moves it."""
        if self.controller.mode is not SafetyMode.ARMED:
            self.controller.tick(state.stamp_s, state)
        # Simulated time passes in whole physics steps: a stamp may be ahead by less than one.
        elif state.stamp_s > self._commanded_until_s + self._physics_step_s:
            # The arm is armed again, at the measured position, once it is seen at rest.
            self.controller.disarm("time passed without a command")
            self.send_stop()

    def _obey(self, word: SafetyMode, reason: str) -> None:
        was_armed = self.controller.mode is SafetyMode.ARMED
        super()._obey(word, reason)
        if self.state is not None and self.controller.mode is SafetyMode.ARMED and not was_armed:
            self._commanded_until_s = self.state.stamp_s

    def _take(self, request: DriverRequest, age_s: float) -> None:
        self._waiting, self._homing = request, None
        if request.kind is ActionKind.HOME:
            self._homing = request
            self._home_until_s = request.stamp_s + HOME_FOR_S
        self._serve()

    def _serve(self) -> None:
        """Answers the waiting request once the state that it was made for is here too."""
        request, state = self._waiting, self.state
        if request is None or state is None or state.stamp_s < request.stamp_s - 1e-9:
            return
        if self._under_way is not None:
            return
        armed = self.controller.mode is SafetyMode.ARMED
        if armed and state.stamp_s < self._commanded_until_s - 1e-6:
            return  # the period commanded last has not passed yet
        self._waiting = None
        if request.kind is ActionKind.HOME and measured_at_home(self.contract, state):
            # A request on the way home is overtaken by the arrival: whoever asked sees it too.
            self._homing = None
            return
        late_s = state.stamp_s - request.stamp_s
        moves = request.kind in (ActionKind.ACTION, ActionKind.JOINT_VELOCITY)
        if moves and late_s > 1e-6:
            self._refuse(request, f"made for {late_s:.3f} s ago, and time has passed since", late_s)
            return
        self._begin_period(request, state, answer=True)

    def _go_on_home(self, state: RobotState) -> None:
        """The next period on the way home, once the one before has passed."""
        request = self._homing
        if request is None or self._waiting is not None or self._under_way is not None:
            return
        at_end = measured_at_home(self.contract, state) or state.stamp_s > self._home_until_s
        if at_end or self.controller.mode is not SafetyMode.ARMED:
            self._homing = None
        elif state.stamp_s > self._commanded_until_s - 1e-6:
            self._begin_period(request, state, answer=False)

    def _begin_period(self, request: DriverRequest, state: RobotState, *, answer: bool) -> None:
        self._ask_controller(request)
        self._under_way = _UnderWay(request, state.stamp_s, state.stamp_s, 0, answer)
        self._send_part(self._under_way, state)

    def _go_on(self, state: RobotState) -> None:
        """The next part of the period under way, once the time of the one before has passed."""
        period = self._under_way
        if period is None:
            return
        if self.controller.mode is not SafetyMode.ARMED:
            self._end_period(period)
        elif state.stamp_s > period.seen_s:
            period.seen_s = state.stamp_s
            self._send_part(period, state)

    def _send_part(self, period: _UnderWay, state: RobotState) -> None:
        """Puts as many points on the wire as may pass without another look at the state."""
        self._asked_s = time.monotonic()
        tick_s, whole = self.contract.command_period_s, self.contract.commands_per_action
        count = min(self._ticks_at_once, whole - period.done)
        points: list[JointPoint] = []
        for index in range(count):
            tick = self.controller.tick(period.begins_s + (period.done + index) * tick_s, state)
            self.ticks += 1
            if tick.point is None:
                break
            points.append(at(tick.point, (index + 1) * tick_s))
        period.done += len(points)
        if points:
            self._commanded_until_s = period.begins_s + period.done * tick_s
            self.link.send(points, 0.0)
        if len(points) < count or period.done >= whole:
            self._end_period(period)

    def _end_period(self, period: _UnderWay) -> None:
        self._under_way = None
        if period.answer:
            # Age 0: time stood still since the observation.
            self.link.receipt(period.request, self.controller.executed_action(), 0.0)
            self.link.say_change()
