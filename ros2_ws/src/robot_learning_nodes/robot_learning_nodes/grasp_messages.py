"""Between the messages of grasping and the library's types."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from robot_learning_interfaces.msg import GraspEpisode as GraspEpisodeMessage
from robot_learning_interfaces.msg import GraspOrder

from robot_learning.grasping.episode import GraspEpisode
from robot_learning.grasping.log import to_bytes
from robot_learning.grasping.orders import Wanted
from robot_learning_nodes.convert import MessageError, to_time


def write_order(
    wanted: Sequence[Wanted], acknowledged: Sequence[int], contract_sha256: str, *, done: bool
) -> GraspOrder:
    """What the learner wants and has."""
    return GraspOrder(
        contract_sha256=contract_sha256,
        seeds=[attempt.seed for attempt in wanted],
        by_policy=[attempt.by_policy for attempt in wanted],
        acknowledged=list(acknowledged),
        done=done,
    )


def read_order(message: GraspOrder) -> tuple[list[Wanted], list[int]]:
    """What is wanted, and what is on disk.

    Raises:
        MessageError: it does not say for every attempt who acts.
    """
    if len(message.seeds) != len(message.by_policy):
        raise MessageError(
            f"an order of {len(message.seeds)} seeds says of {len(message.by_policy)} who acts"
        )
    pairs = zip(message.seeds, message.by_policy, strict=True)
    wanted = [Wanted(int(seed), bool(by_policy)) for seed, by_policy in pairs]
    return wanted, [int(seed) for seed in message.acknowledged]


def write_episode(
    episode: GraspEpisode, actor_id: str, stamp_s: float, frame_id: str, contract_sha256: str
) -> GraspEpisodeMessage:
    """An attempt as it is sent, in the format of the log."""
    message = GraspEpisodeMessage(
        actor_id=actor_id, seed=episode.seed, contract_sha256=contract_sha256
    )
    message.header.stamp = to_time(stamp_s)
    message.header.frame_id = frame_id
    message.shard = array("B", to_bytes([episode], contract_sha256))
    return message
