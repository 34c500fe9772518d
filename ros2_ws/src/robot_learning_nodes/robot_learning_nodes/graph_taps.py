"""The topics of the graph that are worth keeping, and what a bag must know of them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import PoseStamped, WrenchStamped
from robot_learning_interfaces.msg import (
    ActionRequest,
    ArbiterState,
    Deadman,
    DriverState,
    EpisodeEvent,
    EpisodeStep,
    ExecutedAction,
    GraspEpisode,
    GripperState,
    Reward,
    SafetyState,
)
from sensor_msgs.msg import CameraInfo, CompressedImage, JointState
from trajectory_msgs.msg import JointTrajectory

from robot_learning.contract import Contract
from robot_learning.demonstrations.bag_writer import Stream
from robot_learning.demonstrations.message_definitions import DefinitionError, message_definition
from robot_learning.demonstrations.qos_text import offered
from robot_learning_nodes.graph_node import StartError
from robot_learning_nodes.qos import COMMAND, EPISODE, IMAGE, LATCHED, RECEIPT, RECORD, STREAM
from robot_learning_nodes.taps import Tap

EVENT_TOPIC, STEP_TOPIC = "episode_event", "episode_step"

# Everything that says what was seen, asked for, allowed and done.
_TAPS = (
    Tap(JointState, "joint_states", STREAM),
    Tap(WrenchStamped, "wrench", STREAM),
    Tap(PoseStamped, "target_pose", LATCHED, depth=10),
    Tap(PoseStamped, "object_pose", STREAM),
    Tap(ActionRequest, "policy/action", COMMAND),
    Tap(ActionRequest, "teleop/action", COMMAND),
    Tap(Deadman, "teleop/deadman", STREAM, shared=True),
    Tap(EpisodeEvent, "teleop/event", RECORD, shared=True),
    Tap(ArbiterState, "arbiter/state", LATCHED, depth=10),
    Tap(ActionRequest, "active_action", COMMAND),
    Tap(ExecutedAction, "executed_action", RECEIPT),
    Tap(JointTrajectory, "arm_controller/joint_trajectory", COMMAND),
    Tap(JointTrajectory, "gripper_controller/joint_trajectory", COMMAND),
    Tap(DriverState, "arm_driver/state", STREAM),
    Tap(GripperState, "gripper_driver/state", STREAM),
    Tap(SafetyState, "safety/state", LATCHED, depth=10),
    Tap(Reward, "reward", RECEIPT),
    Tap(EpisodeEvent, EVENT_TOPIC, RECORD, shared=True),
    Tap(EpisodeStep, STEP_TOPIC, RECORD, shared=True),
    Tap(GraspEpisode, "grasp_episode", EPISODE, depth=10),
    Tap(DiagnosticArray, "/diagnostics", STREAM, shared=True),
)


def graph_taps(contract: Contract) -> list[Tap]:
    """All of them, with the contract's cameras."""
    taps = list(_TAPS)
    for camera in contract.robot.cameras:
        topic = f"{camera.name}/color"
        taps += [
            Tap(CompressedImage, f"{topic}/image_raw/compressed", IMAGE, depth=200),
            Tap(CameraInfo, f"{topic}/camera_info", STREAM),
        ]
    return taps


def streams_of(taps: Sequence[Tap], topics: Sequence[str]) -> list[Stream]:
    """What a bag says of taps, whose topics have these full names.

    Raises:
        StartError: the definition of a message is not installed.
    """
    prefixes = [Path(p) for p in os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep) if p]
    try:
        return [
            Stream(
                topic,
                tap.type_name,
                message_definition(tap.type_name, prefixes),
                offered(tap.qos.depth, reliable=tap.reliable, latched=tap.latched),
            )
            for tap, topic in zip(taps, topics, strict=True)
        ]
    except DefinitionError as error:
        raise StartError(str(error)) from None
