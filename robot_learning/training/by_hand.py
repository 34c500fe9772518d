"""Demonstrations by a person alone: so many scenes, and rest in the place of a policy."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from robot_learning.control.action import ActionKind
from robot_learning.demonstrations.record import DEMONSTRATION_STREAM
from robot_learning.replay.step import Float32
from robot_learning.training.actor_types import Choice, EpisodeEnd
from robot_learning.training.play import PlayedEpisodes


class ByHand(PlayedEpisodes):
    """An actor's program that asks the arm to rest; the scenes are those of `demonstrate`."""

    stream: ClassVar[int] = DEMONSTRATION_STREAM

    def __init__(self, *, seed: int, episodes: int, action_size: int) -> None:
        """See `PlayedEpisodes`; `action_size` is the contract's."""
        super().__init__(seed=seed, episodes=episodes, is_evaluation=False)
        self._action_size = action_size
        self._may_take_back = False

    def count(self, end: EpisodeEnd) -> None:
        """See `PlayedEpisodes.count`."""
        super().count(end)
        self._may_take_back = True

    def take_back(self) -> bool:
        """Forgets the newest episode, so that its scene is the next; once for each that counted."""
        if not self._may_take_back:
            return False
        self._may_take_back = False
        self.ended.pop()
        return True

    def next_line(self) -> str:
        """The next episode, for people."""
        return f"episode {len(self.ended) + 1} of {self._episodes}"

    def choose(self, observation: Float32, goal: Float32, is_evaluation: bool) -> Choice:
        """Rest."""
        return Choice(np.zeros(self._action_size, np.float32), 0, ActionKind.HOLD)
