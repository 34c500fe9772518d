"""Uniform replay: a ring of packed rows, with hindsight goals drawn when it is sampled."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from robot_learning.replay.step import Float32, Step

RewardFunction = Callable[[Float32, Float32], NDArray[np.floating]]
"""(achieved (n, g), desired (n, g)) -> reward (n,)."""


class Batch(NamedTuple):
    """Transitions side by side, n rows each; all float32.

    Attributes:
        inputs: observation and desired goal at o, shape (n, o + g), not normalised.
        actions: executed actions in units of [-1, 1], shape (n, a).
        rewards: shape (n,).
        next_inputs: observation and desired goal at o', shape (n, o + g).
        terminated: 1 where the task itself ended, shape (n,); a truncated episode has 0 here.
    """

    inputs: Float32
    actions: Float32
    rewards: Float32
    next_inputs: Float32
    terminated: Float32


class ReplayBuffer:
    """The last `capacity` transitions, whole episodes one after the other.

    One row holds one transition, so that a batch is one gather. Hindsight follows the strategy
    "future" (Andrychowicz et al. 2017, arXiv 1707.01495, section 4.5): a fraction k / (k + 1) of
    a batch has its goal replaced by a goal achieved later in the same episode, and its reward
    computed anew. It is done when sampling, so every visit sees another goal. `terminated` stays
    as it was recorded: for tasks that end when the goal is reached, use k = 0.
    """

    def __init__(
        self,
        capacity: int,
        observation_size: int,
        goal_size: int,
        action_size: int,
        *,
        hindsight_per_transition: int = 0,
        compute_reward: RewardFunction | None = None,
    ) -> None:
        if hindsight_per_transition and (compute_reward is None or goal_size == 0):
            raise ValueError("hindsight needs goals and the task's reward function")
        self._capacity = capacity
        self._relabelled = hindsight_per_transition / (hindsight_per_transition + 1.0)
        self._compute_reward = compute_reward
        widths = {
            "observation": observation_size,
            "desired_goal": goal_size,
            "action": action_size,
            "reward": 1,
            "next_observation": observation_size,
            "next_desired_goal": goal_size,
            "terminated": 1,
            "next_achieved_goal": goal_size,
        }
        edges = np.cumsum([0, *widths.values()])
        self._at = {name: slice(edges[i], edges[i + 1]) for i, name in enumerate(widths)}
        # np.zeros takes memory from the system only as rows are written.
        self._rows = np.zeros((capacity, int(edges[-1])), np.float32)
        self._episode_end = np.zeros(capacity, np.int64)
        self._count = 0

    def __len__(self) -> int:
        return min(self._count, self._capacity)

    def add(self, steps: Sequence[Step], actions: Float32) -> None:
        """Adds the steps of one episode, in order; the oldest rows give way.

        Args:
            steps: consecutive steps of one episode.
            actions: their executed actions in units of [-1, 1], shape (len(steps), a).
        """
        end = self._count + len(steps)
        for step, action in zip(steps, actions, strict=True):
            index = self._count % self._capacity
            row, at = self._rows[index], self._at
            row[at["observation"]] = step.observation
            row[at["desired_goal"]] = row[at["next_desired_goal"]] = step.desired_goal
            row[at["action"]] = action
            row[at["reward"]] = step.reward
            row[at["next_observation"]] = step.next_observation
            row[at["next_achieved_goal"]] = step.next_achieved_goal
            row[at["terminated"]] = step.terminated
            self._episode_end[index] = end
            self._count += 1

    def sample(self, size: int, rng: np.random.Generator) -> Batch:
        """Draws `size` transitions uniformly, with replacement.

        Raises:
            ValueError: the buffer is empty.
        """
        if not self._count:
            raise ValueError("the replay buffer is empty")
        # Positions count transitions ever added, so that an episode may lie across the seam.
        positions = rng.integers(self._count - len(self), self._count, size)
        indices = positions % self._capacity
        rows = self._rows.take(indices, axis=0)
        if self._relabelled:
            self._relabel(rows, positions, indices, rng)
        at = self._at
        return Batch(
            inputs=rows[:, at["observation"].start : at["desired_goal"].stop],
            actions=rows[:, at["action"]],
            rewards=rows[:, at["reward"].start],
            next_inputs=rows[:, at["next_observation"].start : at["next_desired_goal"].stop],
            terminated=rows[:, at["terminated"].start],
        )

    def _relabel(
        self,
        rows: Float32,
        positions: NDArray[np.int64],
        indices: NDArray[np.int64],
        rng: np.random.Generator,
    ) -> None:
        assert self._compute_reward is not None
        chosen = np.flatnonzero(rng.random(len(rows)) < self._relabelled)
        future = rng.integers(positions[chosen], self._episode_end[indices[chosen]])
        at = self._at
        goals = self._rows[future % self._capacity, at["next_achieved_goal"]]
        rows[chosen, at["desired_goal"]] = goals
        rows[chosen, at["next_desired_goal"]] = goals
        achieved = rows[chosen, at["next_achieved_goal"]]
        rows[chosen, at["reward"].start] = self._compute_reward(achieved, goals)
