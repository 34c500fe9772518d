"""The arm's driver: the active action in, joint trajectories out, the safety gate in between.

In real time a thread on the steady clock ticks at the contract's command rate, and at once when
an action arrives. Each trajectory carries the verified way to rest behind the next point, so
that the arm's own controller stops it if this process dies. In lockstep an action is answered
with the points of its whole period, and time passes only then.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import Any

from robot_learning_interfaces.msg import ActionRequest, DriverState, ExecutedAction, SafetyState
from sensor_msgs.msg import JointState
from trajectory_msgs.msg import JointTrajectory

from robot_learning.control.action import ActionKind
from robot_learning.control.arm_controller import ArmController
from robot_learning.control.homing import measured_at_home
from robot_learning.control.request_filter import RequestFilter
from robot_learning.hardware import JointPoint, RobotState
from robot_learning.safety.state_machine import SafetyError, SafetyMode
from robot_learning_nodes.convert import JointNames, MessageError, floats, to_seconds, to_time
from robot_learning_nodes.graph_node import ERROR, OK, WARN, GraphNode, Parameter
from robot_learning_nodes.node_process import exit_process, run
from robot_learning_nodes.qos import COMMAND, LATCHED, SENSOR, STREAM

REPORT_PERIOD_S = 0.1
GRAPH_PERIOD_S = 0.5
# In lockstep a moving arm that gets no action for so long (wall clock) is brought to rest.
IDLE_STOP_S = 0.4
# In lockstep a request for home is repeated by the driver itself for so much simulated time, so
# that the way home does not pass through policy and arbiter. Any other request ends it.
HOME_FOR_S = 1.25
# In real time a point is for so many command periods ahead, on the clock of the stamps: what the
# wire delays or jitters by less than one period does not change the path.
WIRE_LEAD_PERIODS = 2
CLOCK_STEP_MAX_S = 0.005
COMMAND_TOPIC = "arm_controller/joint_trajectory"


@dataclass
class _Answer:
    """A request under way, until its receipt goes out."""

    message: ActionRequest
    age_s: float
    due_s: float


class ArmDriver(GraphNode):
    """One ArmController, fed under a lock."""

    name = "arm_driver"
    parameters = (
        Parameter(
            "monitor_timeout_s",
            0.2,
            "stop when the safety monitor is silent for so long (real time)",
            minimum=0.05,
            maximum=2.0,
        ),
    )

    def configure(self) -> None:
        """Makes the controller and the topics."""
        self.names = JointNames(self.contract.robot)
        self.controller = ArmController(self.contract)
        self.filter = RequestFilter(self.contract)
        self.lock = threading.RLock()
        self.wake = threading.Event()
        self.ticking: threading.Thread | None = None
        self.state: RobotState | None = None
        self.received_s = 0.0
        self.monitor: SafetyState | None = None
        self.monitor_s = 0.0
        # In lockstep the monitor shares the machine with the learner, and time stands still.
        self.monitor_timeout_s = 1.5 if self.lockstep else self.values["monitor_timeout_s"]
        self.waiting: ActionRequest | None = None
        self.homing: ActionRequest | None = None
        self.home_until_s = 0.0
        self.asked_s = 0.0
        self.commanded_until_s = 0.0
        self.answer: _Answer | None = None
        self.clock_offset_s: float | None = None
        self.said: tuple[Any, ...] = ()
        self.ticks = 0
        self.command = self.advertise(JointTrajectory, COMMAND_TOPIC, COMMAND)
        self.executed = self.advertise(ExecutedAction, "executed_action", STREAM)
        self.out = self.advertise(DriverState, "arm_driver/state", STREAM)
        self.listen(JointState, "joint_states", self._measured, SENSOR)
        self.listen(ActionRequest, "active_action", self._asked, COMMAND)
        self.listen(SafetyState, "safety/state", self._monitor, LATCHED)
        self.every(REPORT_PERIOD_S, self._watch)
        self.every(GRAPH_PERIOD_S, self._graph)

    def activate(self) -> None:
        """Starts ticking in real time."""
        if not self.lockstep:
            self.ticking = threading.Thread(target=self._tick_loop, name="driver_ticks")
            self.ticking.start()

    def deactivate(self) -> None:
        """Ends the ticks; `stop` came before."""
        self._end_ticks()

    def stop(self) -> None:
        """Brings the arm to rest within its limits, on every way out."""
        if not self.active:
            return
        self.active = False
        self._end_ticks()
        with self.lock:
            self.controller.disarm("the driver was shut down")
            self._send_stop()
            self._say()

    def diagnose(self) -> tuple[bytes, str, dict[str, Any]]:
        """Mode of the gate, limits that acted, refusals."""
        with self.lock:
            mode, reason = self.controller.mode, self.controller.reason
            figures: dict[str, Any] = {
                "ticks": self.ticks,
                "refused": self.controller.refused_count,
                **self.controller.limit_counts,
            }
        if mode is SafetyMode.ARMED:
            return OK, "armed", figures
        return (WARN if mode is SafetyMode.DISARMED else ERROR), f"{mode.name}: {reason}", figures

    # Messages in.

    def _measured(self, message: JointState) -> None:
        with self.lock:
            try:
                self.state = self.names.read_state(message)
            except MessageError as error:
                self.controller.fault(str(error))
                if self.lockstep:
                    self._send_stop()
                raise
            self.received_s = time.monotonic()
            if self.lockstep:
                self._follow_time(self.state)
            if self.monitor is not None:
                self._obey(self.monitor)
            if self.lockstep:
                self._go_on_home(self.state)
                self._serve_lockstep()

    def _monitor(self, message: SafetyState) -> None:
        with self.lock:
            self.monitor, self.monitor_s = message, time.monotonic()
            self._obey(message)

    def _obey(self, message: SafetyState) -> None:
        """Follows the monitor's word: it may stop, and it may allow what the gate then checks."""
        controller, word = self.controller, SafetyMode(message.state)
        try:
            if word is SafetyMode.ARMED and controller.mode is SafetyMode.DISARMED:
                if self.state is not None:
                    controller.arm(self.state, self._now())
                    self.commanded_until_s = self.state.stamp_s
            elif word is SafetyMode.DISARMED:
                if controller.mode is SafetyMode.ARMED:
                    controller.disarm("the safety monitor is disarmed")
                elif controller.mode in (SafetyMode.FAULT, SafetyMode.ESTOP):
                    controller.reset(self._now())
            elif word is SafetyMode.ESTOP:
                controller.estop(message.reason)
            elif word in (SafetyMode.FAULT, SafetyMode.STOPPING):
                controller.fault(f"safety monitor: {message.reason}")
        except SafetyError as error:
            self.get_logger().warning(str(error), throttle_duration_sec=2.0)
        if self.lockstep and controller.mode is not SafetyMode.ARMED:
            self._send_stop()
        self._say_change()

    def _asked(self, message: ActionRequest) -> None:
        with self.lock:
            age_s = self._now_of_stamps() - to_seconds(message.header.stamp)
            reason = self.filter.accept(
                message.source,
                message.sequence,
                to_seconds(message.header.stamp),
                self._now_of_stamps(),
                message.contract_sha256,
            )
            if reason is not None:
                self._refuse(message, reason, age_s)
                return
            if self.lockstep:
                self.waiting, self.homing = message, None
                if message.kind == ActionRequest.KIND_HOME:
                    self.homing = message
                    self.home_until_s = to_seconds(message.header.stamp) + HOME_FOR_S
                self._serve_lockstep()
                return
            self._finish_answer()
            self._request(message)
            self.answer = _Answer(message, age_s, time.monotonic() + self.contract.control_period_s)
            self._tick()

    def _request(self, message: ActionRequest) -> None:
        self.controller.request(ActionKind(message.kind), message.action, self.state, self._now())

    # Lockstep.

    def _serve_lockstep(self) -> None:
        """Answers the waiting request once the state that it was made for is here too."""
        message, state = self.waiting, self.state
        if message is None or state is None:
            return
        if state.stamp_s < to_seconds(message.header.stamp) - 1e-9:
            return
        armed = self.controller.mode is SafetyMode.ARMED
        if armed and state.stamp_s < self.commanded_until_s - 1e-6:
            return  # the period commanded last has not passed yet
        self.waiting = None
        self._move_one_period(message, state)
        self._publish_executed(message, 0.0)
        self._say_change()

    def _go_on_home(self, state: RobotState) -> None:
        """The next period on the way home, once the one before has passed."""
        message = self.homing
        if message is None or self.waiting is not None:
            return
        at_end = measured_at_home(self.contract, state) or state.stamp_s > self.home_until_s
        if at_end or self.controller.mode is not SafetyMode.ARMED:
            self.homing = None
        elif state.stamp_s > self.commanded_until_s - 1e-6:
            self._move_one_period(message, state)

    def _move_one_period(self, message: ActionRequest, state: RobotState) -> None:
        self.asked_s = time.monotonic()
        self._request(message)
        period_s = self.contract.command_period_s
        points: list[JointPoint] = []
        for index in range(self.contract.commands_per_action):
            tick = self.controller.tick(state.stamp_s + index * period_s, state)
            self.ticks += 1
            if tick.point is None:
                break
            points.append(_at(tick.point, (index + 1) * period_s))
        if points:
            self.commanded_until_s = state.stamp_s + points[-1].time_from_start_s
            self.command.publish(self.names.write_trajectory(points))

    def _follow_time(self, state: RobotState) -> None:
        """Keeps the gate's clock with the simulated one where no action moves it."""
        if self.controller.mode is not SafetyMode.ARMED:
            self.controller.tick(state.stamp_s, state)
        elif state.stamp_s > self.commanded_until_s + 1e-6:
            # The arm is armed again, at the measured position, once it is seen at rest.
            self.controller.disarm("time passed without a command")
            self._send_stop()

    def _send_stop(self) -> None:
        """Puts what is left of a stop on the wire in one piece."""
        points = self.controller.stop_points() if self.lockstep else []
        if points:
            self.command.publish(self.names.write_trajectory(points))
        if self.lockstep and self.state is not None:
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

    # Real time.

    def _tick_loop(self) -> None:
        period_s = self.contract.command_period_s
        due_s = time.monotonic() + period_s
        while self.active:
            delay_s = due_s - time.monotonic()
            if delay_s > 0:
                self.wake.wait(delay_s)
            if not self.active:
                return
            with self.lock:
                now_s = time.monotonic()
                # An action that came in between has ticked already.
                if now_s - self.last_tick_s > 0.5 * period_s:
                    self._tick()
                if self.answer is not None and now_s >= self.answer.due_s:
                    self._finish_answer()
            due_s = max(due_s + period_s, time.monotonic())

    last_tick_s = 0.0

    def _tick(self) -> None:
        now_s = self.last_tick_s = time.monotonic()
        if self.state is None:
            return
        if self.controller.mode is SafetyMode.ARMED and self._monitor_is_silent(now_s):
            self.controller.fault(
                f"safety_monitor has been silent for {now_s - self.monitor_s:.2f} s: is it running?"
            )
        wall_s = time.time()
        self._check_clock(wall_s - now_s)
        tick = self.controller.tick(now_s, self.state, self.received_s)
        self.ticks += 1
        if tick.point is not None:
            lead_s = WIRE_LEAD_PERIODS * self.contract.command_period_s
            behind = [
                _at(point, lead_s + point.time_from_start_s)
                for point in self.controller.stop_points()
            ]
            message = self.names.write_trajectory([_at(tick.point, lead_s), *behind])
            message.header.stamp = to_time(wall_s)
            self.command.publish(message)
        self._say_change()

    def _check_clock(self, offset_s: float) -> None:
        """A system clock that was set would shift every trajectory on the wire."""
        moved_s = offset_s - self.clock_offset_s if self.clock_offset_s is not None else 0.0
        self.clock_offset_s = offset_s
        if abs(moved_s) > CLOCK_STEP_MAX_S:
            self.controller.fault(
                f"the system clock was set by {moved_s:+.3f} s: keep it steady while the arm runs"
            )

    def _end_ticks(self) -> None:
        self.active = False
        if self.ticking is not None and self.ticking is not threading.current_thread():
            self.wake.set()
            self.ticking.join(timeout=1.0)
            self.wake.clear()
            self.ticking = None

    def _monitor_is_silent(self, now_s: float) -> bool:
        return now_s - self.monitor_s > self.monitor_timeout_s

    def _watch(self) -> None:
        with self.lock:
            now_s = time.monotonic()
            armed = self.controller.mode is SafetyMode.ARMED
            idle = now_s - self.asked_s > IDLE_STOP_S and not self.controller.at_rest
            if self.lockstep and armed and self._monitor_is_silent(now_s):
                self.controller.fault("safety_monitor is silent: is it running?")
                self._send_stop()
            elif self.lockstep and armed and idle:
                self.controller.disarm("no action comes")
                self._send_stop()
            self._say()

    def _graph(self) -> None:
        """A second publisher on the command topic would fight this one for the arm."""
        others = [
            info.node_name
            for info in self.get_publishers_info_by_topic(COMMAND_TOPIC)
            if info.node_name != self.get_name()
        ]
        if others:
            with self.lock:
                self.controller.fault(
                    f"another publisher on {COMMAND_TOPIC}: {', '.join(sorted(set(others)))}; "
                    "only this driver may command the arm: stop it, then reset"
                )
                if self.lockstep:
                    self._send_stop()

    # Messages out.

    def _refuse(self, message: ActionRequest, reason: str, age_s: float) -> None:
        self.reject("active_action", reason)
        self.controller.gate.refuse("request_refused")
        zeros = [0.0] * self.contract.task.action.size
        answer = self._executed_message(message, age_s)
        answer.requested, answer.gated, answer.executed = list(message.action), zeros, zeros
        answer.limits, answer.refused = [reason], True
        self.executed.publish(answer)

    def _finish_answer(self) -> None:
        """The receipt of a request in real time goes out at the end of its period."""
        if self.answer is not None:
            self._publish_executed(self.answer.message, self.answer.age_s)
            self.answer = None

    def _publish_executed(self, message: ActionRequest, age_s: float) -> None:
        done = self.controller.executed_action()
        answer = self._executed_message(message, age_s)
        answer.requested = floats(done.requested)
        answer.gated = floats(done.gated)
        answer.executed = floats(done.executed)
        answer.limits, answer.refused = list(done.limits), done.refused
        self.executed.publish(answer)

    def _executed_message(self, message: ActionRequest, age_s: float) -> ExecutedAction:
        return ExecutedAction(
            header=message.header,
            source=message.source,
            sequence=message.sequence,
            policy_version=message.policy_version,
            kind=message.kind,
            observation_age_s=age_s,
        )

    def _say_change(self) -> None:
        controller = self.controller
        if (controller.mode, controller.reason) != self.said:
            self._say()

    def _say(self) -> None:
        controller = self.controller
        message = DriverState(
            state=int(controller.mode),
            reason=controller.reason,
            at_home=controller.at_home,
            at_rest=controller.at_rest,
            refused_count=controller.refused_count,
        )
        message.header.stamp = to_time(self.wall_now_s())
        if self.state is not None and controller.gate.motion is not None:
            message.commanded_position_rad = controller.commanded_position_rad
        counts = controller.limit_counts
        message.limit_names = list(counts)
        message.limit_counts = list(counts.values())
        self.out.publish(message)
        if (controller.mode, controller.reason) != self.said:
            self.said = (controller.mode, controller.reason)
            alarm = controller.mode not in (SafetyMode.ARMED, SafetyMode.DISARMED)
            self.say(f"{controller.mode.name} {controller.reason}".strip(), alarm=alarm)

    # Clocks.

    def _now(self) -> float:
        """The gate's clock: steady in real time, simulated in lockstep."""
        if self.lockstep:
            return self.state.stamp_s if self.state else 0.0
        return time.monotonic()

    def _now_of_stamps(self) -> float:
        """The clock of the stamps: the system's in real time, simulated in lockstep."""
        if self.lockstep:
            return self.state.stamp_s if self.state else 0.0
        return self.wall_now_s()


def _at(point: JointPoint, time_from_start_s: float) -> JointPoint:
    return JointPoint(time_from_start_s, point.position_rad, point.velocity_rad_s)


def main() -> None:
    """Entry point."""
    exit_process(run(ArmDriver))
