"""The driver in real time: a thread on the steady clock, at the contract's command rate.

It ticks at once when an action arrives. Each trajectory carries the verified way to rest behind
the next point, so that the arm's own controller stops it if this process dies.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

from robot_learning.contract import Contract
from robot_learning.control.driver import Driver, DriverLink, DriverRequest, at
from robot_learning.safety.state_machine import SafetyMode

# A point is for so many command periods ahead, on the clock of the stamps: what the wire delays
# or jitters by less than one period does not change the path.
WIRE_LEAD_PERIODS = 2
CLOCK_STEP_MAX_S = 0.005


@dataclass(frozen=True, slots=True)
class _Answer:
    """A request under way, until its receipt goes out."""

    request: DriverRequest
    age_s: float
    due_s: float


class RealTimeDriver(Driver):
    """Ticks by itself between `start` and `end`."""

    def __init__(self, contract: Contract, link: DriverLink, monitor_timeout_s: float) -> None:
        super().__init__(contract, link, monitor_timeout_s)
        self._answer: _Answer | None = None
        self._ending = threading.Event()
        self._ticking: threading.Thread | None = None
        self._last_tick_s = 0.0
        self._clock_offset_s: float | None = None

    def now_s(self) -> float:
        """The steady clock."""
        return time.monotonic()

    def stamp_now_s(self) -> float:
        """The system's clock."""
        return time.time()

    def send_stop(self) -> None:
        """The stop goes out tick by tick, and every trajectory carries the rest of it."""

    def start(self) -> None:
        """Starts the thread."""
        self._ending.clear()
        self._ticking = threading.Thread(target=self._tick_loop, name="driver_ticks")
        self._ticking.start()

    def end(self) -> None:
        """Ends the thread."""
        self._ending.set()
        if self._ticking is not None and self._ticking is not threading.current_thread():
            self._ticking.join(timeout=1.0)
            self._ticking = None

    def watch(self) -> None:
        """Nothing to do: every tick looks."""

    def _take(self, request: DriverRequest, age_s: float) -> None:
        self._finish_answer()
        self._ask_controller(request)
        self._answer = _Answer(request, age_s, time.monotonic() + self.contract.control_period_s)
        self._tick()

    def _finish_answer(self) -> None:
        """The receipt of a request goes out at the end of its period."""
        if self._answer is not None:
            done = self.controller.executed_action()
            self.link.receipt(self._answer.request, done, self._answer.age_s)
            self._answer = None

    def _tick_loop(self) -> None:
        period_s = self.contract.command_period_s
        due_s = time.monotonic() + period_s
        while not self._ending.wait(max(0.0, due_s - time.monotonic())):
            with self.lock:
                now_s = time.monotonic()
                # An action that came in between has ticked already.
                if now_s - self._last_tick_s > 0.5 * period_s:
                    self._tick()
                if self._answer is not None and now_s >= self._answer.due_s:
                    self._finish_answer()
            due_s = max(due_s + period_s, time.monotonic())

    def _tick(self) -> None:
        now_s = self._last_tick_s = time.monotonic()
        if self.state is None:
            return
        if self.controller.mode is SafetyMode.ARMED and self._monitor_is_silent(now_s):
            silent_s = now_s - self._monitor_s
            self.controller.fault(
                f"safety_monitor has been silent for {silent_s:.2f} s: is it running?"
            )
        wall_s = time.time()
        self._check_clock(wall_s - now_s)
        tick = self.controller.tick(now_s, self.state, self._received_s)
        self.ticks += 1
        if tick.point is not None:
            lead_s = WIRE_LEAD_PERIODS * self.contract.command_period_s
            behind = [
                at(point, lead_s + point.time_from_start_s)
                for point in self.controller.stop_points()
            ]
            self.link.send([at(tick.point, lead_s), *behind], wall_s)
        self.link.say_change()

    def _check_clock(self, offset_s: float) -> None:
        """A system clock that was set would shift every trajectory on the wire."""
        moved_s = offset_s - self._clock_offset_s if self._clock_offset_s is not None else 0.0
        self._clock_offset_s = offset_s
        if abs(moved_s) > CLOCK_STEP_MAX_S:
            self.controller.fault(
                f"the system clock was set by {moved_s:+.3f} s: keep it steady while the arm runs"
            )
