"""The data of a model: what was seen, what was done, what was seen next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from robot_learning.dynamics.model import DynamicsError
from robot_learning.replay.dataset import Normalise
from robot_learning.replay.step import Step


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What transitions were worth; what a model of rewards learns from.

    Attributes:
        goals: shape (n, g).
        rewards: shape (n,).
        terminated: the task itself ended, shape (n,), 0 or 1.
    """

    goals: Tensor
    rewards: Tensor
    terminated: Tensor

    def take(self, rows: Tensor) -> Self:
        """Some of the rows."""
        return type(self)(self.goals[rows], self.rewards[rows], self.terminated[rows])


@dataclass(frozen=True, slots=True)
class Transitions:
    """Transitions side by side, n rows, the steps of an episode one after the other.

    Attributes:
        observations: shape (n, o), not normalised, float32.
        actions: executed actions in units of [-1, 1], shape (n, a).
        next_observations: shape (n, o).
        episodes: a number for each episode, shape (n,), int64.
        outcomes: of the same rows; none where nobody wrote down what they were worth.
    """

    observations: Tensor
    actions: Tensor
    next_observations: Tensor
    episodes: Tensor
    outcomes: Outcomes | None = None

    @classmethod
    def of(cls, steps: Sequence[Step], normalise: Normalise) -> Self:
        """Puts steps side by side; an episode is known by actor and number.

        Args:
            steps: those of an episode in order and in one piece.
            normalise: brings actions to units of [-1, 1].

        Raises:
            DynamicsError: there are none, or one is not finite.
        """
        if not steps:
            raise DynamicsError("there are no transitions to learn from: gather some first")
        numbers: dict[tuple[str, int], int] = {}
        episodes = [numbers.setdefault((s.actor_id, s.episode), len(numbers)) for s in steps]
        rewards = np.array([[step.reward] for step in steps])
        _require_finite("reward", rewards)
        outcomes = Outcomes(
            torch.from_numpy(np.stack([step.desired_goal for step in steps])),
            torch.as_tensor(rewards[:, 0], dtype=torch.float32),
            torch.tensor([float(step.terminated) for step in steps]),
        )
        data = cls.from_arrays(
            np.stack([step.observation for step in steps]),
            normalise(np.stack([step.executed_action for step in steps])),
            np.stack([step.next_observation for step in steps]),
            np.array(episodes),
        )
        return replace(data, outcomes=outcomes)

    @classmethod
    def from_arrays(
        cls,
        observations: NDArray[np.floating],
        actions: NDArray[np.floating],
        next_observations: NDArray[np.floating],
        episodes: NDArray[np.integer],
    ) -> Self:
        """The same from arrays of these shapes.

        Raises:
            DynamicsError: something is not finite; the message says what, and in which row.
        """
        for name, array in (
            ("observation", observations),
            ("action", actions),
            ("next observation", next_observations),
        ):
            _require_finite(name, array)
        return cls(
            torch.as_tensor(observations, dtype=torch.float32),
            torch.as_tensor(actions, dtype=torch.float32),
            torch.as_tensor(next_observations, dtype=torch.float32),
            torch.as_tensor(episodes, dtype=torch.int64),
        )

    def __len__(self) -> int:
        return len(self.episodes)

    @property
    def inputs(self) -> Tensor:
        """Observation, then action, shape (n, o + a)."""
        return torch.cat((self.observations, self.actions), 1)

    @property
    def changes(self) -> Tensor:
        """What a model learns: by how much each observation changes, shape (n, o)."""
        return self.next_observations - self.observations

    def take(self, rows: Tensor) -> Self:
        """Some of the rows."""
        return type(self)(
            self.observations[rows],
            self.actions[rows],
            self.next_observations[rows],
            self.episodes[rows],
            self.outcomes.take(rows) if self.outcomes else None,
        )

    def split(self, share: float) -> tuple[Self, Self]:
        """Sets whole episodes aside: neighbours in time are too alike to judge each other.

        Which, their order alone decides: the second, and so on evenly. So an episode that was set
        aside once always is, however many follow, and a model that goes on from its last fit was
        never fitted to any of them.

        Args:
            share: of the episodes to set aside; of two or more at least one. Of a single episode
                its last part is set aside.
        """
        numbers, order = torch.unique(self.episodes, return_inverse=True)
        if len(numbers) == 1:
            cut = len(self) - max(1, round(share * len(self)))
            return self.take(torch.arange(cut)), self.take(torch.arange(cut, len(self)))
        number = torch.arange(len(numbers), dtype=torch.float64)
        counted = ((number - 1.0) * share + 1e-9).floor()  # set aside up to here, less one
        aside = counted.diff(prepend=counted[:1]).bool()[order]
        return self.take((~aside).nonzero()[:, 0]), self.take(aside.nonzero()[:, 0])


def _require_finite(name: str, array: NDArray[np.floating]) -> None:
    bad = ~np.isfinite(array).all(axis=1)
    if bad.any():
        row = int(bad.argmax())
        raise DynamicsError(
            f"transition {row} of {len(array)}: its {name} is {array[row]}; leave that episode out"
        )
