"""What a model says would have happened: short rollouts, kept for a few fits."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from robot_learning.dynamics.ensemble import Ensemble
from robot_learning.dynamics.reward_model import RewardModel
from robot_learning.planning.objectives import objective_of
from robot_learning.replay import Batch

Act = Callable[[Tensor], Tensor]
"""Raw inputs (n, o + g) to actions in units of [-1, 1], (n, a)."""


class Branches:
    """Imagined transitions, those of one call of `grow` side by side."""

    def __init__(
        self,
        model: Ensemble,
        objective: Mapping[str, Any],
        *,
        pessimism: float = 0.0,
        rewards: RewardModel | None = None,
    ) -> None:
        """Makes an empty store.

        Args:
            model: asked for what happens; a row asks one member, another at every step.
            objective: description of the rewards.
            pessimism: so much is taken off a reward for each unit of the largest deviation that a
                member predicts (the norm, in the observation's units).
            rewards: the networks of an objective that is learned.
        """
        self._rewards = rewards
        self._model, self._objective, self._pessimism = model, objective, pessimism
        self._grown: deque[Batch] = deque()

    def __len__(self) -> int:
        return sum(len(batch.rewards) for batch in self._grown)

    def keep(self, count: int) -> None:
        """Forgets all but the newest `count` calls of `grow`."""
        while len(self._grown) > count:
            self._grown.popleft()

    @torch.no_grad()
    def grow(
        self, starts: Tensor, goals: Tensor, act: Act, steps: int, generator: torch.Generator
    ) -> None:
        """Rolls out from real states.

        Args:
            starts: observations, shape (n, o).
            goals: shape (n, g).
            act: the policy.
            steps: of each rollout; one that ends before that stays short.
            generator: of members and noise.
        """
        rows: list[tuple[Tensor, ...]] = []
        states = starts
        for _ in range(steps):
            if not len(states):
                break
            inputs = torch.cat((states, goals), 1)
            actions = act(inputs)
            after, deviation = self._step(states, actions, generator)
            objective = objective_of(self._objective, goals, self._rewards)
            reward = objective.reward(states, actions, after) - self._pessimism * deviation
            ended = objective.terminated(after)
            good = after.isfinite().all(1) & reward.isfinite()
            found = (inputs, actions, reward, torch.cat((after, goals), 1), ended.float())
            rows.append(tuple(part[good] for part in found))
            going = good & ~ended
            states, goals = after[going], goals[going]
        if rows:
            columns = (torch.cat(column).numpy() for column in zip(*rows, strict=True))
            self._grown.append(Batch(*columns))

    def sample(self, size: int, rng: np.random.Generator) -> Batch:
        """Rows drawn alike from all that is kept.

        Raises:
            ValueError: there are none.
        """
        if not len(self):
            raise ValueError("nothing was imagined yet")
        counts = np.array([len(batch.rewards) for batch in self._grown])
        share = rng.multinomial(size, counts / counts.sum())
        parts = [
            [field[rows] for field in batch[:5]]
            for batch, rows in (
                (batch, rng.integers(len(batch.rewards), size=int(count)))
                for batch, count in zip(self._grown, share, strict=True)
            )
        ]
        return Batch(*(np.concatenate(column) for column in zip(*parts, strict=True)))

    def _step(
        self, states: Tensor, actions: Tensor, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """What one member each says comes next, (n, o), and the deviation that is doubted, (n,)."""
        members, n = self._model.members, len(states)
        shape = (members, n, -1)
        mean, std = self._model.predict(states.expand(shape), actions.expand(shape))
        member = torch.randint(members, (n,), generator=generator)
        row = torch.arange(n)
        chosen, spread = mean[member, row], std[member, row]
        noise = torch.empty_like(chosen).normal_(generator=generator)
        return chosen + spread * noise, std.square().sum(-1).sqrt().amax(0)
