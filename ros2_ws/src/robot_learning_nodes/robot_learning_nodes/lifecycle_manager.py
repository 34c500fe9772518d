"""Brings the nodes up in order, brings a restarted one up again, and ends a finished run.

Order is first to last at start and last to first at the end. Nodes are watched by their
heartbeats; the graph's own list keeps a killed node for twenty seconds and is not asked.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import Any

from lifecycle_msgs.msg import State, Transition
from lifecycle_msgs.srv import ChangeState
from robot_learning_interfaces.msg import Heartbeat, LearnerStatus

from robot_learning_nodes.convert import to_seconds
from robot_learning_nodes.graph_node import ERROR, OK, GraphNode, Parameter
from robot_learning_nodes.node_process import exit_process, run
from robot_learning_nodes.qos import HEARTBEAT, STREAM

STEP_PERIOD_S = 0.1
TRANSITION_TIMEOUT_S = 30.0
SILENT_S = 3.0
# While a graph first comes up, a node that refuses so often to be configured or activated ends it:
# what it is asked to do is wrong, and asking again does not change that. Later it is asked on, as
# the others wait safely.
REFUSALS_MAX = 2
VERBS = {
    Transition.TRANSITION_CONFIGURE: "configured",
    Transition.TRANSITION_ACTIVATE: "activated",
    Transition.TRANSITION_DEACTIVATE: "deactivated",
}
REACHED = {
    Transition.TRANSITION_CONFIGURE: State.PRIMARY_STATE_INACTIVE,
    Transition.TRANSITION_ACTIVATE: State.PRIMARY_STATE_ACTIVE,
    Transition.TRANSITION_DEACTIVATE: State.PRIMARY_STATE_INACTIVE,
}


@dataclass
class _Member:
    """What is known of one managed node."""

    name: str
    client: Any
    lifecycle: int = State.PRIMARY_STATE_UNKNOWN
    pid: int = 0
    heard_s: float = 0.0
    pending_until_s: float = 0.0
    changed_at_s: float = 0.0  # system clock; heartbeats from before say an older state
    said_missing: bool = False
    restarts: int = 0
    refusals: int = 0  # in a row


class LifecycleManager(GraphNode):
    """Drives every managed node to `active` and keeps it there."""

    name = "lifecycle_manager"
    parameters = (
        Parameter("nodes", "", "managed nodes, comma-separated, in the order they come up"),
        Parameter(
            "ends_with_learner",
            False,
            "shut everything down once the learner says that the run is done",
        ),
    )

    def __init__(self) -> None:
        super().__init__()
        self.members: dict[str, _Member] = {}
        self.all_up = False
        self.finishing = False
        self.finish_code = 0
        for name in self.values["nodes"].split(","):
            if name:
                client = self.create_client(ChangeState, f"{name}/change_state")
                self.members[name] = _Member(name, client)
        self.create_subscription(Heartbeat, "heartbeat", self._heard, HEARTBEAT)
        if self.values["ends_with_learner"]:
            self.create_subscription(LearnerStatus, "learner/status", self._learner, STREAM)
        self.create_timer(STEP_PERIOD_S, self._step)
        # The manager manages; nobody manages it.
        self.trigger_configure()
        self.trigger_activate()

    def diagnose(self) -> tuple[bytes, str, dict[str, Any]]:
        """Which nodes are missing, and how often each was restarted."""
        figures = {m.name: f"restarts {m.restarts}" for m in self.members.values() if m.restarts}
        missing = [m.name for m in self.members.values() if m.said_missing]
        if missing:
            return ERROR, f"missing: {', '.join(missing)}", figures
        return OK, "all active" if self.all_up else "bringing up", figures

    def _heard(self, message: Heartbeat) -> None:
        if message.node == self.get_name() and message.pid != os.getpid() and not self.all_up:
            self._refuse_domain(message.pid)
            return
        member = self.members.get(message.node)
        if member is None:
            return
        if member.pid and message.pid != member.pid:
            member.restarts += 1
            member.pending_until_s = member.changed_at_s = 0.0
            self.get_logger().warning(
                f"{member.name} is back (process {member.pid} -> {message.pid}); bringing it up"
            )
        elif member.said_missing:
            self.get_logger().info(f"{member.name} is heard again")
        member.pid = message.pid
        member.said_missing = False
        member.heard_s = time.monotonic()
        if to_seconds(message.header.stamp) > member.changed_at_s:
            member.lifecycle = message.lifecycle_state

    def _learner(self, message: LearnerStatus) -> None:
        if message.phase == LearnerStatus.DONE and not self.finishing:
            self.finishing = True
            self.get_logger().info("the run is done; taking the nodes down")

    def _step(self) -> None:
        now_s = time.monotonic()
        for member in self.members.values():
            silent_s = now_s - member.heard_s
            if member.heard_s and silent_s > SILENT_S and not member.said_missing:
                member.said_missing = True
                self.get_logger().error(
                    f"{member.name} (process {member.pid}) has been silent for {silent_s:.1f} s; "
                    "the others wait until it is back"
                )
        if self.finishing:
            self._take_down(now_s)
        else:
            self._bring_up(now_s)

    def _bring_up(self, now_s: float) -> None:
        up = True
        for member in self.members.values():
            if member.lifecycle == State.PRIMARY_STATE_ACTIVE:
                continue
            up = False
            if not member.said_missing:
                self._advance(member, now_s)
            if not self.all_up:
                return  # first bring-up is in order: wait for this one
        if up and not self.all_up:
            self.all_up = True
            self.get_logger().info(f"all {len(self.members)} nodes are active")

    def _advance(self, member: _Member, now_s: float) -> None:
        transitions = {
            State.PRIMARY_STATE_UNCONFIGURED: Transition.TRANSITION_CONFIGURE,
            State.PRIMARY_STATE_INACTIVE: Transition.TRANSITION_ACTIVATE,
        }
        transition = transitions.get(member.lifecycle)
        if transition is not None:
            self._change(member, transition, now_s)

    def _take_down(self, now_s: float) -> None:
        """Deactivates in reverse order, then asks to end: the launch ends with this process."""
        for member in reversed(self.members.values()):
            if member.lifecycle == State.PRIMARY_STATE_ACTIVE and not member.said_missing:
                self._change(member, Transition.TRANSITION_DEACTIVATE, now_s)
                return
        self.exit_code = self.finish_code

    def _change(self, member: _Member, transition: int, now_s: float) -> None:
        if now_s < member.pending_until_s or not member.client.service_is_ready():
            return
        member.pending_until_s = now_s + TRANSITION_TIMEOUT_S
        request = ChangeState.Request(transition=Transition(id=transition))

        def done(future: Any) -> None:
            member.pending_until_s = time.monotonic() + STEP_PERIOD_S
            result = future.result()
            if result is not None and result.success:
                # A busy node's heartbeats come late: asking twice would be asking for nonsense.
                member.lifecycle = REACHED[transition]
                member.refusals = 0
                member.changed_at_s = self.wall_now_s()
            elif result is not None:
                member.pending_until_s = time.monotonic() + 2.0
                self._refused(member, VERBS[transition])

        member.client.call_async(request).add_done_callback(done)

    def _refuse_domain(self, pid: int) -> None:
        """Two graphs in one domain would command one arm: the later one leaves."""
        if self.exit_code is None:
            self.get_logger().fatal(
                f"another graph runs in ROS domain {os.environ.get('ROS_DOMAIN_ID', '0')} (its "
                f"lifecycle_manager is process {pid}): stop it, or launch with --domain NUMBER"
            )
            self.exit_code = 1

    def _refused(self, member: _Member, verb: str) -> None:
        member.refusals += 1
        text = f"{member.name} cannot be {verb}; its own line above says why"
        if self.finishing or self.all_up or member.refusals < REFUSALS_MAX:
            self.get_logger().error(text, throttle_duration_sec=10.0)
            return
        self.get_logger().fatal(f"{text}. Nothing can run without it: taking the nodes down")
        self.finishing, self.finish_code = True, 1


def main() -> None:
    """Entry point."""
    exit_process(run(LifecycleManager))
