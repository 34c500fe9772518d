"""Playing a grasp policy over the graph: an actor's program without a learner."""

from __future__ import annotations

import numpy as np

from robot_learning.grasping.policy import GraspPolicy
from robot_learning.replay.images import UInt8
from robot_learning.replay.step import Float32
from robot_learning.training.actor_types import Choice, EpisodePlan
from robot_learning.training.play import PlayedEpisodes


class GraspPlay(PlayedEpisodes):
    """So many attempts of a policy that does not change."""

    def __init__(self, policy: GraspPolicy, *, seed: int, episodes: int) -> None:
        super().__init__(seed=seed, episodes=episodes)
        self._policy = policy
        self._begun = False

    def plan(self) -> EpisodePlan | str:
        """The next scene, or why there is none."""
        self._begun = False
        return super().plan()

    def choose(self, picture: UInt8, state: Float32) -> Choice:
        """The policy's action."""
        if not self._begun:
            self._begun = True
            self._policy.begin(np.random.default_rng(), picture)
        return Choice(self._policy.act(picture, state), self.policy_version)
