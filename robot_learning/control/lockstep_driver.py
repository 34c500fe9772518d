"""The driver where time stands still: an action is answered with the points of its whole period.

Time passes only through what is sent, so nothing here may wait: a stop goes out in one piece, and
the way home goes on by itself. And an action is carried out at the very state that it was chosen
for, or not at all: one period later it would be another experiment than the one recorded.
"""

from __future__ import annotations

import time

from robot_learning.contract import Contract
from robot_learning.control.action import ActionKind
from robot_learning.control.driver import Driver, DriverLink, DriverRequest, at
from robot_learning.control.homing import measured_at_home
from robot_learning.hardware import JointPoint, RobotState
from robot_learning.safety.state_machine import SafetyMode

# The monitor shares the machine with the learner, and time stands still.
MONITOR_TIMEOUT_S = 1.5
# A moving arm that gets no action for so long (wall clock) is brought to rest.
IDLE_STOP_S = 0.4
# A request for home is repeated by the driver itself for so much simulated time, so that the way
# home does not pass through policy and arbiter. Any other request ends it.
HOME_FOR_S = 1.25


class LockstepDriver(Driver):
    """Answers each request once the state that it was made for is here too."""

    def __init__(self, contract: Contract, link: DriverLink) -> None:
        super().__init__(contract, link, MONITOR_TIMEOUT_S)
        self._waiting: DriverRequest | None = None
        self._homing: DriverRequest | None = None
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
            self._go_on_home(state)
            self._serve()

    def watch(self) -> None:
        """Stops the arm when monitor or source of actions falls silent."""
        now_s = time.monotonic()
        armed = self.controller.mode is SafetyMode.ARMED
        idle = now_s - self._asked_s > IDLE_STOP_S and not self.controller.at_rest
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
        elif state.stamp_s > self._commanded_until_s + 1e-6:
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
        armed = self.controller.mode is SafetyMode.ARMED
        if armed and state.stamp_s < self._commanded_until_s - 1e-6:
            return  # the period commanded last has not passed yet
        self._waiting = None
        if request.kind is ActionKind.HOME and measured_at_home(self.contract, state):
            # A request on the way home is overtaken by the arrival: whoever asked sees it too.
            self._homing = None
            return
        late_s = state.stamp_s - request.stamp_s
        if request.kind is ActionKind.ACTION and late_s > 1e-6:
            self._refuse(request, f"made for {late_s:.3f} s ago, and time has passed since", late_s)
            return
        self._move_one_period(request, state)
        # Age 0: time stood still since the observation.
        self.link.receipt(request, self.controller.executed_action(), 0.0)
        self.link.say_change()

    def _go_on_home(self, state: RobotState) -> None:
        """The next period on the way home, once the one before has passed."""
        request = self._homing
        if request is None or self._waiting is not None:
            return
        at_end = measured_at_home(self.contract, state) or state.stamp_s > self._home_until_s
        if at_end or self.controller.mode is not SafetyMode.ARMED:
            self._homing = None
        elif state.stamp_s > self._commanded_until_s - 1e-6:
            self._move_one_period(request, state)

    def _move_one_period(self, request: DriverRequest, state: RobotState) -> None:
        self._asked_s = time.monotonic()
        self._ask_controller(request)
        period_s = self.contract.command_period_s
        points: list[JointPoint] = []
        for index in range(self.contract.commands_per_action):
            tick = self.controller.tick(state.stamp_s + index * period_s, state)
            self.ticks += 1
            if tick.point is None:
                break
            points.append(at(tick.point, (index + 1) * period_s))
        if points:
            self._commanded_until_s = state.stamp_s + points[-1].time_from_start_s
            self.link.send(points, 0.0)
