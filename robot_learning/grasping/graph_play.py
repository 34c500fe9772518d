"""Playing a grasp policy over the graph: an actor's program without a learner."""

from __future__ import annotations

from robot_learning.grasping.policy import GraspPolicy
from robot_learning.replay.images import UInt8
from robot_learning.replay.step import Float32
from robot_learning.training.actor_types import Choice
from robot_learning.training.play import PlayedEpisodes


class GraspPlay(PlayedEpisodes):
    """So many attempts of a policy that does not change."""

    def __init__(self, policy: GraspPolicy, *, seed: int, episodes: int) -> None:
        super().__init__(seed=seed, episodes=episodes)
        self._policy = policy

    def choose(self, picture: UInt8, state: Float32) -> Choice:
        """The policy's action."""
        return Choice(self._policy.act(picture, state), self.policy_version)
