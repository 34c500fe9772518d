"""Looking for a plan within a time that is kept whatever happens.

A search proposes rounds of candidates and learns from their scores. `plan` scores them in pieces,
looks at the clock between two pieces, and at the deadline takes the best plan so far. How long a
piece takes is measured, so that the last one ends in time.
"""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

Score = Callable[[Tensor], Tensor]
"""Plans (n, horizon, a) to what they are worth, (n,)."""
Clock = Callable[[], float]


@dataclass(frozen=True)
class Plan:
    """What a search came to.

    Attributes:
        actions: in units of [-1, 1], shape (horizon, a).
        value: what the best candidate scored; minus infinity where none was scored in time.
        scored: candidates.
        complete: every round was scored before the deadline.
        seconds: that it took.
    """

    actions: Tensor
    value: float
    scored: int
    complete: bool
    seconds: float


class Search(ABC):
    """A method of planning; begins anew with `begin`, and may go on from the plan before.

    Attributes:
        horizon: steps of a plan.
        action_size: of each.
    """

    def __init__(self, horizon: int, action_size: int) -> None:
        self.horizon, self.action_size = horizon, action_size
        self._mean = torch.zeros(horizon, action_size)

    def forget(self) -> None:
        """What was planned before is of no use: a new episode."""
        self._mean = torch.zeros(self.horizon, self.action_size)

    def shift(self, actions: Tensor, steps: int = 1) -> None:
        """So many steps of a plan are carried out: the rest is where the next one begins."""
        self._mean = moved_on(actions, steps)

    @property
    @abstractmethod
    def rounds(self) -> int:
        """Of candidates."""

    @abstractmethod
    def candidates(self, number: int, generator: torch.Generator) -> Tensor:
        """The candidates of a round, shape (n, horizon, a), within [-1, 1]."""

    @abstractmethod
    def learn(self, candidates: Tensor, values: Tensor) -> None:
        """Takes the scores of a round in: `values`, shape (n,)."""

    def answer(self, best: Tensor) -> Tensor:
        """What to carry out, shape (horizon, a), given the best candidate; that, by default."""
        return best


def plan(
    search: Search,
    score: Score,
    generator: torch.Generator,
    *,
    budget_s: float | None = None,
    piece: int = 64,
    carried_out: int = 1,
    clock: Clock = time.perf_counter,
) -> Plan:
    """Searches until the rounds are done or the time is up.

    Args:
        search: goes on from what it holds, and holds the shifted answer afterwards.
        score: of candidates.
        generator: of candidates.
        budget_s: time for all of it; None for as long as it takes.
        piece: candidates scored between two looks at the clock.
        carried_out: steps of the answer before the next search, at most the horizon.
        clock: seconds.

    Returns:
        The best plan so far. Where not one piece could be scored it is the rest of the plan
        before, with a value of minus infinity.
    """
    begun_s = clock()
    end_s = math.inf if budget_s is None else begun_s + budget_s
    best, best_value, scored, piece_s = search._mean, -math.inf, 0, 0.0
    complete = True
    for number in range(search.rounds):
        candidates = search.candidates(number, generator)
        values: list[Tensor] = []
        for part in torch.split(candidates, piece):
            before_s = clock()
            if before_s + piece_s > end_s:
                complete = False
                break
            values.append(score(part))
            piece_s = max(0.5 * piece_s, clock() - before_s)
        if values:
            found = torch.cat(values)
            scored += len(found)
            top, index = found.max(0)
            if top.item() > best_value:
                best, best_value = candidates[int(index)], top.item()
            search.learn(candidates[: len(found)], found)
        if not complete:
            break
    actions = search.answer(best)
    search.shift(actions, carried_out)
    return Plan(actions, best_value, scored, complete, clock() - begun_s)


def moved_on(actions: Tensor, steps: int) -> Tensor:
    """What is left of a plan after so many steps, its last action repeated; time is axis -2."""
    left = actions[..., steps:, :]
    repeated = [-1] * actions.ndim
    repeated[-2] = steps
    return torch.cat((left, actions[..., -1:, :].expand(repeated)), -2)
