"""The base of people's devices: requests, the dead-man stream and episode events, whatever device.

A device is asked often; what it says goes out at the contract's control rate, 20 Hz at least, and
at once when the dead-man changes. Requests go out only while it is held.
"""

from __future__ import annotations

import time
import uuid
from typing import Any, ClassVar

from rclpy.qos import QoSProfile
from robot_learning_interfaces.msg import ActionRequest, ArbiterState, Deadman, EpisodeEvent
from sensor_msgs.msg import JointState
from std_srvs.srv import Trigger

from robot_learning.control.action import ActionKind
from robot_learning.hardware import RobotState
from robot_learning.teleoperation import Bindings, PersonEvent, Reading, to_action
from robot_learning.teleoperation.reading import Device
from robot_learning_nodes.convert import JointNames, floats, to_time
from robot_learning_nodes.graph_node import OK, WARN, GraphNode, Parameter
from robot_learning_nodes.qos import LATCHED, RECORD, SENSOR, STREAM

POLL_PERIOD_S = 0.01
SAY_PERIOD_MAX_S = 0.05
# What a person sees is what moves: without a state so new nothing is asked of the arm.
STATE_AGE_MAX_S = 0.2
# As joy drivers and leader arms publish.
DEVICE = QoSProfile(depth=5)

OPERATOR = Parameter("operator", "", "who plays the device, for the record")

_EVENTS = {
    PersonEvent.SUCCESS: (EpisodeEvent.END, EpisodeEvent.OUTCOME_SUCCESS),
    PersonEvent.FAILURE: (EpisodeEvent.END, EpisodeEvent.OUTCOME_FAILURE),
    PersonEvent.END: (EpisodeEvent.END, EpisodeEvent.OUTCOME_UNLABELLED),
    PersonEvent.DISCARD: (EpisodeEvent.DISCARD, EpisodeEvent.OUTCOME_UNLABELLED),
}


class TeleopNode(GraphNode):
    """Publishes what one device says; a subclass feeds the device.

    Attributes:
        device_kind: what its source is called by, with a few letters that are new at every start.
    """

    enclave = "teleop"
    device_kind: ClassVar[str]
    device: Device

    def connect(self, device: Device, bindings: Bindings) -> None:
        """The topics of any device; shows its bindings."""
        self.device = device
        self.source = f"{self.device_kind}-{uuid.uuid4().hex[:4]}"
        self.sequence = 0
        self.reading = Reading(False, False)
        self.names = JointNames(self.contract.robot)
        self.state: RobotState | None = None
        self.state_s = self.published_s = 0.0
        self.told = ""
        self.has_arm = False
        self.action_out = self.advertise(ActionRequest, "teleop/action", STREAM)
        self.deadman_out = self.advertise(Deadman, "teleop/deadman", STREAM)
        self.event_out = self.advertise(EpisodeEvent, "teleop/event", RECORD)
        self.estop_client = self.client_of(Trigger, "safety/estop")
        self.listen(JointState, "joint_states", self._measured, SENSOR)
        self.listen(ArbiterState, "arbiter/state", self._arbiter, LATCHED)
        self.every(POLL_PERIOD_S, self._poll)
        self.tell("\n".join(bindings.lines()))

    # What a subclass overrides.

    def poll_device(self, now_s: float) -> None:
        """Feeds the device what has come since the last call."""

    def state_seen(self, state: RobotState) -> None:
        """The arm's newest state."""

    def tell(self, text: str) -> None:
        """Shows the person a text."""
        self.say(text)

    # The node.

    def stop(self) -> None:
        """Lets go of the arm."""
        if self.active:
            self._publish(Reading(False, True))

    def diagnose(self) -> tuple[bytes, str, dict[str, Any]]:
        """Whether the device is there, and who holds it."""
        figures = {"source": self.source, "requests": self.sequence}
        if not self.reading.connected:
            return WARN, "the device is not there", figures
        return OK, "held" if self.reading.held else "let go", figures

    def _poll(self) -> None:
        now_s = time.monotonic()
        self.poll_device(now_s)
        before, self.reading = self.reading, self.device.reading(now_s)
        for event in self.device.take_events():
            self._event(event)
        changed = (before.held, before.connected) != (self.reading.held, self.reading.connected)
        period_s = min(self.contract.control_period_s, SAY_PERIOD_MAX_S)
        if changed or now_s - self.published_s >= period_s - 1e-3:
            # On a beat of its own: a poll that came late must not slow the stream down.
            late = now_s - self.published_s > 2 * period_s
            beat_s = self.published_s + period_s
            self.published_s = now_s if changed or late else beat_s
            self._publish(self.reading)
            if not self.lockstep:
                self._request(now_s)
        if self.reading.note != self.told:
            self.told = self.reading.note
            if self.told:
                self.tell(self.told)

    def _publish(self, reading: Reading) -> None:
        message = Deadman(
            source=self.source,
            operator_name=self.values["operator"],
            held=reading.held,
            connected=reading.connected,
            note=reading.note,
        )
        message.header.stamp = to_time(self.wall_now_s())
        self.deadman_out.publish(message)

    def _request(self, now_s: float) -> None:
        if not self.reading.held or self.state is None:
            return
        if now_s - self.state_s > STATE_AGE_MAX_S:
            self.get_logger().warning(
                "nothing is asked of the arm: its joint_states are old", throttle_duration_sec=2.0
            )
            return
        action = to_action(self.contract.task.action, self.reading.wish)
        message = ActionRequest(
            source=self.source,
            sequence=self.sequence,
            kind=int(ActionKind.ACTION),
            action=floats(action),
            contract_sha256=self.contract.sha256,
        )
        message.header.stamp = to_time(self.state.stamp_s)
        message.header.frame_id = self.contract.robot.arm.base_frame
        self.action_out.publish(message)
        self.sequence += 1

    def _event(self, event: PersonEvent) -> None:
        if event is PersonEvent.ESTOP:
            self.get_logger().error("emergency stop")
            self.estop_client.call_async(Trigger.Request())
            return
        kind, outcome = _EVENTS[event]
        message = EpisodeEvent(
            actor_id=self.source, event=kind, outcome=outcome, note=self.values["operator"]
        )
        stamp_s = self.state.stamp_s if self.state is not None else self.wall_now_s()
        message.header.stamp = to_time(stamp_s)
        self.event_out.publish(message)
        self.tell(f"told: {event.value}")

    def _measured(self, message: JointState) -> None:
        self.state, self.state_s = self.names.read_state(message), time.monotonic()
        self.state_seen(self.state)
        if self.lockstep:  # an action is for the very state that it was chosen for
            self._request(self.state_s)

    def _arbiter(self, message: ArbiterState) -> None:
        has_arm = message.active_source == self.source
        if has_arm != self.has_arm:
            self.has_arm = has_arm
            who = message.active_source or "nobody"
            self.tell("you have the arm" if has_arm else f"you let the arm go; {who} has it")
        for text in (message.blocked, message.refused):
            if self.source in text:
                self.tell(text)
