"""The second safety layer's node: watches states, commands and the driver; can only stop."""

from __future__ import annotations

import math
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import WrenchStamped
from robot_learning_interfaces.msg import DriverState, SafetyState
from sensor_msgs.msg import JointState
from std_srvs.srv import Trigger
from trajectory_msgs.msg import JointTrajectory

from robot_learning.safety.incidents import IncidentLog
from robot_learning.safety.monitor import SafetyMonitor, Timeouts
from robot_learning.safety.state_machine import SafetyMode
from robot_learning_nodes.convert import JointNames, MessageError, to_time
from robot_learning_nodes.graph_node import ERROR, OK, WARN, GraphNode, Parameter
from robot_learning_nodes.node_process import exit_process, run
from robot_learning_nodes.qos import COMMAND, LATCHED, SENSOR

# In lockstep, where the driver waits longer, less often: every word wakes five processes.
SAY_PERIOD_LOCKSTEP_S = 0.2
GRAPH_PERIOD_S = 0.5
COMMAND_TOPIC = "arm_controller/joint_trajectory"


class SafetyMonitorNode(GraphNode):
    """Feeds the library's SafetyMonitor and says its state."""

    name = "safety_monitor"
    shares_memory = False
    parameters = (
        Parameter("out", "", "folder for incident logs; empty: none are written"),
        Parameter("self_test", False, "arm only after the node self_test has passed"),
        Parameter(
            "driver_timeout_s",
            0.35,
            "stop when the driver is silent for so long (real time)",
            minimum=0.05,
            maximum=2.0,
        ),
        Parameter(
            "say_period_s",
            0.04,
            "how often the state is said (real time); the driver stops when it is not",
            minimum=0.01,
            maximum=0.5,
        ),
    )

    def configure(self) -> None:
        """Subscribes to everything that shows what the arm does."""
        folder = self.values["out"]
        self.incidents = IncidentLog(Path(folder) / "incidents" if folder else None)
        self.monitor = SafetyMonitor(
            self.contract,
            self._timeouts(),
            self.incidents,
            needs_self_test=self.values["self_test"],
        )
        self.names = JointNames(self.contract.robot)
        self.said = -1
        self.out = self.advertise(SafetyState, "safety/state", LATCHED)
        self.listen(JointState, "joint_states", self._state, SENSOR)
        self.listen(WrenchStamped, "wrench", self._wrench, SENSOR)
        self.listen(JointTrajectory, COMMAND_TOPIC, self._command, COMMAND)
        self.listen(DriverState, "arm_driver/state", self._driver, SENSOR)
        if self.values["self_test"]:
            self.listen(DiagnosticArray, "self_test/result", self._tested, LATCHED, always=True)
        self.serve(Trigger, "safety/estop", self._estop)
        self.serve(Trigger, "safety/reset", self._reset)
        self.serve(Trigger, "safety/arm", self._arm)
        say_s = SAY_PERIOD_LOCKSTEP_S if self.lockstep else self.values["say_period_s"]
        self.every(say_s, self._check)
        self.every(GRAPH_PERIOD_S, self._graph)

    def _timeouts(self) -> Timeouts:
        timeouts = Timeouts.of(self.contract, lockstep=self.lockstep)
        if self.lockstep:
            return timeouts
        return replace(timeouts, driver_s=self.values["driver_timeout_s"])

    def stop(self) -> None:
        """A monitor that leaves takes the permission to move with it."""
        if self.active and self.monitor.mode is SafetyMode.ARMED:
            self.monitor.disarm("the safety monitor was shut down")
            self._say()

    def diagnose(self) -> tuple[bytes, str, dict[str, Any]]:
        """The state, and what is missing."""
        monitor = self.monitor
        figures = {
            "transition": monitor.machine.transition,
            "missing": ", ".join(monitor.missing(time.monotonic())),
            "incident files": len(self.incidents.written),
        }
        if monitor.mode is SafetyMode.ARMED:
            return OK, "armed", figures
        level = WARN if monitor.mode is SafetyMode.DISARMED else ERROR
        return level, f"{monitor.mode.name}: {monitor.machine.reason}", figures

    def _state(self, message: JointState) -> None:
        now_s = time.monotonic()
        try:
            self.monitor.on_state(self.names.read_state(message), now_s)
        except MessageError as error:
            self.monitor.on_bad_state(str(error), now_s)
            self._say_change()
            raise
        self._say_change()

    def _wrench(self, message: WrenchStamped) -> None:
        force = message.wrench.force
        self.monitor.on_wrench(math.hypot(force.x, force.y, force.z), time.monotonic())
        self._say_change()

    def _command(self, message: JointTrajectory) -> None:
        now_s = time.monotonic()
        try:
            self.monitor.on_command(self.names.read_trajectory(message), now_s)
        except MessageError as error:
            self.monitor.on_bad_command(str(error), now_s)
            self._say_change()
            raise
        self._say_change()

    def _driver(self, message: DriverState) -> None:
        self.monitor.on_driver(SafetyMode(message.state), message.reason, time.monotonic())
        self._say_change()

    def _tested(self, message: DiagnosticArray) -> None:
        failed = [f"{s.name}: {s.message}" for s in message.status if s.level == ERROR]
        self.monitor.on_self_test("; ".join(failed))

    def _graph(self) -> None:
        publishers = self.get_publishers_info_by_topic(COMMAND_TOPIC)
        self.monitor.on_publishers([p.node_name for p in publishers], time.monotonic())
        self._say_change()

    def _check(self) -> None:
        self.monitor.check(time.monotonic())
        self._say()

    def _say_change(self) -> None:
        if self.monitor.machine.transition != self.said:
            self._say()

    def _say(self) -> None:
        machine = self.monitor.machine
        message = SafetyState(
            state=int(machine.mode),
            reason=machine.reason,
            transition=machine.transition,
            missing=self.monitor.missing(time.monotonic()),
        )
        message.header.stamp = to_time(self.wall_now_s())
        self.out.publish(message)
        if machine.transition != self.said:
            self.said = machine.transition
            alarm = machine.mode not in (SafetyMode.ARMED, SafetyMode.DISARMED)
            self.say(f"{machine.mode.name} {machine.reason}".strip(), alarm=alarm)

    def _estop(self, _request: Any, response: Trigger.Response) -> Trigger.Response:
        self.monitor.estop("safety/estop was called", time.monotonic())
        self._say()
        response.success, response.message = True, "stopped; reset, then arm, to go on"
        return response

    def _reset(self, _request: Any, response: Trigger.Response) -> Trigger.Response:
        self._graph()
        return self._answer(response, self.monitor.reset(time.monotonic()), "DISARMED")

    def _arm(self, _request: Any, response: Trigger.Response) -> Trigger.Response:
        self._graph()
        return self._answer(response, self.monitor.arm(time.monotonic()), "ARMED")

    def _answer(
        self, response: Trigger.Response, refused: str | None, done: str
    ) -> Trigger.Response:
        response.success = refused is None
        response.message = refused or done
        self._say()
        return response


def main() -> None:
    """Entry point."""
    exit_process(run(SafetyMonitorNode))
