"""The node graph behind `gymnasium.make`, for any learning library.

    import gymnasium
    env = gymnasium.make("robot_learning_nodes.gymnasium_link:robot_learning/Graph-v0", task="lift")

Run it beside `launch/gymnasium.launch.xml`, which has every node but policy and learner.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gymnasium
import rclpy
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import QoSProfile
from robot_learning_interfaces.msg import (
    ActionRequest,
    ArbiterState,
    ExecutedAction,
    Reward,
    SafetyState,
)
from robot_learning_interfaces.srv import ResetEpisode

from robot_learning.contract import Contract, StateTask, load_contract, task_of
from robot_learning.control.action import ActionKind
from robot_learning.envs.graph_env import GraphEnv
from robot_learning.envs.graph_session import GraphSession
from robot_learning.replay.step import Float32
from robot_learning_nodes.actor_messages import (
    read_judgement,
    read_receipt,
    write_request,
)
from robot_learning_nodes.convert import MessageError, to_seconds
from robot_learning_nodes.node_process import leave_graph
from robot_learning_nodes.qos import COMMAND, LATCHED, RECEIPT
from robot_learning_nodes.reset_call import call_reset
from robot_learning_nodes.scene_topics import SceneTopics

ENVIRONMENT_ID = "robot_learning/Graph-v0"


class GymnasiumLink:
    """A plain node with the policy's topics (it is a `GraphLink`)."""

    def __init__(self, contract: Contract, *, lockstep: bool) -> None:
        self.contract = contract
        self.lockstep = lockstep
        self.sequence = self.received = 0
        self.unsafe, self.blocked = "safety/state was not heard", ""
        self.context = Context()
        rclpy.init(context=self.context)
        self.node = Node("gymnasium", context=self.context)
        self.executor = SingleThreadedExecutor(context=self.context)
        self.executor.add_node(self.node)
        self.request_out = self.node.create_publisher(ActionRequest, "policy/action", COMMAND)
        self.reset_client = self.node.create_client(ResetEpisode, "reset")

    def attach(self, listener: GraphSession) -> None:
        """Subscribes."""
        self.listener = listener
        self.seen = SceneTopics(self.contract, self._listen, listener, lockstep=self.lockstep)
        self._listen(Reward, "reward", self._reward, RECEIPT)
        self._listen(ExecutedAction, "executed_action", self._executed, RECEIPT)
        self._listen(SafetyState, "safety/state", self._safety, LATCHED)
        self._listen(ArbiterState, "arbiter/state", self._arbiter, LATCHED)

    def spin(self, timeout_s: float) -> None:
        """Waits for a message and hands over all that are there."""
        before = self.received
        self.executor.spin_once(timeout_sec=timeout_s)
        while self.received != before:
            before = self.received
            self.executor.spin_once(timeout_sec=0.0)

    def request(self, kind: ActionKind, action: Float32, stamp_s: float, doubt: float) -> int:
        """Publishes an action request."""
        message = write_request(self.contract, self.sequence, kind, action, stamp_s, doubt=doubt)
        self.request_out.publish(message)
        self.sequence += 1
        return message.sequence

    def reset(self, seed: int) -> None:
        """Calls the reset service."""
        self.reset_client.wait_for_service(timeout_sec=5.0)  # the graph may still be starting
        call_reset(self.reset_client, seed, self.listener.on_reset)

    def missing(self) -> str | None:
        """What the newest state waits for."""
        return self.seen.missing()

    def close(self) -> None:
        """Leaves the graph."""
        leave_graph(self.executor, self.node, self.context)

    def _listen(
        self,
        kind: type,
        topic: str,
        callback: Callable[[Any], None],
        qos: QoSProfile,
        *,
        always: bool = True,
    ) -> None:
        """As of a `GraphNode` that is always active."""

        def receive(message: Any) -> None:
            self.received += 1
            try:
                callback(message)
            except MessageError as error:
                self.node.get_logger().warning(
                    f"refused {topic}: {error}", throttle_duration_sec=2.0
                )

        self.node.create_subscription(kind, topic, receive, qos)

    def _reward(self, message: Reward) -> None:
        self.listener.on_reward(to_seconds(message.header.stamp), read_judgement(message))

    def _executed(self, message: ExecutedAction) -> None:
        if "policy" in (message.source, message.in_place_of):
            self.listener.on_receipt(message.sequence, read_receipt(message))

    def _safety(self, message: SafetyState) -> None:
        armed = message.state == SafetyState.ARMED
        self.unsafe = "" if armed else f"safety: {message.reason or 'not armed'}"
        self.listener.set_allowed(self.unsafe or self.blocked or None)

    def _arbiter(self, message: ArbiterState) -> None:
        self.blocked = message.blocked
        self.listener.set_allowed(self.unsafe or self.blocked or None)


def make_graph_env(
    robot: str = "panda", task: str = "reach", mode: str = "lockstep", patience_s: float = 20.0
) -> GraphEnv:
    """An environment over the graph that runs in this process's ROS domain.

    Args:
        robot: name in `config/robots/`, or a file; the graph's own.
        task: name in `config/tasks/`, or a file; the graph's own.
        mode: `lockstep` or `real_time`, as the graph was started.
        patience_s: how long anything may be missing.

    Raises:
        ContractError: the contract is malformed, or its task is seen in pictures.
        ValueError: unknown mode.
    """
    if mode not in ("lockstep", "real_time"):
        raise ValueError(f"mode {mode!r} is not known; use 'lockstep' or 'real_time'")
    contract, lockstep = load_contract(robot, task), mode == "lockstep"
    task_of(contract, StateTask)
    link = GymnasiumLink(contract, lockstep=lockstep)
    return GraphEnv(contract, link, lockstep=lockstep, patience_s=patience_s)


if ENVIRONMENT_ID not in gymnasium.registry:
    gymnasium.register(id=ENVIRONMENT_ID, entry_point=f"{__name__}:make_graph_env")
