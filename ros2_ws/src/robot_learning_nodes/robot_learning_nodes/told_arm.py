"""The parameter `anticipate`, and the topic by which a node knows where the arm is told to be."""

from __future__ import annotations

from trajectory_msgs.msg import JointTrajectory

from robot_learning.envs.anticipation import Anticipation
from robot_learning_nodes.convert import JointNames, to_seconds
from robot_learning_nodes.graph_node import GraphNode, Parameter
from robot_learning_nodes.qos import COMMAND, RECEIPT

COMMAND_TOPIC = "arm_controller/joint_trajectory"
ANTICIPATE = Parameter(
    "anticipate",
    False,
    "show the policy the arm where it is told to be: for an arm that follows late, and a policy "
    "that was trained on one that does not",
)


def told_arm(node: GraphNode) -> Anticipation:
    """What was told, kept up to date by the driver's trajectories; used where it is asked for."""
    names = JointNames(node.contract.robot)
    anticipation = Anticipation(lockstep=node.lockstep)

    def commanded(message: JointTrajectory) -> None:
        points = names.read_trajectory(message)
        anticipation.on_command(to_seconds(message.header.stamp), points)

    if node.values[ANTICIPATE.name]:
        # In lockstep every one counts: it says up to when it is known what was told.
        qos = RECEIPT if node.lockstep else COMMAND
        node.listen(JointTrajectory, COMMAND_TOPIC, commanded, qos)
    return anticipation
