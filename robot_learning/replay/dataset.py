"""A fixed set of transitions in whole episodes: what imitation learns from."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray

from robot_learning.replay.step import Float32, Step

Rows = NDArray[np.int64]
Label = Literal["executed_action", "requested_action"]


Normalise = Callable[[Float32], Float32]
"""Actions in the environment's units to units of [-1, 1], as `Spaces.normalise_action`."""


@dataclass(frozen=True, slots=True)
class Dataset:
    """Transitions side by side, n rows, the steps of an episode one after the other.

    Attributes:
        inputs: observation and desired goal at o, shape (n, o + g), not normalised.
        actions: what is to be imitated, units of [-1, 1] or a choice's number, shape (n, a).
        rewards: shape (n,).
        next_inputs: observation and desired goal at o', shape (n, o + g).
        terminated: 1 where the task itself ended, shape (n,); a truncated episode has 0 here.
        episodes: a number for each episode, shape (n,).
    """

    inputs: Float32
    actions: Float32
    rewards: Float32
    next_inputs: Float32
    terminated: Float32
    episodes: NDArray[np.int64]

    @classmethod
    def of(
        cls, steps: Sequence[Step], normalise: Normalise, label: Label = "executed_action"
    ) -> Self:
        """Puts steps side by side.

        Args:
            steps: at least one, checked; those of an episode in order and in one piece.
            normalise: brings actions to units of [-1, 1].
            label: which of a step's actions is to be imitated: the one that was done, or the one
                that an expert asked for while somebody else acted.

        Raises:
            ValueError: there are no steps.
        """
        if not steps:
            raise ValueError("there are no steps to learn from")
        begins = [
            now.episode != before.episode or now.actor_id != before.actor_id
            for before, now in itertools.pairwise(steps)
        ]
        return cls(
            inputs=np.stack([np.concatenate((s.observation, s.desired_goal)) for s in steps]),
            actions=normalise(np.stack([getattr(s, label) for s in steps])),
            rewards=np.array([s.reward for s in steps], np.float32),
            next_inputs=np.stack(
                [np.concatenate((s.next_observation, s.desired_goal)) for s in steps]
            ),
            terminated=np.array([s.terminated for s in steps], np.float32),
            episodes=np.cumsum([False, *begins]),
        )

    def __len__(self) -> int:
        return len(self.rewards)

    @property
    def cuts(self) -> NDArray[np.bool_]:
        """Where an episode's data ends though the task goes on, shape (n,)."""
        lasts = np.append(self.episodes[1:] != self.episodes[:-1], True)
        cuts: NDArray[np.bool_] = lasts & (self.terminated == 0.0)
        return cuts

    def take(self, rows: Rows | slice) -> Self:
        """Some of the rows."""
        return type(self)(*(getattr(self, field.name)[rows] for field in fields(self)))

    def split(self, share: float, rng: np.random.Generator) -> tuple[Rows, Rows]:
        """Sets whole episodes aside: neighbours in time are too alike to validate each other.

        Args:
            share: of the episodes to set aside; at least one, and at least one is left.
            rng: draws which.

        Returns:
            Numbers of the rows that are left, and of those set aside: none for a share of 0 or a
            single episode.
        """
        numbers = np.unique(self.episodes)
        count = min(max(1, round(share * len(numbers))), len(numbers) - 1) if share else 0
        aside = np.isin(self.episodes, rng.choice(numbers, count, replace=False))
        return np.flatnonzero(~aside), np.flatnonzero(aside)
