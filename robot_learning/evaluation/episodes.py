"""Turns numbered steps into finished episodes: return, length, success with its hold time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from robot_learning.evaluation.statistics import wilson_interval
from robot_learning.replay.step import Step


@dataclass(frozen=True, slots=True)
class Episode:
    """A finished episode.

    Attributes:
        episode_return: sum of rewards, not discounted.
        length: number of steps.
        success: the condition held during the last `hold_steps` steps.
    """

    episode_return: float
    length: int
    success: bool


class EpisodeTracker:
    """Follows one stream of steps.

    An episode that stops without an end (its actor died) is forgotten when the next one begins.
    """

    def __init__(self, hold_steps: int) -> None:
        self._hold_steps = hold_steps
        self._episode = -1
        self._return = 0.0
        self._length = 0
        self._held = 0

    def follow(self, step: Step) -> Episode | None:
        """Takes the next step; returns the episode if this step ended it."""
        if step.episode != self._episode:
            self._episode, self._return, self._length, self._held = step.episode, 0.0, 0, 0
        return self.count(step.reward, success=step.success, over=step.terminated or step.truncated)

    def count(self, reward: float, *, success: bool, over: bool) -> Episode | None:
        """Takes the next step's facts alone, where episodes follow one another without gaps."""
        # float32 as it is stored, so that a resumed run counts the very same return.
        self._return += float(np.float32(reward))
        self._length += 1
        self._held = self._held + 1 if success else 0
        if not over:
            return None
        held = self._held >= min(self._hold_steps, self._length)
        finished = Episode(self._return, self._length, held)
        self.restore([-1, 0.0, 0, 0])
        return finished

    def state(self) -> list[float]:
        """What JSON can hold of it."""
        return [self._episode, self._return, self._length, self._held]

    def restore(self, state: list[float]) -> None:
        """Goes on from a `state`."""
        self._episode, self._length, self._held = int(state[0]), int(state[2]), int(state[3])
        self._return = float(state[1])


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Outcome of a number of episodes; success figures are None where the task has no success."""

    n: int
    mean_return: float
    std_return: float
    success_rate: float | None
    wilson95: tuple[float, float] | None

    @classmethod
    def of(cls, episodes: list[Episode], *, has_success: bool) -> Evaluation:
        """Summarises episodes; `std_return` is the sample's (n - 1), 0 for fewer than two."""
        returns = np.array([episode.episode_return for episode in episodes])
        n = len(episodes)
        successes = sum(episode.success for episode in episodes)
        return cls(
            n=n,
            mean_return=float(returns.mean()) if n else 0.0,
            std_return=float(returns.std(ddof=1)) if n > 1 else 0.0,
            success_rate=successes / n if has_success and n else None,
            wilson95=wilson_interval(successes, n) if has_success and n else None,
        )

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "n": self.n,
            "mean_return": self.mean_return,
            "std_return": self.std_return,
            "success_rate": self.success_rate,
            "wilson95": list(self.wilson95) if self.wilson95 else None,
        }
