"""The node graph behind `gymnasium.make`, for any learning library.

    import gymnasium
    env = gymnasium.make("robot_learning_nodes.gymnasium_link:robot_learning/Graph-v0", robot="fr3")

Run it beside `launch/gymnasium.launch.xml`, which has every node but policy and learner.
"""

from __future__ import annotations

import gymnasium
import rclpy
from geometry_msgs.msg import PoseStamped
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from robot_learning_interfaces.msg import ActionRequest, ExecutedAction, Reward, SafetyState
from robot_learning_interfaces.srv import ResetEpisode
from sensor_msgs.msg import JointState

from robot_learning.contract import Contract, load_contract
from robot_learning.control.action import ActionKind
from robot_learning.envs.graph_env import GraphEnv
from robot_learning.replay.step import Float32
from robot_learning_nodes.actor_messages import (
    read_judgement,
    read_receipt,
    write_request,
)
from robot_learning_nodes.convert import JointNames, MessageError, read_position, to_seconds
from robot_learning_nodes.node_process import leave_graph
from robot_learning_nodes.qos import COMMAND, LATCHED, RECEIPT, SENSOR
from robot_learning_nodes.reset_call import call_reset

ENVIRONMENT_ID = "robot_learning/Graph-v0"


class GymnasiumLink:
    """A plain node with the policy's topics (it is a `GraphLink`)."""

    def __init__(self, contract: Contract) -> None:
        self.contract = contract
        self.names = JointNames(contract.robot)
        self.sequence = self.received = 0
        self.context = Context()
        rclpy.init(context=self.context)
        self.node = Node("gymnasium", context=self.context)
        self.executor = SingleThreadedExecutor(context=self.context)
        self.executor.add_node(self.node)
        self.request_out = self.node.create_publisher(ActionRequest, "policy/action", COMMAND)
        self.reset_client = self.node.create_client(ResetEpisode, "reset")

    def attach(self, listener: GraphEnv) -> None:
        """Subscribes."""
        self.listener = listener
        for kind, topic, callback, qos in (
            (JointState, "joint_states", self._state, SENSOR),
            (Reward, "reward", self._reward, RECEIPT),
            (ExecutedAction, "executed_action", self._executed, RECEIPT),
            (PoseStamped, "target_pose", self._target, LATCHED),
            (SafetyState, "safety/state", self._safety, LATCHED),
        ):
            self.node.create_subscription(kind, topic, callback, qos)

    def spin(self, timeout_s: float) -> None:
        """Waits for a message and hands over all that are there."""
        before = self.received
        self.executor.spin_once(timeout_sec=timeout_s)
        while self.received != before:
            before = self.received
            self.executor.spin_once(timeout_sec=0.0)

    def request(self, kind: ActionKind, action: Float32, stamp_s: float) -> int:
        """Publishes an action request."""
        message = write_request(self.contract, self.sequence, kind, action, stamp_s)
        self.request_out.publish(message)
        self.sequence += 1
        return message.sequence

    def reset(self, seed: int) -> None:
        """Calls the reset service."""
        self.reset_client.wait_for_service(timeout_sec=5.0)  # the graph may still be starting
        call_reset(self.reset_client, seed, self.listener.on_reset)

    def close(self) -> None:
        """Leaves the graph."""
        leave_graph(self.executor, self.node, self.context)

    def _state(self, message: JointState) -> None:
        self.received += 1
        try:
            state = self.names.read_state(message)
        except MessageError as error:
            self._refuse(error)
        else:
            self.listener.on_state(state)

    def _reward(self, message: Reward) -> None:
        self.received += 1
        self.listener.on_reward(to_seconds(message.header.stamp), read_judgement(message))

    def _executed(self, message: ExecutedAction) -> None:
        self.received += 1
        if "policy" in (message.source, message.in_place_of):
            self.listener.on_receipt(message.sequence, read_receipt(message))

    def _target(self, message: PoseStamped) -> None:
        self.received += 1
        try:
            goal = read_position(message, "target_pose", self.contract.robot.arm.base_frame)
        except MessageError as error:
            self._refuse(error)
        else:
            self.listener.on_target(to_seconds(message.header.stamp), goal)

    def _refuse(self, error: MessageError) -> None:
        self.node.get_logger().warning(str(error), throttle_duration_sec=2.0)

    def _safety(self, message: SafetyState) -> None:
        self.received += 1
        armed = message.state == SafetyState.ARMED
        self.listener.set_allowed(None if armed else f"safety: {message.reason or 'not armed'}")


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
        ContractError: the contract is malformed.
        ValueError: unknown mode.
    """
    if mode not in ("lockstep", "real_time"):
        raise ValueError(f"mode {mode!r} is not known; use 'lockstep' or 'real_time'")
    contract = load_contract(robot, task)
    return GraphEnv(
        contract, GymnasiumLink(contract), lockstep=mode == "lockstep", patience_s=patience_s
    )


if ENVIRONMENT_ID not in gymnasium.registry:
    gymnasium.register(id=ENVIRONMENT_ID, entry_point=f"{__name__}:make_graph_env")
