"""The base of every node: lifecycle, declared parameters, contract, heartbeat, diagnostics.

A node is thin. It says what it listens to and what it advertises in `configure`, holds one
library object, and overrides `diagnose` and, where something must come to rest first, `stop`.
`node_process.run` runs it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any, ClassVar

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from lifecycle_msgs.msg import State as LifecycleStateMessage
from rclpy.client import Client
from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn
from rclpy.lifecycle import Node as LifecycleNode
from rclpy.publisher import Publisher
from rclpy.qos import QoSProfile
from rclpy.service import Service
from robot_learning_interfaces.msg import Heartbeat

from robot_learning.contract import Contract, ContractError, load_contract
from robot_learning_nodes.convert import MessageError, to_time
from robot_learning_nodes.parameters import COMMON, Parameter, declare
from robot_learning_nodes.qos import HEARTBEAT

OK, WARN, ERROR, STALE = (
    DiagnosticStatus.OK,
    DiagnosticStatus.WARN,
    DiagnosticStatus.ERROR,
    DiagnosticStatus.STALE,
)
HEARTBEAT_PERIOD_S = 0.2
DIAGNOSTICS_PERIOD_S = 1.0


class StartError(RuntimeError):
    """The node cannot start; one line: what, where, what to do."""


class GraphNode(LifecycleNode):
    """A lifecycle node that follows the contract and says how it is.

    Attributes:
        enclave: whose keys its process has where SROS2 is on; by default of its own name.
        gives_way: nothing moves or stops on its word. Where cores are few it runs after the nodes
            between a state and the command that answers it, and after those that stop the arm.
        shares_memory: large messages come and go by shared memory; without it no other process
            can hold it up, see `workspace.without_shared_memory`.
    """

    name: ClassVar[str]
    enclave: ClassVar[str] = ""
    gives_way: ClassVar[bool] = False
    shares_memory: ClassVar[bool] = True
    parameters: ClassVar[tuple[Parameter, ...]] = ()

    def __init__(self) -> None:
        super().__init__(self.name)
        self.values: dict[str, Any] = declare(self, COMMON + self.parameters)
        self.contract: Contract = load_contract(self.values["robot"], self.values["task"])
        self.lockstep: bool = self.values["mode"] == "lockstep"
        self.active = False
        self.rejected: dict[str, int] = {}
        self._made: list[tuple[Callable[[Any], object], Any]] = []
        self._heartbeat = self.create_publisher(Heartbeat, "heartbeat", HEARTBEAT)
        self._diagnostics = self.create_publisher(DiagnosticArray, "/diagnostics", 10)
        self.create_timer(HEARTBEAT_PERIOD_S, self._beat)
        self.create_timer(DIAGNOSTICS_PERIOD_S, self._report)

    # What a node overrides.

    def configure(self) -> None:
        """Makes publishers, subscriptions and the library object."""

    def activate(self) -> None:
        """Begins to act."""

    def deactivate(self) -> None:
        """Stops acting; keeps what it knows."""

    def stop(self) -> None:
        """Brings to rest what this node moves; called on every way out, before DDS goes."""

    def diagnose(self) -> tuple[bytes, str, dict[str, Any]]:
        """Level, one line, and figures, for /diagnostics once a second."""
        return OK, "running", {}

    # What a node calls.

    def advertise(self, kind: type, topic: str, qos: QoSProfile) -> Publisher:
        """A publisher that goes with this configuration."""
        publisher = self.create_publisher(kind, topic, qos)
        self._made.append((self.destroy_publisher, publisher))
        return publisher

    def listen(
        self,
        kind: type,
        topic: str,
        callback: Callable[[Any], None],
        qos: QoSProfile,
        *,
        always: bool = False,
    ) -> None:
        """A subscription; called only while active unless `always`.

        A message that the callback refuses (MessageError) is counted, said once in a while and
        dropped; any other exception ends the node, stopping first.
        """

        def receive(message: Any) -> None:
            if not (self.active or always):
                return
            try:
                callback(message)
            except MessageError as error:
                self.reject(topic, str(error))

        subscription = self.create_subscription(kind, topic, receive, qos)
        self._made.append((self.destroy_subscription, subscription))

    def serve(self, kind: type, name: str, callback: Callable[[Any, Any], Any]) -> Service:
        """A service that goes with this configuration."""
        service = self.create_service(kind, name, callback)
        self._made.append((self.destroy_service, service))
        return service

    def client_of(self, kind: type, name: str) -> Client:
        """A client of a service that goes with this configuration."""
        client = self.create_client(kind, name)
        self._made.append((self.destroy_client, client))
        return client

    def release_later(self, release: Callable[[], None]) -> None:
        """Something that must be let go of with this configuration."""
        self._made.append((lambda _: release(), None))

    def every(self, period_s: float, callback: Callable[[], None]) -> None:
        """A wall-clock timer; runs only while active."""
        timer = self.create_timer(period_s, lambda: callback() if self.active else None)
        self._made.append((self.destroy_timer, timer))

    def reject(self, what: str, reason: str) -> None:
        """Counts a refused message and says why, at most every two seconds."""
        self.rejected[what] = self.rejected.get(what, 0) + 1
        self.get_logger().warning(f"refused {what}: {reason}", throttle_duration_sec=2.0)

    def say(self, text: str, *, alarm: bool = False) -> None:
        """Logs a line; rclpy wants one call a severity."""
        if alarm:
            self.get_logger().error(text)
        else:
            self.get_logger().info(text)

    def wall_now_s(self) -> float:
        """Seconds on the system clock, the clock of stamps in real time."""
        return time.time()

    # Lifecycle.

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Runs `configure`; a refused set-up leaves the node unconfigured with one line."""
        try:
            self.configure()
        except (StartError, ContractError, MessageError, OSError, ValueError, LookupError) as error:
            self.get_logger().fatal(f"cannot be configured: {error}")
            self._destroy_made()
            return TransitionCallbackReturn.FAILURE
        return super().on_configure(state)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Runs `activate`."""
        self.active = True
        self.activate()
        return super().on_activate(state)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Runs `deactivate`, after coming to rest."""
        self.stop()
        self.deactivate()
        self.active = False
        return super().on_deactivate(state)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Destroys what `configure` made."""
        self._destroy_made()
        return super().on_cleanup(state)

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Comes to rest and destroys what `configure` made."""
        self.stop()
        self.active = False
        self._destroy_made()
        return super().on_shutdown(state)

    def destroy_node(self) -> None:
        """Destroys the node, with what rclpy leaves of it: actions and the state machine hold it.

        Held, its participant would stay in the graph until the others miss it, seconds later.
        """
        self._destroy_made()
        super().destroy_node()
        self._state_machine.destroy_when_not_in_use()

    def _destroy_made(self) -> None:
        while self._made:
            destroy, thing = self._made.pop()
            destroy(thing)

    def lifecycle_id(self) -> int:
        """The lifecycle state's number in lifecycle_msgs."""
        return int(self._state_machine.current_state[0])

    def _beat(self) -> None:
        message = Heartbeat(node=self.get_name(), pid=os.getpid())
        message.header.stamp = to_time(self.wall_now_s())
        message.lifecycle_state = self.lifecycle_id()
        self._heartbeat.publish(message)

    def _report(self) -> None:
        if self.lifecycle_id() == LifecycleStateMessage.PRIMARY_STATE_ACTIVE:
            level, line, figures = self.diagnose()
        else:
            level, line, figures = STALE, "not active", {}
        for topic, count in self.rejected.items():
            figures[f"refused {topic}"] = count
        status = DiagnosticStatus(level=level, name=self.get_name(), message=line)
        status.hardware_id = self.contract.robot.name
        status.values = [KeyValue(key=key, value=str(value)) for key, value in figures.items()]
        message = DiagnosticArray(status=[status])
        message.header.stamp = to_time(self.wall_now_s())
        self._diagnostics.publish(message)
