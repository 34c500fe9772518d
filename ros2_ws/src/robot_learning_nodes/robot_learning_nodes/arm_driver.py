"""The arm's driver: the active action in, joint trajectories out, the safety gate in between."""

from __future__ import annotations

from typing import Any

from geometry_msgs.msg import WrenchStamped
from robot_learning_interfaces.msg import ActionRequest, DriverState, ExecutedAction, SafetyState
from sensor_msgs.msg import JointState
from trajectory_msgs.msg import JointTrajectory

from robot_learning.control import action
from robot_learning.control.driver import Driver, DriverRequest
from robot_learning.control.lockstep_driver import LockstepDriver
from robot_learning.control.real_time_driver import RealTimeDriver
from robot_learning.hardware import Array, JointPoint
from robot_learning.safety.state_machine import SafetyMode
from robot_learning_nodes import direct_arm
from robot_learning_nodes.convert import (
    JointNames,
    MessageError,
    floats,
    read_wrench,
    to_seconds,
    to_time,
)
from robot_learning_nodes.graph_node import ERROR, OK, WARN, GraphNode, Parameter
from robot_learning_nodes.node_process import exit_process, run
from robot_learning_nodes.qos import COMMAND, LATCHED, RECEIPT, SENSOR, STREAM

GRAPH_PERIOD_S = 0.5
COMMAND_TOPIC = "arm_controller/joint_trajectory"


class ArmDriver(GraphNode):
    """Carries out what the library's Driver asks (it is the Driver's link)."""

    name = "arm_driver"
    shares_memory = False
    parameters = (
        Parameter(
            "monitor_timeout_s",
            0.2,
            "stop when the safety monitor is silent for so long (real time)",
            minimum=0.05,
            maximum=2.0,
        ),
        Parameter(
            "report_period_s",
            0.1,
            "how often the driver says its state, and looks for silence, at least",
            minimum=0.01,
            maximum=0.5,
        ),
        *direct_arm.PARAMETERS,
    )
    direct: direct_arm.DirectArm | None = None  # where no topic leads to the arm

    def configure(self) -> None:
        """Makes the driver and the topics."""
        self.names = JointNames(self.contract.robot)
        self.driver: Driver = (
            LockstepDriver(self.contract, self)
            if self.lockstep
            else RealTimeDriver(self.contract, self, self.values["monitor_timeout_s"])
        )
        self.wrench: Array | None = None
        self.said: tuple[Any, ...] = ()
        self.command = self.advertise(JointTrajectory, COMMAND_TOPIC, COMMAND)
        self.executed = self.advertise(ExecutedAction, "executed_action", RECEIPT)
        self.out = self.advertise(DriverState, "arm_driver/state", STREAM)
        self.listen(WrenchStamped, "wrench", self._felt, SENSOR)
        self.direct = None
        if self.values["backend"] == direct_arm.TOPIC:
            self.listen(JointState, direct_arm.STATE_TOPIC, self._measured, SENSOR)
        else:
            self.direct = direct_arm.DirectArm(self)
        self.listen(ActionRequest, "active_action", self._asked, COMMAND)
        self.listen(SafetyState, "safety/state", self._monitor, LATCHED)
        self.every(self.values["report_period_s"], self._watch)
        self.every(GRAPH_PERIOD_S, self._graph)

    def activate(self) -> None:
        """Starts ticking in real time."""
        self.driver.start()

    def deactivate(self) -> None:
        """Ends the ticks; `stop` came before."""
        self.driver.end()

    def stop(self) -> None:
        """Brings the arm to rest within its limits, on every way out."""
        if not self.active:
            return
        self.active = False
        self.driver.shut_down()
        if self.direct is not None:
            self.direct.backend.stop()
        with self.driver.lock:
            self._say()

    def destroy_node(self) -> None:
        """Lets go of the arm, then of the graph."""
        if self.direct is not None:
            self.direct.close()
        super().destroy_node()

    def diagnose(self) -> tuple[bytes, str, dict[str, Any]]:
        """Mode of the gate, limits that acted, refusals."""
        with self.driver.lock:
            controller = self.driver.controller
            mode, reason = controller.mode, controller.reason
            figures: dict[str, Any] = {
                "ticks": self.driver.ticks,
                "refused": controller.refused_count,
                **controller.limit_counts,
            }
        if mode is SafetyMode.ARMED:
            return OK, "armed", figures
        return (WARN if mode is SafetyMode.DISARMED else ERROR), f"{mode.name}: {reason}", figures

    # Messages in.

    def _felt(self, message: WrenchStamped) -> None:
        """What the arm feels goes with the next state through the gate, which judges it."""
        self.wrench = read_wrench(message)

    def _measured(self, message: JointState) -> None:
        try:
            state = self.names.read_state(message, self.wrench)
        except MessageError as error:
            self.driver.fault(str(error))
            raise
        self.driver.on_state(state)

    def _monitor(self, message: SafetyState) -> None:
        word = SafetyMode(message.state)
        if self.direct is None or self.direct.passes(word):
            self.driver.on_monitor(word, message.reason)

    def _asked(self, message: ActionRequest) -> None:
        try:
            kind = action.ActionKind(message.kind)
        except ValueError:
            reason = f"{message.source} asks for kind {message.kind}, unknown here"
            self.driver.on_unreadable_request(reason)
            raise MessageError(reason) from None
        reason = self.driver.on_request(
            DriverRequest(
                source=message.source,
                sequence=message.sequence,
                kind=kind,
                action=message.action,
                stamp_s=to_seconds(message.header.stamp),
                contract_sha256=message.contract_sha256,
                message=message,
                doubt=message.doubt,
            )
        )
        if reason is not None:
            self.reject("active_action", reason)

    def _watch(self) -> None:
        with self.driver.lock:
            self.driver.watch()
            self._say()

    def _graph(self) -> None:
        """A second publisher on a topic of this driver's own would fight this one for the arm."""
        self._alone_on(COMMAND_TOPIC, "only this driver may command the arm")
        if self.direct is not None:
            self._alone_on(direct_arm.STATE_TOPIC, "this driver's backend says where the arm is")

    def _alone_on(self, topic: str, why: str) -> None:
        others = [
            info.node_name
            for info in self.get_publishers_info_by_topic(topic)
            if info.node_name != self.get_name()
        ]
        if others:
            self.driver.fault(
                f"another publisher on {topic}: {', '.join(sorted(set(others)))}; "
                f"{why}: stop it, then reset"
            )

    # What the driver asks (DriverLink).

    def send(self, points: list[JointPoint], stamp_s: float) -> None:
        """Puts a trajectory on the wire; a stamp of 0 means that it begins on arrival.

        With a backend it is published all the same: the monitor and records see what was asked.
        """
        if self.direct is not None:
            self.direct.backend.follow(points, stamp_s)
        message = self.names.write_trajectory(points)
        message.header.stamp = to_time(stamp_s)
        self.command.publish(message)

    def receipt(self, request: DriverRequest, done: action.ExecutedAction, age_s: float) -> None:
        """Publishes what became of a request."""
        asked = request.message
        answer = ExecutedAction(
            header=asked.header,
            source=asked.source,
            in_place_of=asked.in_place_of,
            sequence=asked.sequence,
            policy_version=asked.policy_version,
            kind=asked.kind,
            observation_age_s=age_s,
        )
        answer.requested = floats(done.requested)
        answer.gated = floats(done.gated)
        answer.executed = floats(done.executed)
        answer.limits, answer.refused = list(done.limits), done.refused
        self.executed.publish(answer)

    def say_change(self) -> None:
        """Publishes the driver's state at once when it is another one."""
        controller = self.driver.controller
        if (controller.mode, controller.reason) != self.said:
            self._say()

    def warn(self, text: str) -> None:
        """Logs what was asked in vain."""
        self.get_logger().warning(text, throttle_duration_sec=2.0)

    def _say(self) -> None:
        controller = self.driver.controller
        message = DriverState(
            state=int(controller.mode),
            reason=controller.reason,
            at_home=controller.at_home,
            at_rest=controller.at_rest,
            refused_count=controller.refused_count,
        )
        message.header.stamp = to_time(self.wall_now_s())
        if self.driver.state is not None and controller.gate.motion is not None:
            message.commanded_position_rad = controller.commanded_position_rad
        counts = controller.limit_counts
        message.limit_names = list(counts)
        message.limit_counts = list(counts.values())
        self.out.publish(message)
        if (controller.mode, controller.reason) != self.said:
            self.said = (controller.mode, controller.reason)
            text = f"{controller.mode.name} {controller.reason}".strip()
            self.say(text, alarm=not controller.orderly)


def main() -> None:
    """Entry point."""
    exit_process(run(ArmDriver))
