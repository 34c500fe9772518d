"""Whose turn it is to act: first the script, then the policy too, and more of it once it is better.

Kalashnikov et al. 2018, section 5: scripted exploration until the policy outdoes it.
"""

from __future__ import annotations

from collections import deque

import numpy as np

from robot_learning.evaluation import wilson_interval
from robot_learning.grasping.episode import GraspEpisode

_WINDOW = 200  # episodes over which a rate of success is measured
_POLICY = "noisy"
_SHARE, _SHARE_BETTER = 0.75, 0.95


class Turns:
    """Recent success of everybody who acted, and who is next."""

    def __init__(self, script: str, scripted_episodes: int, seed: int) -> None:
        """Knows of no episode.

        Args:
            script: the source that the script's episodes say they are of.
            scripted_episodes: seeds below it are the script's.
            seed: of the draws.
        """
        self._script, self._scripted_episodes, self._seed = script, scripted_episodes, seed
        self._recent: dict[str, deque[bool]] = {}

    def add(self, episode: GraspEpisode) -> None:
        """Takes note of an episode."""
        window = self._recent.setdefault(episode.source, deque(maxlen=_WINDOW))
        window.append(episode.success)

    def by_policy(self, seed: int) -> bool:
        """Whether an episode is the policy's; more often once it is better than the script.

        The draw depends on the episode's seed alone, so a resumed run goes on alike.
        """
        if seed < self._scripted_episodes:
            return False
        better = self._rate(_POLICY) > self._rate(self._script)
        share = _SHARE_BETTER if better else _SHARE
        return bool(np.random.default_rng([self._seed, 3, seed]).random() < share)

    def rates(self) -> dict[str, float]:
        """Share of successes in the latest episodes of each source."""
        return {source: self._rate(source) for source in self._recent}

    def status(self) -> dict[str, object]:
        """The policy's rate of success with its interval, or the script's before it acts."""
        window = self._recent.get(_POLICY) or self._recent.get(self._script) or deque()
        return {
            "success_rate": sum(window) / len(window) if window else 0.0,
            "success_window": len(window),
            "success_wilson95": wilson_interval(sum(window), len(window)),
        }

    def _rate(self, source: str) -> float:
        window = self._recent.get(source)
        return sum(window) / len(window) if window else 0.0
