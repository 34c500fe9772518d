"""Collecting experience for a learner: what its status asks for, acted with its newest weights."""

from __future__ import annotations

from collections.abc import Sized

import numpy as np

from robot_learning.evaluation.rollout import EVALUATION_STREAM
from robot_learning.networks import Policy
from robot_learning.replay.step import Float32
from robot_learning.training.actor_types import Choice, EpisodeEnd, EpisodePlan
from robot_learning.training.environments import episode_seed
from robot_learning.training.exploration import Exploration
from robot_learning.training.learner_types import LearnerStatus, Phase

# With more steps than this not acknowledged, no further episode begins until the learner is back.
UNACKNOWLEDGED_MAX = 4000


class Collection:
    """An actor's program for training episodes, and evaluation ones at the end.

    Attributes:
        policy: newest weights; None until the learner has sent some.
        status: newest word of the learner; None before the first.
    """

    def __init__(
        self,
        exploration: Exploration,
        scenes: np.random.Generator,
        unacknowledged: Sized,
        *,
        seed: int,
    ) -> None:
        """Begins without weights.

        Args:
            exploration: what is added to the policy while training.
            scenes: draws the training scenes.
            unacknowledged: steps that the learner does not have on its disk.
            seed: of the evaluation scenes, which are the same in every run with it.
        """
        self.policy: Policy | None = None
        self.status: LearnerStatus | None = None
        self._exploration = exploration
        self._scenes = scenes
        self._unacknowledged = unacknowledged
        self._seed = seed
        self._evaluated = 0

    def plan(self) -> EpisodePlan | str:
        """Training or evaluation, or why to wait."""
        status = self.status
        if status is None:
            return "the learner's status"
        if len(self._unacknowledged) > UNACKNOWLEDGED_MAX:
            return f"the learner: {len(self._unacknowledged)} steps are not acknowledged"
        if status.phase is Phase.DONE:
            return "the run is done"
        if status.phase is Phase.EVALUATING:
            if self.policy is None:
                return "the learner's policy"
            if not self.policy.ready:
                return "a model that was fitted: the run has too few steps for one"
            index = max(self._evaluated, status.evaluation_episodes)
            if index >= status.evaluation_episodes_goal:
                return "the learner to count the evaluation"
            return EpisodePlan(episode_seed(self._seed, EVALUATION_STREAM, index), True)
        return EpisodePlan(int(self._scenes.integers(2**31)), False)

    def choose(self, observation: Float32, goal: Float32, is_evaluation: bool) -> Choice:
        """The policy's action; while training with exploration, or random during warm-up."""
        policy, steps = self.policy, self.status.steps if self.status else 0
        wanted = goal if goal.size else None
        if is_evaluation:
            assert policy is not None
            return Choice.of(policy, observation, wanted, policy.act(observation, wanted))
        if policy is None or not policy.ready or self._exploration.is_random(steps):
            return Choice(self._exploration.random_action(), 0)
        action = self._exploration.explore(policy, observation, wanted, steps)
        return Choice.of(policy, observation, wanted, action)

    def count(self, end: EpisodeEnd) -> None:
        """Takes an episode that was not given up."""
        if end.is_evaluation:
            self._evaluated += 1
