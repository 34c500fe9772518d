"""Stands where a person stands, in simulation only: arms the robot, frees it, arms it again.

On a real arm this node is not launched: a person resets a fault and arms, each by an explicit
call, with the arm in view.
"""

from __future__ import annotations

import time
from typing import Any

from robot_learning_interfaces.msg import SafetyState
from rosgraph_msgs.msg import Clock
from std_srvs.srv import Trigger

from robot_learning_nodes.graph_node import OK, WARN, GraphNode, Parameter
from robot_learning_nodes.node_process import exit_process, run
from robot_learning_nodes.qos import LATCHED, SENSOR

RETRY_S = 0.5
# A fault that resetting does not clear, as an arm that presses against something, needs a hand.
RESETS_IN_VAIN_MAX = 3


class SimOperator(GraphNode):
    """Calls safety/reset and safety/arm when the monitor waits for a person."""

    name = "sim_operator"
    gives_way = True
    parameters = (
        Parameter(
            "resets_max",
            100,
            "give up after this many resets: something is wrong that resetting does not mend",
            minimum=0,
            maximum=100000,
        ),
    )

    def configure(self) -> None:
        """Subscribes to the monitor and, as proof of a simulator, to the clock."""
        self.state: SafetyState | None = None
        self.clock_seen = False
        self.resets = 0
        self.said = -1  # transition of the fault that was spoken of last
        self.waiting_since_s = 0.0
        self.pending = False
        self.in_vain = 0  # resets that were refused, one after the other
        self.reset_client = self.create_client(Trigger, "safety/reset")
        self.arm_client = self.create_client(Trigger, "safety/arm")
        self.free_client = self.create_client(Trigger, "free_arm")
        self._made += [
            (self.destroy_client, self.reset_client),
            (self.destroy_client, self.arm_client),
            (self.destroy_client, self.free_client),
        ]
        self.listen(SafetyState, "safety/state", self._state, LATCHED, always=True)
        self.clock = self.create_subscription(Clock, "/clock", self._heard_clock, SENSOR)
        self.every(RETRY_S, self._act)

    def diagnose(self) -> tuple[bytes, str, dict[str, Any]]:
        """How often it had to reset."""
        if self.resets >= self.values["resets_max"]:
            return WARN, "gave up resetting", {"resets": self.resets}
        return OK, "watching", {"resets": self.resets}

    def _state(self, message: SafetyState) -> None:
        self.state = message

    def _heard_clock(self, _message: Clock) -> None:
        self.clock_seen = True
        # Once is enough, and the clock ticks with every step.
        self.destroy_subscription(self.clock)

    def _act(self) -> None:
        # Without a simulated clock this may be a real arm: then only a person arms it.
        if self.state is None or not self.clock_seen:
            return
        if self.pending and time.monotonic() - self.waiting_since_s < 3.0:
            return
        if self.state.state in (SafetyState.FAULT, SafetyState.ESTOP):
            if self.resets >= self.values["resets_max"]:
                return
            if self.state.transition != self.said:
                self.said = self.state.transition
                self.get_logger().warning(f"resetting after: {self.state.reason}")
            if self.in_vain >= RESETS_IN_VAIN_MAX:
                self.in_vain = 0
                self._call(self.free_client, "take the arm home")
            else:
                self._call(self.reset_client, "reset")
        elif self.state.state == SafetyState.DISARMED:
            self._call(self.arm_client, "arm")

    def _call(self, client: Any, what: str) -> None:
        if not client.service_is_ready():
            return
        self.pending, self.waiting_since_s = True, time.monotonic()

        def done(future: Any) -> None:
            self.pending = False
            result = future.result()
            if result is not None and result.success:
                self.in_vain = 0
                self.resets += what == "reset"
                self.get_logger().info(f"{what}: done")
            elif result is not None:
                self.in_vain += what == "reset"
                self.get_logger().info(
                    f"{what} refused for now: {result.message}", throttle_duration_sec=2.0
                )

        client.call_async(Trigger.Request()).add_done_callback(done)


def main() -> None:
    """Entry point."""
    exit_process(run(SimOperator))
