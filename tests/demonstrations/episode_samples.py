"""Messages as the graph sends them, and stores of episodes made of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from robot_learning.contract import Contract, load_contract
from robot_learning.demonstrations.bag_writer import Received, Stream
from robot_learning.demonstrations.message_codec import encode
from robot_learning.demonstrations.message_definitions import message_definition
from robot_learning.demonstrations.recorder import (
    Began,
    Discarded,
    Ended,
    EpisodeRecorder,
    News,
    StepCame,
)
from robot_learning.demonstrations.store import Store
from robot_learning.envs.observation import observation_size
from robot_learning.workspace import message_prefixes

CONTRACT = load_contract("panda", "reach")
T0 = 1_790_000_000_123_456_789  # ns
MS = 1_000_000
TOPICS = {
    "/joint_states": "sensor_msgs/msg/JointState",
    "/target_pose": "geometry_msgs/msg/PoseStamped",
    "/camera/color/image_raw/compressed": "sensor_msgs/msg/CompressedImage",
    "/episode_event": "robot_learning_interfaces/msg/EpisodeEvent",
    "/episode_step": "robot_learning_interfaces/msg/EpisodeStep",
    "/teleop/deadman": "std_msgs/msg/Bool",
}
IMAGE_TOPIC = "/camera/color/image_raw/compressed"


@cache
def stream(topic: str) -> Stream:
    type_name = TOPICS[topic]
    return Stream(topic, type_name, message_definition(type_name, message_prefixes()))


def streams(without: Sequence[str] = ()) -> list[Stream]:
    return [stream(topic) for topic in TOPICS if topic not in without]


def message(
    topic: str, ns: int, fields: dict[str, Any] | None = None, *, sequence: int = 0
) -> Received:
    known = stream(topic)
    stamp = {"sec": ns // 10**9, "nanosec": ns % 10**9}
    header = {"header": {"stamp": stamp, "frame_id": "panda_link0"}}
    data = encode(known.type_name, known.definition, header | (fields or {}))
    return Received(topic, ns + 300_000, ns + 200_000, sequence, data)


def state(ns: int, sequence: int = 0) -> Received:
    arm = CONTRACT.robot.arm.joint_names
    values = [float(np.sin(ns * 1e-9 + i)) for i in range(len(arm))]
    fields = {"name": list(arm), "position": values, "velocity": values, "effort": values}
    return message("/joint_states", ns, fields, sequence=sequence)


def jpeg(number: int) -> bytes:
    rgb = np.full((48, 64, 3), 20 + 10 * number % 200, np.uint8)
    rgb[:, : 1 + number % 60] = 250
    return cv2.imencode(".jpg", rgb)[1].tobytes()


def picture(ns: int, number: int) -> Received:
    fields = {"format": "rgb8; jpeg compressed bgr8", "data": jpeg(number)}
    return message(IMAGE_TOPIC, ns, fields)


def step_fields(
    episode: int, number: int, *, contract: Contract = CONTRACT, last: bool = False
) -> dict[str, Any]:
    random = np.random.default_rng([episode, number])
    size, action = observation_size(contract), contract.task.action.size
    observation = np.random.default_rng([episode, number]).random(size, np.float32)
    after = np.random.default_rng([episode, number + 1]).random(size, np.float32)
    asked = random.uniform(-1, 1, action).astype(np.float32)
    return {
        "actor_id": "actor",
        "step_number": 1000 * episode + number,
        "episode": episode,
        "episode_step": number,
        "is_intervention": number % 5 == 3,
        "observation": observation.tolist(),
        "next_observation": after.tolist(),
        "achieved_goal": [0.1, 0.2, 0.3],
        "next_achieved_goal": [0.1, 0.2, 0.35],
        "desired_goal": [0.5, 0.0, 0.25],
        "requested_action": asked.tolist(),
        "gated_action": (asked * np.float32(0.5)).tolist(),
        "executed_action": (asked * np.float32(0.25)).tolist(),
        "reward": -1.0 + number,
        "truncated": last,
        "success": last,
        "policy_version": 7,
        "observation_age_s": 0.004,
        "contract_sha256": contract.sha256,
    }


def step(ns: int, episode: int, number: int, **how: Any) -> tuple[Received, StepCame]:
    fields = step_fields(episode, number, **how)
    news = StepCame("actor", episode, fields["step_number"], fields["is_intervention"])
    return message("/episode_step", ns, fields), news


def began(ns: int, episode: int) -> tuple[Received, Began]:
    fields = {"actor_id": "actor", "episode": episode, "event": 0}
    return message("/episode_event", ns, fields), Began("actor", episode, False, ns)


def ended(ns: int, episode: int, steps: int, outcome: str = "success") -> tuple[Received, Ended]:
    fields = {"actor_id": "actor", "episode": episode, "event": 1, "steps": steps}
    news = Ended("actor", episode, outcome, 3.5, steps, "")  # type: ignore[arg-type]
    return message("/episode_event", ns, fields), news


def discarded(ns: int, note: str = "bumped") -> tuple[Received, Discarded]:
    return message("/episode_event", ns, {"event": 2, "note": note}), Discarded(note)


def episode_messages(
    begin_ns: int = T0, episode: int = 0, steps: int = 12, *, camera: bool = True, **how: Any
) -> Iterator[tuple[Received, News]]:
    """States at 100 Hz, pictures at 30 Hz, steps at 20 Hz, as they would come."""
    yield message("/target_pose", begin_ns - 400 * MS), None
    end_ns = begin_ns + steps * 50 * MS
    items: list[tuple[Received, News]] = []
    for k, ns in enumerate(range(begin_ns - 20 * MS, end_ns + 30 * MS, 10 * MS)):
        items.append((state(ns, 500 + k), None))
    if camera:
        for k, ns in enumerate(range(begin_ns - 30 * MS, end_ns + 10 * MS, 33 * MS)):
            items.append((picture(ns + 1 * MS, k), None))
    outcome = how.pop("outcome", "success")
    items.append(began(begin_ns, episode))
    for number in range(steps):
        received, news = step(
            begin_ns + number * 50 * MS, episode, number, last=number == steps - 1, **how
        )
        late = Received(
            received.topic, received.log_ns + 55 * MS, received.publish_ns, 0, received.data
        )
        items.append((late, news))
    items.append(ended(end_ns + 8 * MS, episode, steps, outcome))
    items.sort(key=lambda pair: pair[0].log_ns)
    yield from items


def about(contract: Contract = CONTRACT) -> dict[str, Any]:
    return {
        "task": contract.task.name,
        "robot": contract.robot.name,
        "instruction": contract.task.instruction,
        "contract_sha256": contract.sha256,
        "contract": contract.model_dump(mode="json"),
        "operator": "ada",
        "revision": "abc",
        "clock": "real_time",
    }


def recorder(
    folder: Path, say: Callable[[str], None] = lambda _: None, **changes: Any
) -> EpisodeRecorder:
    return EpisodeRecorder(
        folder,
        changes.pop("streams", streams()),
        about(changes.pop("contract", CONTRACT)),
        say,
        latched=["/target_pose"],
        **changes,
    )


def record(folder: Path, episodes: int = 1, **how: Any) -> Store:
    """A store of whole episodes."""
    one = recorder(folder, contract=how.get("contract", CONTRACT))
    for number in range(episodes):
        begin_ns = T0 + number * 5_000 * MS
        feed(one, episode_messages(begin_ns, number, **how))
    one.close()
    return Store(folder)


def feed(one: EpisodeRecorder, items: Iterator[tuple[Received, News]]) -> int:
    """Hands messages on as the thread does; the time of the last one."""
    last_ns = 0
    for received, news in items:
        one.take(received, news)
        one.tick(received.log_ns)
        last_ns = received.log_ns
    one.tick(last_ns + 2_000 * MS)
    return last_ns
